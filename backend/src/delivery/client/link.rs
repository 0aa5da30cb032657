//! One request at a time to the listener, and what its answer means.

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Target;
use crate::delivery::protocol::{ATTEMPT, Began, Begin, Next};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// So many refusals of the token in a row end the delivery: the server no longer knows the job.
const REFUSALS: u32 = 5;

/// The way to the listener.
pub(super) struct Link<'a> {
    http: reqwest::Client,
    target: &'a Target,
    refused: u32,
}

/// What a reply means for what comes next.
pub(super) enum Reply<T> {
    /// Taken.
    Accepted(Option<T>),
    /// The server wants to go on from this line.
    GoBack(u64),
    /// The server wants nothing of this attempt any more.
    Gone,
    /// Not now.
    Failed(String),
}

impl<'a> Link<'a> {
    pub(super) fn new(target: &'a Target) -> io::Result<Self> {
        let http = crate::registry::http_client(|client| {
            client.timeout(ANSWER_TIMEOUT).connect_timeout(CONNECT_TIMEOUT).no_proxy()
        })
        .map_err(io::Error::other)?;
        Ok(Self { http, target, refused: 0 })
    }

    /// Begins the attempt, or goes on with it.
    pub(super) async fn begin(&mut self) -> Reply<Began> {
        let begin = Begin { attempt: self.target.attempt.clone() };
        let request = self.http.post(self.url("begin")).json(&begin);
        match self.send(request).await {
            Reply::Accepted(None) => Reply::Failed("its answer cannot be understood".to_owned()),
            reply => reply,
        }
    }

    /// Appends lines, of which the first has the number `from`.
    pub(super) async fn append(&mut self, from: u64, lines: Vec<u8>) -> Reply<Next> {
        let request = self.http.post(format!("{}?from={from}", self.url("log"))).body(lines);
        self.send(request.header(ATTEMPT, &self.target.attempt)).await
    }

    /// Tells progress, or the end.
    pub(super) async fn post(&mut self, what: &str, body: &impl serde::Serialize) -> Reply<Next> {
        let request = self.http.post(self.url(what)).json(body);
        self.send(request.header(ATTEMPT, &self.target.attempt)).await
    }

    fn url(&self, what: &str) -> String {
        format!("{}/v1/jobs/{}/{what}", self.target.address.trim_end_matches('/'), self.target.job)
    }

    async fn send<T: DeserializeOwned>(&mut self, request: reqwest::RequestBuilder) -> Reply<T> {
        let answer = match request.bearer_auth(self.target.token.expose()).send().await {
            Ok(answer) => answer,
            Err(error) => return Reply::Failed(sentence(&error)),
        };
        let status = answer.status().as_u16();
        if status == 401 {
            self.refused += 1;
            return match self.refused < REFUSALS {
                true => Reply::Failed("it refuses the token".to_owned()),
                false => Reply::Gone,
            };
        }
        match status {
            200..=299 => {
                self.refused = 0;
                Reply::Accepted(answer.json().await.ok())
            }
            404 | 410 => Reply::Gone,
            409 => match answer.json::<Next>().await {
                Ok(next) => Reply::GoBack(next.next),
                Err(error) => Reply::Failed(sentence(&error)),
            },
            status => Reply::Failed(format!("status {status}")),
        }
    }
}

/// The error with its innermost cause, which alone says what is the matter.
fn sentence(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
