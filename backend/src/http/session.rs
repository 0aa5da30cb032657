//! Signing in: the token becomes a cookie that no script can read and that no other site's page can make a browser send.
//!
//! The cookie holds the token itself. It opens exactly what the token opens, so a derived value would protect nothing more;
//! a new token signs everybody out.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::App;
use super::access::{Access, is_api};
use super::error::ApiError;
use crate::config::Secret;

/// How long a browser stays signed in.
const MAX_AGE_SECONDS: u32 = 30 * 24 * 60 * 60;

/// What the sign-in page sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    token: Secret,
}

/// `POST /session`: signs the browser in.
pub(super) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Json<SignIn>, JsonRejection>,
) -> Result<Response, ApiError> {
    let body = body.map_err(|_| ApiError::bad_request("Send `{\"token\": \"…\"}` as application/json."))?;
    if !app.access.token().matches(body.token.expose().trim()) {
        let message = "That is not the token. It is what the server was given as COOPERAGE_TOKEN or, without that, in the \
                       file `token` of its data folder.";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message));
    }
    Ok(([(header::SET_COOKIE, set(&app.access, &headers))], StatusCode::NO_CONTENT).into_response())
}

/// `DELETE /session`: signs the browser out.
pub(super) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Response {
    ([(header::SET_COOKIE, cookie_header(&app.access, &headers, "", 0))], StatusCode::NO_CONTENT).into_response()
}

/// Turns `?token=…` on a page's address into the cookie, and the address into one without it. With a wrong token the person
/// comes to the sign-in page.
pub(super) async fn token_in_address(State(app): State<App>, request: Request, next: Next) -> Response {
    let uri = request.uri();
    let query = uri.query().unwrap_or_default();
    let is_page = *request.method() == Method::GET && !is_api(uri.path());
    let token = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    let (true, Some((_, token))) = (is_page, token) else { return next.run(request).await };
    if !app.access.token().matches(token.trim()) {
        return ([(header::LOCATION, HeaderValue::from_static("/sign-in"))], StatusCode::SEE_OTHER).into_response();
    }
    let rest: Vec<&str> = query.split('&').filter(|pair| pair.split('=').next() != Some("token")).collect();
    // One slash only: `//host` would lead to another site.
    let mut location = format!("/{}", uri.path().trim_start_matches(['/', '\\']));
    if !rest.is_empty() {
        location = format!("{location}?{}", rest.join("&"));
    }
    let Ok(location) = HeaderValue::from_str(&location) else {
        return ApiError::bad_request("The address has characters that do not belong there.").into_response();
    };
    let cookie = set(&app.access, request.headers());
    let no_store = HeaderValue::from_static("no-store");
    let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, location), (header::CACHE_CONTROL, no_store)];
    (headers, StatusCode::SEE_OTHER).into_response()
}

/// The value of the cookie `name`, the first where there are several.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).find_map(|pair| {
        let (own, value) = pair.trim().split_once('=')?;
        (own == name).then(|| value.to_owned())
    })
}

fn set(access: &Access, headers: &HeaderMap) -> HeaderValue {
    cookie_header(access, headers, access.token().expose(), MAX_AGE_SECONDS)
}

fn cookie_header(access: &Access, headers: &HeaderMap, value: &str, max_age: u32) -> HeaderValue {
    let secure = if access.cookie_is_secure(headers) { "; Secure" } else { "" };
    let name = access.cookie_name();
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age}{secure}");
    // A token is visible ASCII without separators: see `ApiToken::load`.
    let mut header = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}
