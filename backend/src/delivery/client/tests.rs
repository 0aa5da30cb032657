use std::io::Write as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use cooperage_shared::Phase;

use super::*;
use crate::delivery::protocol::{Began, Begin, Outcome};

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
    /// Lines of earlier attempts.
    before: u64,
    stop: bool,
    attempts: Vec<String>,
}

impl Listener {
    fn next(&self) -> Next {
        Next { next: count_lines(&self.log) + 1, stop: self.stop }
    }
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

async fn begin(State(shared): State<Shared>, Json(begin): Json<Begin>) -> Response {
    let mut listener = shared.lock().unwrap();
    if let Some(refusal) = refusal(&mut listener) {
        return refusal;
    }
    listener.attempts.push(begin.attempt);
    let Next { next, stop } = listener.next();
    Json(Began { lines: listener.before, next, stop }).into_response()
}

async fn log(State(shared): State<Shared>, Query(From { from }): Query<From>, body: bytes::Bytes) -> Response {
    let mut listener = shared.lock().unwrap();
    if let Some(refusal) = refusal(&mut listener) {
        return refusal;
    }
    let next = listener.next();
    if from > next.next {
        return (StatusCode::CONFLICT, Json(next)).into_response();
    }
    assert!(from > listener.before, "a line of an earlier attempt");
    let skip = usize::try_from(next.next - from).unwrap();
    let new: Vec<u8> = body.split_inclusive(|byte| *byte == b'\n').skip(skip).flatten().copied().collect();
    listener.log.extend(new);
    Json(listener.next()).into_response()
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
    let next = listener.next();
    if next.next != listener.before + end.lines + 1 {
        return (StatusCode::CONFLICT, Json(next)).into_response();
    }
    listener.end = Some(end);
    Json(next).into_response()
}

/// Delivers `text` to a listener in this state, with the end or none, and gives what came of it and whether to stop.
async fn delivered_until(listener: Listener, text: &str, pauses: bool) -> (Delivered, Listener, bool) {
    let shared: Shared = Arc::new(Mutex::new(listener));
    let app = Router::new()
        .route("/v1/jobs/{id}/begin", post(begin))
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
    let last_word = match pauses {
        true => Last::Pause,
        false => Last::End(Box::new(End { lines, sha256: String::new(), outcome: Outcome::Cancelled })),
    };
    let first = Progress { phase: Phase::Pull, base_image_digest: None, dockerfile: None };
    let length = watch::Sender::new(Length { lines, bytes: text.len() as u64 });
    let (progress, last) = (watch::Sender::new(Some(first)), watch::Sender::new(Some(last_word)));
    let stop = watch::Sender::new(false);
    let feed = Feed {
        length: length.subscribe(),
        progress: progress.subscribe(),
        last: last.subscribe(),
        stop: stop.clone(),
        trouble: Box::new(|_| {}),
    };
    let target = Target {
        address,
        job: uuid::Uuid::nil(),
        token: Secret::new("token".to_owned()),
        attempt: "first".to_owned(),
        spool: spool.path().to_owned(),
    };
    let result = tokio::time::timeout(Duration::from_secs(20), deliver(target, feed)).await.unwrap().unwrap();
    server.abort();
    let listener = std::mem::take(&mut *shared.lock().unwrap());
    (result, listener, *stop.borrow())
}

async fn delivered(listener: Listener, text: &str) -> (Delivered, Listener) {
    let (result, listener, stop) = delivered_until(listener, text, false).await;
    assert!(!stop);
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

#[tokio::test]
async fn a_further_attempt_counts_its_own_lines() {
    let listener = Listener { log: b"old\nmarker\n".to_vec(), before: 2, ..Listener::default() };
    let (result, listener) = delivered(listener, "one\ntwo\nthree\n").await;
    assert_eq!((result, listener.log.as_slice()), (Delivered::Complete, b"old\nmarker\none\ntwo\nthree\n".as_slice()));
    assert_eq!(listener.end.unwrap().lines, 3);
}

#[tokio::test]
async fn a_process_that_goes_on_with_an_attempt_sends_only_the_rest_and_may_leave_the_end_to_the_next() {
    let listener = Listener { log: b"old\none\n".to_vec(), before: 1, ..Listener::default() };
    let (result, listener, stop) = delivered_until(listener, "one\ntwo\n", true).await;
    assert_eq!((result, stop, listener.log.as_slice()), (Delivered::SoFar, false, b"old\none\ntwo\n".as_slice()));
    assert_eq!((listener.end, listener.attempts), (None, vec!["first".to_owned()]));
}

#[tokio::test]
async fn a_server_that_wants_the_job_to_stop_says_so_with_every_reply() {
    let (_, _, stop) = delivered_until(Listener { stop: true, ..Listener::default() }, "one\n", true).await;
    assert!(stop);
}
