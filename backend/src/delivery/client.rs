//! The builder's side: sends the spool, tells progress, and does not give up while the server is away.

use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::watch;
use tokio::time::Instant;

use super::protocol::{End, Next, Progress};
use crate::config::Secret;

/// The most that one request carries; the listener takes 4 MiB.
const BATCH: usize = 1024 * 1024;
/// Lines that come within this time travel together.
const GATHER: Duration = Duration::from_millis(60);
/// A silent builder is heard at least this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// So many refusals of the token in a row end the delivery: the server no longer knows the job.
const REFUSALS: u32 = 5;

/// How long a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length {
    /// Whole lines.
    pub lines: u64,
    /// Their bytes, line ends included.
    pub bytes: u64,
}

/// Where one job's log and result go.
pub struct Target {
    /// `http://host:port`.
    pub address: String,
    /// The job.
    pub job: uuid::Uuid,
    /// What the listener asks for.
    pub token: Secret,
    /// The spool.
    pub spool: PathBuf,
}

/// What is to be delivered, as it grows.
pub struct Feed {
    /// How much of the spool is whole lines.
    pub length: watch::Receiver<Length>,
    /// The latest progress.
    pub progress: watch::Receiver<Option<Progress>>,
    /// The end, once there is one.
    pub end: watch::Receiver<Option<End>>,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The server has log and result, and has checked them.
    Complete,
    /// The server wants nothing of this job any more.
    Gone,
}

/// Delivers until the end is acknowledged or the server says that the job is gone. It retries for ever: the caller sets
/// the limit by dropping the future.
///
/// # Errors
/// When the spool cannot be read, or no HTTP client can be made.
pub async fn deliver(target: Target, feed: Feed) -> io::Result<Delivered> {
    let http = crate::registry::http_client(|client| {
        client.timeout(ANSWER_TIMEOUT).connect_timeout(CONNECT_TIMEOUT).no_proxy()
    })
    .map_err(io::Error::other)?;
    let spool = File::open(&target.spool).await?;
    Delivery { target, feed, http, spool, next: 1, offset: 0, told: None, wait: Duration::ZERO, refused: 0 }.run().await
}

struct Delivery {
    target: Target,
    feed: Feed,
    http: reqwest::Client,
    spool: File,
    /// The number of the line that is sent next.
    next: u64,
    /// Where it begins in the spool.
    offset: u64,
    told: Option<Progress>,
    wait: Duration,
    refused: u32,
}

/// What a reply means for what comes next.
enum Reply {
    Accepted(Option<u64>),
    /// The server wants to go on from this line.
    GoBack(u64),
    Gone,
    /// Not now.
    Failed(String),
}

impl Delivery {
    async fn run(mut self) -> io::Result<Delivered> {
        let mut heard = Instant::now();
        loop {
            let length = *self.feed.length.borrow_and_update();
            let progress = self.feed.progress.borrow_and_update().clone();
            let end = self.feed.end.borrow_and_update().clone();
            let reply = if progress.is_some() && progress != self.told {
                let reply = self.post("progress", &progress).await;
                if matches!(reply, Reply::Accepted(_)) {
                    self.told = progress;
                }
                reply
            } else if self.next <= length.lines {
                self.send_lines(length).await?
            } else if let Some(end) = &end {
                match self.post("end", end).await {
                    Reply::Accepted(_) => return Ok(Delivered::Complete),
                    reply => reply,
                }
            } else if heard.elapsed() >= HEARTBEAT {
                self.append(Vec::new()).await
            } else {
                tokio::select! {
                    _ = self.feed.length.changed() => {}
                    _ = self.feed.progress.changed() => {}
                    _ = self.feed.end.changed() => {}
                    () = tokio::time::sleep(HEARTBEAT) => {}
                }
                if self.feed.end.borrow().is_none() {
                    tokio::time::sleep(GATHER).await;
                }
                continue;
            };
            match reply {
                Reply::Accepted(next) => {
                    heard = Instant::now();
                    (self.wait, self.refused) = (Duration::ZERO, 0);
                    if let Some(next) = next.filter(|next| *next != self.next) {
                        self.go_to(next).await?;
                    }
                }
                Reply::GoBack(next) => {
                    heard = Instant::now();
                    // An end that agrees on nothing is asked for again: not in a tight loop.
                    if next > length.lines {
                        self.pause("the server counts other lines than the spool").await;
                    }
                    self.go_to(next).await?;
                }
                Reply::Gone => return Ok(Delivered::Gone),
                Reply::Failed(_) if self.refused >= REFUSALS => return Ok(Delivered::Gone),
                Reply::Failed(why) => self.pause(&why).await,
            }
        }
    }

