//! `/metrics` in the Prometheus text format, and what each answer took.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::error::ApiError;

/// How many answers were given since the start, by the first digit of their status.
#[derive(Debug, Default)]
pub(super) struct Requests([AtomicU64; 5]);

/// Counts an answer, and says in it how many milliseconds passed in the server until it began (`Server-Timing`, W3C), which
/// browsers show beside what the network took.
pub(super) async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let mut response = next.run(request).await;
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    if let Ok(value) = HeaderValue::try_from(format!("server;dur={milliseconds:.2}")) {
        response.headers_mut().insert(HeaderName::from_static("server-timing"), value);
    }
    let class = usize::from(response.status().as_u16() / 100).saturating_sub(1);
    if let Some(counter) = app.requests.0.get(class) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    response
}

/// What can be counted at this moment.
pub(super) async fn text(State(app): State<App>) -> Result<Response, ApiError> {
    let jobs = app.services.store.job_counts().await.map_err(|error| ApiError::internal(&error))?;
    let mut text = String::new();
    let version = env!("CARGO_PKG_VERSION");
    family(&mut text, "cooperage_build_info", "gauge", "The version that runs; the value is always 1.");
    let _ = writeln!(text, "cooperage_build_info{{version=\"{version}\"}} 1");
    family(
        &mut text,
        "cooperage_jobs",
        "gauge",
        "Build jobs that are kept, by status. QUEUED is the length of the queue.",
    );
    for (status, count) in jobs {
        let _ = writeln!(text, "cooperage_jobs{{status=\"{status}\"}} {count}");
    }
    family(&mut text, "cooperage_http_responses_total", "counter", "HTTP answers since the start, by class of status.");
    for (class, counter) in (1..).zip(&app.requests.0) {
        let _ =
            writeln!(text, "cooperage_http_responses_total{{class=\"{class}xx\"}} {}", counter.load(Ordering::Relaxed));
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}
