//! Probes: whether the server runs, and whether it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::App;

/// `/healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: the database answers. What does not is named; why, the server's log tells.
pub(super) async fn ready(State(app): State<App>) -> Response {
    match app.services.store.ping().await {
        Ok(()) => Json(json!({"ready": true, "database": "ok"})).into_response(),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            let body = json!({"ready": false, "database": "The database does not answer. The server's log says why."});
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}
