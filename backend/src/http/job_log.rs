//! `/jobs/{id}/log`: the whole log as plain text, byte for byte, also while the job runs.

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::App;
use super::error::ApiError;
use crate::graphql::GlobalId;

/// `?download` makes a browser keep the log as a file instead of showing it.
#[derive(Debug, Deserialize)]
pub(super) struct Options {
    download: Option<String>,
}

/// Sends what the log has at this moment.
pub(super) async fn download(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(options): Query<Options>,
) -> Result<Response, ApiError> {
    let not_found = || ApiError::not_found("There is no such job. Its image spec may have been deleted.");
    let internal = |error| ApiError::internal(&error);
    let id = GlobalId::job(&id).ok_or_else(not_found)?;
    let store = &app.services.store;
    let job = store.job(id).await.map_err(internal)?.ok_or_else(not_found)?;
    let spec = store.spec(job.spec_id).await.map_err(internal)?.ok_or_else(not_found)?;
    let body = Body::from_stream(app.services.logs.download(id));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, disposition(options.download.is_some(), spec.name.as_str(), job.number)?),
    ];
    Ok((headers, body).into_response())
}

/// A spec's name has nothing in it that would need quoting.
fn disposition(download: bool, spec: &str, number: u64) -> Result<HeaderValue, ApiError> {
    let kind = if download { "attachment" } else { "inline" };
    HeaderValue::from_str(&format!("{kind}; filename=\"{spec}-{number}.log\""))
        .map_err(|error| ApiError::internal(&error))
}