    async fn pause(&mut self, why: &str) {
        if self.wait.is_zero() {
            eprintln!("cooperage: the server does not take the log now ({why}); trying again");
        }
        self.wait = (self.wait * 2).clamp(Duration::from_millis(200), LONGEST_WAIT);
        tokio::time::sleep(self.wait).await;
    }

    /// Sends the next batch of whole lines.
    async fn send_lines(&mut self, length: Length) -> io::Result<Reply> {
        let available = usize::try_from(length.bytes.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let mut batch = self.read(available.min(BATCH)).await?;
        if batch.len() < available {
            match batch.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => batch.truncate(end + 1),
                // One line longer than a batch: it goes alone. The log's line limit keeps it below the listener's.
                None => batch = self.read_line(available).await?,
            }
        }
        let (sent_lines, sent_bytes) = (count_lines(&batch), batch.len() as u64);
        let reply = self.append(batch).await;
        if let Reply::Accepted(_) = reply {
            self.next += sent_lines;
            self.offset += sent_bytes;
        }
        Ok(reply)
    }

    async fn read(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        self.spool.seek(SeekFrom::Start(self.offset)).await?;
        let mut buffer = vec![0; bytes];
        self.spool.read_exact(&mut buffer).await?;
        Ok(buffer)
    }

