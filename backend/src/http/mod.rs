//! The web server: GraphQL, logs as plain text, probes, signing in, and the web app.

pub mod access;
mod alive;
mod assets;
mod error;
mod graphql;
mod headers;
mod health;
mod job_log;
mod metrics;
mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::graphql::{Api, Services};
pub use access::Access;
pub use assets::Files;
pub use error::ApiError;
use metrics::Requests;

/// The largest body of a request: three lists of 1,000 requirements of 1,000 characters each, as JSON, fit.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// What request handlers share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    access: Arc<Access>,
    api: Api,
    services: Services,
    requests: Arc<Requests>,
    files: Files,
}

impl App {
    /// An application that answers from `services` to those whom `access` lets in.
    #[must_use]
    pub fn new(access: Access, services: Services) -> Self {
        let api = crate::graphql::api(services.clone());
        Self { access: Arc::new(access), api, services, requests: Arc::default(), files: Files::NONE }
    }

    /// The same, with the web app and the playground.
    #[must_use]
    pub fn with_files(self, files: Files) -> Self {
        Self { files, ..self }
    }
}

/// Every path of the server. `timeout` is how long an answer may take; logs and subscriptions are not counted.
pub fn router(app: App, timeout: Duration) -> Router {
    let answers = Router::new()
        .route("/graphql", post(graphql::post).get(graphql::page).fallback(graphql::wrong_method))
        .route("/session", post(session::sign_in).delete(session::sign_out).fallback(wrong_method))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::text))
        .fallback(assets::web_app)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, timeout));
    let streams = Router::new()
        .route("/graphql/ws", any(graphql::websocket))
        .route("/jobs/{id}/log", get(job_log::download).fallback(wrong_method));
    answers
        .merge(streams)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(app.clone(), session::token_in_address))
        .layer(from_fn_with_state(app.clone(), access::guard))
        .layer(from_fn(headers::security))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), metrics::measure))
        .with_state(app)
}

async fn wrong_method(method: Method) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", format!("This path does not take {method}."))
}

fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> axum::response::Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    axum::response::IntoResponse::into_response(ApiError::internal(&text.unwrap_or("a panic without a message")))
}
