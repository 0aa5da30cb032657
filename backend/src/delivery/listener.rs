//! The server's side of the delivery protocol, on a port of its own: it takes nothing but the token of one job, and says
//! nothing but which line it wants next.
//!
//! Many servers may listen for one job; all that counts is in the database.

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next as Then};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::protocol::{ATTEMPT, Began, Begin, End, Next, Progress};
use crate::jobs::events::{Event, Events};
use crate::logs::LogStore;
use crate::store::{Appended, Begun, Store, StoreError};

/// The largest request; a builder cuts its log into smaller ones.
const BODY_LIMIT: usize = 16 << 20;

#[derive(Clone)]
struct Listener {
    store: Store,
    logs: LogStore,
    events: Events,
}

/// The job whose token a request carries.
#[derive(Clone, Copy)]
struct OfJob {
    job: Uuid,
    /// Whether it is to stop.
    stop: bool,
    /// How many lines its log had when the attempt began that delivers.
    before: u64,
}

/// Takes deliveries until `stop` is done, then ends those under way.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    socket: TcpListener,
    store: Store,
    logs: LogStore,
    events: Events,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(socket, router(store, logs, events)).with_graceful_shutdown(stop).await
}

/// The routes of the delivery protocol.
pub fn router(store: Store, logs: LogStore, events: Events) -> Router {
    let listener = Listener { store, logs, events };
    Router::new()
        .route("/v1/jobs/{job}/begin", post(begin))
        .route("/v1/jobs/{job}/log", post(log))
        .route("/v1/jobs/{job}/progress", post(progress))
        .route("/v1/jobs/{job}/end", post(end))
        .route_layer(middleware::from_fn_with_state(listener.clone(), authenticate))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(listener)
}

