//! The web app and the playground, which the program holds: `main.rs` embeds them, so that a change of theirs compiles no
//! more than that.
//!
//! Files whose name holds a hash never change; all others are asked for anew each time. A path that is no file is one of
//! the web app's pages, unless it looks like a file or belongs to the API.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::EmbeddedFile;

use super::App;
use super::access::is_api;
use super::error::ApiError;

/// The files that the program holds, by their names.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    /// Those of the web app.
    pub web_app: fn(&str) -> Option<EmbeddedFile>,
    /// Those of the playground.
    pub playground: fn(&str) -> Option<EmbeddedFile>,
}

impl Files {
    /// No files: a server that was built without them.
    pub const NONE: Self = Self { web_app: |_| None, playground: |_| None };
}

/// Where the playground's files are.
const PLAYGROUND: &str = "playground/";

/// The web app's files and pages, and the playground's files.
pub(super) async fn web_app(State(app): State<App>, request: Request) -> Response {
    let files = app.files;
    let (method, path) = (request.method(), request.uri().path());
    if is_api(path) {
        return ApiError::not_found("There is nothing at this path.").into_response();
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let message = format!("This path does not take {method}.");
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message).into_response();
    }
    let name = path.trim_start_matches('/');
    let headers = request.headers();
    if let Some(name) = name.strip_prefix(PLAYGROUND) {
        return file(files.playground, name, headers).unwrap_or_else(no_such_file);
    }
    if !name.is_empty()
        && let Some(response) = file(files.web_app, name, headers)
    {
        return response;
    }
    if is_page(name) { file(files.web_app, "index.html", headers).unwrap_or_else(not_built) } else { no_such_file() }
}

/// The playground's page.
pub(super) fn playground(files: Files) -> Response {
    let page = file(files.playground, "index.html", &HeaderMap::new());
    let mut response = page.unwrap_or_else(|| {
        let text = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>GraphQL playground</title>\
                    <h1>The playground was not built</h1><p>Run <code>npm ci</code> and <code>npm run build</code> in the \
                    folder <code>playground</code>, then build the server again. The API itself works: send operations by \
                    POST to <code>/graphql</code>.</p></html>";
        Html(text).into_response()
    });
    // The editor makes style elements as it goes.
    let policy = super::headers::POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'");
    let policy = policy.replace(" 'wasm-unsafe-eval'", "").replace("font-src 'self'", "font-src 'self' data:");
    let policy = format!("{policy}; worker-src 'self'");
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn not_built() -> Response {
    let text = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Cooperage</title>\
                <h1>The web app was not built</h1><p>This server was compiled without it. Run <code>make run</code>, or \
                build the web app first and then the server. The API works: its playground is at \
                <a href=\"/graphql\">/graphql</a>.</p></html>";
    (StatusCode::SERVICE_UNAVAILABLE, Html(text)).into_response()
}

fn no_such_file() -> Response {
    ApiError::not_found("There is no such file.").into_response()
}

/// A page's last part is a word, or a spec's name, which may have dots; the web app's files are under none of its pages.
fn is_page(path: &str) -> bool {
    let pages = ["image-specs", "base-images", "pull-secrets", "sign-in"];
    let first = path.split('/').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    pages.contains(&first) || !last.contains('.')
}

fn file(get: impl Fn(&str) -> Option<EmbeddedFile>, name: &str, request: &HeaderMap) -> Option<Response> {
    if name.ends_with(".br") {
        return None;
    }
    let plain = get(name)?;
    let tag = HeaderValue::from_str(&format!("\"{}\"", hex::encode(plain.metadata.sha256_hash()))).ok()?;
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let text = kind.type_() == "text" || kind.subtype() == "javascript" || kind.subtype() == "json";
    let kind = if text { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    let caching = if has_hash(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if request.get(header::IF_NONE_MATCH) == Some(&tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match accepts_brotli(request).then(|| get(&format!("{name}.br"))).flatten() {
            Some(packed) => {
                let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("br"))];
                (encoding, body(packed)).into_response()
            }
            None => body(plain).into_response(),
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&kind).ok()?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::ETAG, tag);
    Some(response)
}

/// The file's bytes, which are not copied where they are in the binary.
fn body(file: EmbeddedFile) -> Body {
    match file.data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    }
}

/// Whether a file's name holds a hash as trunk and esbuild write it: 8 or more letters and digits, set off by `-` or `.`.
fn has_hash(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let stem = file.split('.').next().unwrap_or(file);
    let word = stem.trim_end_matches("_bg").rsplit('-').next().unwrap_or_default();
    let digits = word.chars().any(|c| c.is_ascii_digit());
    stem.contains('-') && word.len() >= 8 && digits && word.chars().all(|c| c.is_ascii_alphanumeric())
}

fn accepts_brotli(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let refused = |part: &str| part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("br")) && !parts.any(refused)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        for name in ["cooperage-web-1f2e3d4c5b6a7988.js", "app-1f2e3d4c5b6a7988_bg.wasm", "snippets/a-0123abcd.css"] {
            assert!(has_hash(name), "{name}");
        }
        for name in ["index.html", "boot.js", "theme.js", "apple-touch-icon.png", "a-description.css"] {
            assert!(!has_hash(name), "{name}");
        }
    }

    #[test]
    fn names_with_dots_are_pages_and_missing_files_are_not() {
        for path in ["", "image-specs", "image-specs/v1.2", "image-specs/a.js/jobs", "sign-in"] {
            assert!(is_page(path), "{path}");
        }
        for path in ["missing.js", "assets/missing.png", "favicon.ico"] {
            assert!(!is_page(path), "{path}");
        }
    }

    #[test]
    fn brotli_is_sent_to_those_who_take_it() {
        let accepts = |text: &'static str| {
            accepts_brotli(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        assert!(accepts("gzip, deflate, br") && accepts("br;q=0.5"));
        assert!(!accepts("gzip") && !accepts("br;q=0, gzip") && !accepts(""));
    }
}