    async fn read_line(&mut self, available: usize) -> io::Result<Vec<u8>> {
        let mut size = BATCH;
        loop {
            size = (size * 2).min(available);
            let mut buffer = self.read(size).await?;
            if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                buffer.truncate(end + 1);
                return Ok(buffer);
            }
            if size == available {
                return Err(io::Error::other("the spool does not end with a whole line"));
            }
        }
    }

    /// Goes to where line `next` begins.
    async fn go_to(&mut self, next: u64) -> io::Result<()> {
        let next = next.max(1);
        if next < self.next {
            (self.next, self.offset) = (1, 0);
        }
        let bytes = self.feed.length.borrow().bytes;
        while self.next < next && self.offset < bytes {
            let size = usize::try_from(bytes - self.offset).unwrap_or(usize::MAX).min(BATCH);
            let chunk = self.read(size).await?;
            for (index, _) in chunk.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                self.next += 1;
                if self.next == next {
                    self.offset += index as u64 + 1;
                    return Ok(());
                }
            }
            self.offset += chunk.len() as u64;
        }
        Ok(())
    }

    async fn append(&mut self, lines: Vec<u8>) -> Reply {
        let request = self.http.post(format!("{}?from={}", self.url("log"), self.next)).body(lines);
        self.send(request).await
    }

    async fn post(&mut self, what: &str, body: &impl serde::Serialize) -> Reply {
        let request = self.http.post(self.url(what)).json(body);
        self.send(request).await
    }

    fn url(&self, what: &str) -> String {
        format!("{}/v1/jobs/{}/{what}", self.target.address.trim_end_matches('/'), self.target.job)
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Reply {
        let answer = match request.bearer_auth(self.target.token.expose()).send().await {
            Ok(answer) => answer,
            Err(error) => return Reply::Failed(error.to_string()),
        };
        let status = answer.status().as_u16();
        let next = answer.json::<Next>().await.ok().map(|next| next.next);
        match (status, next) {
            (200..=299, next) => Reply::Accepted(next),
            (409, Some(next)) => Reply::GoBack(next),
            (404 | 410, _) => Reply::Gone,
            (401, _) => {
                self.refused += 1;
                Reply::Failed("it refuses the token".to_owned())
            }
            (status, _) => Reply::Failed(format!("status {status}")),
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::{Query, State};
    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Json, Response};
    use axum::routing::post;
    use cooperage_shared::Phase;

    use super::*;
    use crate::delivery::protocol::Outcome;

    /// What a listener has, and how it misbehaves.
    #[derive(Default)]
    struct Listener {
        log: Vec<u8>,
        progress: Vec<Progress>,
        end: Option<End>,
        /// So many requests are answered with 503 first.
        busy: u32,
        /// Forgets all but the first line, once, when the end comes.
        forgetful: bool,
        gone: bool,
    }

    type Shared = Arc<Mutex<Listener>>;

    #[derive(serde::Deserialize)]
    struct From {
        from: u64,
    }

    fn refusal(listener: &mut Listener) -> Option<Response> {
        if listener.gone {
            return Some(StatusCode::GONE.into_response());
        }
        if listener.busy > 0 {
            listener.busy -= 1;
            return Some(StatusCode::SERVICE_UNAVAILABLE.into_response());
        }
        None
    }

    async fn log(State(shared): State<Shared>, Query(From { from }): Query<From>, body: bytes::Bytes) -> Response {
        let mut listener = shared.lock().unwrap();
        if let Some(refusal) = refusal(&mut listener) {
            return refusal;
        }
        let next = count_lines(&listener.log) + 1;
        if from > next {
            return (StatusCode::CONFLICT, Json(Next { next })).into_response();
        }
        let skip = usize::try_from(next - from).unwrap();
        let new: Vec<u8> = body.split_inclusive(|byte| *byte == b'\n').skip(skip).flatten().copied().collect();
        listener.log.extend(new);
        Json(Next { next: count_lines(&listener.log) + 1 }).into_response()
    }

    async fn progress(State(shared): State<Shared>, Json(progress): Json<Progress>) -> Response {
        let mut listener = shared.lock().unwrap();
        if let Some(refusal) = refusal(&mut listener) {
            return refusal;
        }
        listener.progress.push(progress);
        StatusCode::NO_CONTENT.into_response()
    }

    async fn end(State(shared): State<Shared>, Json(end): Json<End>) -> Response {
        let mut listener = shared.lock().unwrap();
        if std::mem::take(&mut listener.forgetful) {
            let first = listener.log.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            listener.log.truncate(first);
        }
        let next = count_lines(&listener.log) + 1;
        if next != end.lines + 1 {
            return (StatusCode::CONFLICT, Json(Next { next })).into_response();
        }
        listener.end = Some(end);
        Json(Next { next }).into_response()
    }

    /// Delivers `text` to a listener in this state, and gives what came of it.
    async fn delivered(listener: Listener, text: &str) -> (Delivered, Listener) {
        let shared: Shared = Arc::new(Mutex::new(listener));
        let app = Router::new()
            .route("/v1/jobs/{id}/log", post(log))
            .route("/v1/jobs/{id}/progress", post(progress))
            .route("/v1/jobs/{id}/end", post(end))
            .with_state(Arc::clone(&shared));
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", socket.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(socket, app).await });

        let mut spool = tempfile::NamedTempFile::new().unwrap();
        spool.write_all(text.as_bytes()).unwrap();
        let lines = count_lines(text.as_bytes());
        let last_word = End { lines, sha256: String::new(), outcome: Outcome::Cancelled };
        let first = Progress { phase: Phase::Pull, base_image_digest: None, dockerfile: None };
        let length = watch::Sender::new(Length { lines, bytes: text.len() as u64 });
        let (progress, end) = (watch::Sender::new(Some(first)), watch::Sender::new(Some(last_word)));
        let feed = Feed { length: length.subscribe(), progress: progress.subscribe(), end: end.subscribe() };
        let target = Target {
            address,
            job: uuid::Uuid::nil(),
            token: Secret::new("token".to_owned()),
            spool: spool.path().to_owned(),
        };
        let result = tokio::time::timeout(Duration::from_secs(20), deliver(target, feed)).await.unwrap().unwrap();
        server.abort();
        let listener = std::mem::take(&mut *shared.lock().unwrap());
        (result, listener)
    }

    #[tokio::test]
    async fn all_lines_arrive_once_however_long() {
        let text: String = (0..60_000).map(|n| format!("line {n} {}\n", "x".repeat(n % 90))).collect();
        let long = "y".repeat(BATCH + 5);
        let text = format!("{text}{long}\nlast\n");
        let (result, listener) = delivered(Listener::default(), &text).await;
        assert_eq!(result, Delivered::Complete);
        assert!(listener.log == text.as_bytes(), "{} of {} bytes", listener.log.len(), text.len());
        assert_eq!(listener.progress.len(), 1);
        assert_eq!(listener.end.unwrap().lines, 60_002);
    }

    #[tokio::test]
    async fn a_listener_that_was_away_or_has_forgotten_gets_all_again() {
        let listener = Listener { busy: 3, forgetful: true, ..Listener::default() };
        let (result, listener) = delivered(listener, "one\ntwo\nthree\n").await;
        assert_eq!((result, listener.log.as_slice()), (Delivered::Complete, b"one\ntwo\nthree\n".as_slice()));
    }

    #[tokio::test]
    async fn a_listener_that_has_the_beginning_gets_the_rest() {
        let listener = Listener { log: b"one\ntwo\n".to_vec(), ..Listener::default() };
        let (result, listener) = delivered(listener, "one\ntwo\nthree\n").await;
        assert_eq!((result, listener.log.as_slice()), (Delivered::Complete, b"one\ntwo\nthree\n".as_slice()));
    }

    #[tokio::test]
    async fn a_job_that_is_gone_ends_the_delivery() {
        let (result, listener) = delivered(Listener { gone: true, ..Listener::default() }, "one\n").await;
        assert_eq!((result, listener.log.len()), (Delivered::Gone, 0));
    }
}
