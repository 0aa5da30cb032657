//! Queries and mutations by POST, and the session.

use cynic::{GraphQlResponse, Operation};
use gloo_net::http::{Request, Response};
use serde::{Serialize, de::DeserializeOwned};

use super::ApiError;
use crate::session;

const GRAPHQL: &str = "/graphql";
const SESSION: &str = "/session";

/// Runs a query or a mutation.
///
/// # Errors
/// When the server cannot be reached, refuses, or answers with something else than `T`. A 401 also brings up the sign-in
/// page.
pub async fn run<T, V>(operation: Operation<T, V>) -> Result<T, ApiError>
where
    T: DeserializeOwned + 'static,
    V: Serialize,
{
    let response = post(GRAPHQL, &operation).await?;
    let status = response.status();
    let Ok(answer) = response.json::<GraphQlResponse<T>>().await else {
        return Err(if response.ok() {
            ApiError::Unreadable("no GraphQL".to_owned())
        } else {
            ApiError::Status(status)
        });
    };
    if let Some(error) = answer.errors.into_iter().flatten().next() {
        return Err(ApiError::Refused(error.message));
    }
    answer.data.ok_or_else(|| ApiError::Unreadable("no data".to_owned()))
}

/// Exchanges the token for a session cookie.
///
/// # Errors
/// [`ApiError::SignedOut`] when the token is wrong.
pub async fn sign_in(token: &str) -> Result<(), ApiError> {
    #[derive(Serialize)]
    struct Credentials<'a> {
        token: &'a str,
    }
    expect_success(&post(SESSION, &Credentials { token }).await?)
}

/// Ends the session.
///
/// # Errors
/// When the server cannot be reached; the session is then still open.
pub async fn sign_out() -> Result<(), ApiError> {
    let response = Request::delete(SESSION).send().await.map_err(|_| ApiError::Unreachable)?;
    expect_success(&response)
}

/// Whether the server still takes this browser's session; true also where it does not answer. A WebSocket that is refused
/// does not tell the browser why, so this asks.
pub async fn still_signed_in() -> bool {
    let question = serde_json::json!({ "query": "{ __typename }" });
    !matches!(post(GRAPHQL, &question).await, Err(ApiError::SignedOut))
}

async fn post(path: &str, body: &impl Serialize) -> Result<Response, ApiError> {
    let request = Request::post(path).json(body).map_err(|error| ApiError::Unreadable(error.to_string()))?;
    let response = request.send().await.map_err(|_| ApiError::Unreachable)?;
    if response.status() == 401 {
        session::ended();
        return Err(ApiError::SignedOut);
    }
    Ok(response)
}

fn expect_success(response: &Response) -> Result<(), ApiError> {
    match response.status() {
        401 => Err(ApiError::SignedOut),
        _ if response.ok() => Ok(()),
        status => Err(ApiError::Status(status)),
    }
}