/// Why a delivery is refused.
enum Refusal {
    /// No token, or not that of the job. Also for a job that there is not: nobody learns which there are.
    Unknown,
    /// The job has ended or is deleted, or another attempt has begun: the builder stops.
    Gone,
    /// Another line is wanted.
    Wanted(u64),
    /// More log than the job may have.
    TooLong(u64),
    /// Not what the protocol says.
    Malformed(StatusCode, String),
    /// Our own fault: the builder tries again.
    Failed(StoreError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown => StatusCode::UNAUTHORIZED.into_response(),
            Self::Gone => StatusCode::GONE.into_response(),
            Self::Wanted(next) => (StatusCode::CONFLICT, Json(Next { next, stop: false })).into_response(),
            Self::TooLong(next) => (StatusCode::PAYLOAD_TOO_LARGE, Json(Next { next, stop: false })).into_response(),
            Self::Malformed(status, text) => (status, text).into_response(),
            Self::Failed(error) => {
                tracing::warn!(%error, "cannot store a delivery");
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound | StoreError::Transition { .. } => Self::Gone,
            other => Self::Failed(other),
        }
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        Self::Malformed(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::Malformed(rejection.status(), rejection.body_text())
    }
}

/// Lets a request pass that carries the token of the job it is about. The body is not read before.
async fn authenticate(
    State(listener): State<Listener>,
    Path(job): Path<String>,
    mut request: Request,
    then: Then,
) -> Result<Response, Refusal> {
    let job = Uuid::try_parse(&job).map_err(|_| Refusal::Unknown)?;
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(Refusal::Unknown)?;
    let presented = hex::encode(Sha256::digest(token.as_bytes()));
    // A builder of a deleted job has no row to be known by: it may stop, which is all that it learns.
    let Some(delivering) = listener.store.delivering(job).await? else { return Err(Refusal::Gone) };
    let stored = delivering.token_sha256.ok_or(Refusal::Unknown)?;
    if !bool::from(stored.as_bytes().ct_eq(presented.as_bytes())) {
        return Err(Refusal::Unknown);
    }
    if delivering.status.is_terminal() {
        return Err(Refusal::Gone);
    }
    let begun = delivering.attempt.as_ref();
    // A builder that does not name its attempt speaks for the present one.
    let named = request.headers().get(ATTEMPT).map(|name| name.as_bytes());
    if named.is_some_and(|named| begun.is_none_or(|attempt| attempt.name.as_bytes() != named)) {
        return Err(Refusal::Gone);
    }
    let before = begun.map_or(0, |attempt| attempt.lines);
    request.extensions_mut().insert(OfJob { job, stop: delivering.stop, before });
    Ok(then.run(request).await)
}

#[derive(Deserialize)]
struct FromLine {
    from: u64,
}

async fn begin(
    State(listener): State<Listener>,
    Extension(OfJob { job, stop, .. }): Extension<OfJob>,
    request: Request,
) -> Result<Json<Began>, Refusal> {
    let Json(begin) = Json::<Begin>::from_request(request, &()).await?;
    if !begin.is_valid() {
        let text = "the name of an attempt is 1 to 100 ASCII letters, digits, or -_./:".to_owned();
        return Err(Refusal::Malformed(StatusCode::BAD_REQUEST, text));
    }
    match listener.store.begin_attempt(job, &begin.attempt).await? {
        Begun::Now { attempt, next, told } => {
            if told {
                tracing::info!(%job, attempt = attempt.number, "a disrupted builder runs again");
                listener.events.send(Event::LogGrew { job, lines: next - 1 });
            }
            Ok(Json(Began { lines: attempt.lines, next, stop }))
        }
        Begun::Over => Err(Refusal::Gone),
    }
}

async fn log(
    State(listener): State<Listener>,
    Extension(OfJob { job, stop, before }): Extension<OfJob>,
    Query(FromLine { from }): Query<FromLine>,
    request: Request,
) -> Result<Json<Next>, Refusal> {
    let lines = Bytes::from_request(request, &()).await?;
    let malformed = |text: &str| Err(Refusal::Malformed(StatusCode::BAD_REQUEST, text.to_owned()));
    if from <= before {
        return malformed("lines are numbered from 1, and those of an attempt from where it began");
    }
    if !lines.is_empty() && !lines.ends_with(b"\n") {
        return malformed("a log is delivered in whole lines");
    }
    match listener.logs.append(job, from, &lines).await? {
        Appended::Stored { next, .. } => Ok(Json(Next { next, stop })),
        Appended::Gap { next } => Err(Refusal::Wanted(next)),
        Appended::TooLong { next } => Err(Refusal::TooLong(next)),
        Appended::Ended { .. } => Err(Refusal::Gone),
    }
}

async fn progress(
    State(listener): State<Listener>,
    Extension(OfJob { job, .. }): Extension<OfJob>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let Json(progress) = Json::<Progress>::from_request(request, &()).await?;
    let job = listener.store.set_progress(job, &progress).await?;
    listener.events.job_changed(&job);
    Ok(StatusCode::NO_CONTENT)
}

/// The last word is taken once the log is complete by count and hash; the reconciler makes a status of it.
async fn end(
    State(listener): State<Listener>,
    Extension(OfJob { job, stop, before }): Extension<OfJob>,
    request: Request,
) -> Result<Json<Next>, Refusal> {
    let Json(end) = Json::<End>::from_request(request, &()).await?;
    let state = listener.store.log_state(job).await?.ok_or(Refusal::Gone)?;
    let next = state.lines + 1;
    if state.lines != before + end.lines {
        return Err(Refusal::Wanted(next));
    }
    let stored = listener.logs.checksum_from(job, before).await?;
    if stored.sha256 != end.sha256 {
        let text = format!("the stored log has SHA-256 {}, not {}", stored.sha256, end.sha256);
        tracing::error!(%job, text);
        return Err(Refusal::Malformed(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    listener.store.set_end(job, &end).await?;
    listener.events.wake();
    Ok(Json(Next { next, stop }))
}

#[cfg(test)]
mod tests;
