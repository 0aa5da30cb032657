//! `/graphql` by POST, its page by GET, and subscriptions at `/graphql/ws`.

use std::pin::pin;
use std::time::Duration;

use async_graphql::Executor as _;
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, rejection::BytesRejection};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use super::App;
use super::alive::PATIENCE;
use super::assets;
use super::error::ApiError;
use crate::graphql::Loaders;
use crate::secrets::ApiToken;

/// How long a WebSocket may stay silent before it says `connection_init`.
const INIT_PATIENCE: Duration = Duration::from_secs(10);
/// The largest message of a WebSocket: subscriptions are short.
const LARGEST_MESSAGE: usize = 256 * 1024;
/// The sub-protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";

/// Answers one operation. Batches are refused.
pub(super) async fn post(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let message = "Send the operation as `Content-Type: application/json`.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_REQUEST", message));
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "BAD_REQUEST", "The request is larger than 16 MiB.")
        }
        _ => ApiError::bad_request("The request's body could not be read to its end."),
    })?;
    let request: async_graphql::Request = serde_json::from_slice(&body).map_err(|error| {
        let message = if body.trim_ascii_start().starts_with(b"[") {
            "Batches are not taken: send one operation a request.".to_owned()
        } else {
            format!("The body is no GraphQL request in JSON: {error}.")
        };
        ApiError::bad_request(message)
    })?;
    let request = request.data(Loaders::new(&app.services.store));
    let response = app.api.execute(request).await;
    let mut response = axum::Json(response).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The playground. An operation in the address is refused: a GET must not act, and a page elsewhere can make one.
pub(super) async fn page(State(app): State<App>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let has_operation = url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| matches!(&*name, "query" | "operationName" | "variables" | "extensions"));
    if has_operation {
        return wrong_method(Method::GET).await;
    }
    assets::playground(app.files)
}

/// `/graphql` by any other method.
pub(super) async fn wrong_method(method: Method) -> Response {
    let message = format!("Send operations by POST, not by {method}.");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
    ([(header::ALLOW, "GET, HEAD, POST")], error).into_response()
}

/// Subscriptions by `graphql-transport-ws`. Where the upgrade shows no token, `connection_init` must.
pub(super) async fn websocket(
    State(app): State<App>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let signed_in = app.access.is_signed_in(&headers);
    if headers.contains_key(header::AUTHORIZATION) && !signed_in {
        return ApiError::unauthenticated().into_response();
    }
    let Ok(upgrade) = upgrade else {
        let message = "This path takes WebSockets that speak graphql-transport-ws.";
        return ApiError::bad_request(message).into_response();
    };
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(LARGEST_MESSAGE);
    if upgrade.selected_protocol().is_none() {
        return ApiError::bad_request("The WebSocket must speak graphql-transport-ws.").into_response();
    }
    let (mut parts, ()) = axum::http::Request::new(()).into_parts();
    parts.headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    let protocol = <GraphQLProtocol as axum::extract::FromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
    let Ok(protocol) = protocol else { return ApiError::internal(&"the protocol is unknown").into_response() };
    upgrade.on_upgrade(move |socket| serve(app, socket, protocol, signed_in))
}

async fn serve(app: App, socket: WebSocket, protocol: GraphQLProtocol, signed_in: bool) {
    let (mut sink, mut stream) = socket.split();
    let first = match tokio::time::timeout(INIT_PATIENCE, first_text(&mut stream)).await {
        Ok(Some(first)) => first,
        Ok(None) => return,
        Err(_) => return close(&mut sink, 4408, "Connection initialisation timeout").await,
    };
    if !signed_in && !brings_token(&first, app.access.token()) {
        return close(&mut sink, 4401, "Unauthorized").await;
    }
    let mut data = async_graphql::Data::default();
    data.insert(Loaders::new(&app.services.store));
    let stream = futures_util::stream::once(std::future::ready(Ok(first))).chain(PATIENCE.heard(stream));
    let (replies, messages) = mpsc::channel(1);
    let answers = GraphQLWebSocket::new_with_pair(PollSender::new(replies), stream, app.api, protocol).with_data(data);
    let mut sending = pin!(PATIENCE.send(sink, messages));
    tokio::select! {
        // What was answered last is still to be sent.
        () = answers.serve() => sending.await,
        () = &mut sending => {}
    }
}

/// The first message that is not the socket's own.
async fn first_text(
    stream: &mut (impl futures_util::Stream<Item = Result<Message, axum::Error>> + Unpin),
) -> Option<Message> {
    while let Some(Ok(message)) = stream.next().await {
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            return Some(message);
        }
    }
    None
}

/// Whether a `connection_init` has the token as `token` or `Authorization` in its payload.
fn brings_token(message: &Message, token: &ApiToken) -> bool {
    let Ok(text) = message.to_text() else { return false };
    let Ok(message) = serde_json::from_str::<serde_json::Value>(text) else { return false };
    let payload = &message["payload"];
    let bearer = payload["Authorization"].as_str().or(payload["authorization"].as_str());
    let presented = payload["token"].as_str().or(bearer.map(|bearer| bearer.strip_prefix("Bearer ").unwrap_or(bearer)));
    message["type"] == "connection_init" && presented.is_some_and(|presented| token.matches(presented))
}

async fn close(sink: &mut (impl futures_util::Sink<Message> + Unpin), code: u16, reason: &'static str) {
    // The other side may be gone already, which is what closing is for.
    let _ = sink.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
}
