//! Who may call: the token, and where a browser's request comes from.
//!
//! Builds run strangers' code on the same machine, so loopback proves nothing: every call needs the token. A browser's
//! request must besides come from our own pages (Origin, Sec-Fetch-Site) and name a host that is ours (Host), so that
//! neither a foreign page nor a name that was bound anew to this address can use a person's cookie.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use url::{Host, Url};

use super::App;
use super::error::ApiError;
use super::session;
use crate::secrets::ApiToken;

/// The paths that are there for machines that look after the server: they tell nothing worth a token.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What a request must show.
#[derive(Clone, Debug)]
pub struct Access {
    token: ApiToken,
    public_url: Option<Url>,
    port: u16,
}

impl Access {
    /// The rules of a server that is reached at `public_url`, if any, and listens on `port`.
    #[must_use]
    pub fn new(token: ApiToken, public_url: Option<Url>, port: u16) -> Self {
        Self { token, public_url, port }
    }

    /// The token that calls need.
    #[must_use]
    pub fn token(&self) -> &ApiToken {
        &self.token
    }

    /// The name of the sign-in cookie. Cookies know no ports: it holds the port, so that two servers on one host do not
    /// sign each other out.
    #[must_use]
    pub fn cookie_name(&self) -> String {
        format!("cooperage_{}", self.port)
    }

    /// Whether the browser may send the cookie by TLS only.
    #[must_use]
    pub fn cookie_is_secure(&self, headers: &HeaderMap) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https" && host(headers) == authority(url))
    }

    /// Whether the request names a host that is ours, and does not come from a foreign page.
    fn origin(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), ApiError> {
        let host = host(headers).ok_or_else(|| ApiError::forbidden("The request names no host."))?;
        if !self.is_our_host(&host) {
            return Err(ApiError::forbidden(
                "The request names a host that is not this server's. Use a loopback address, or set COOPERAGE_PUBLIC_URL.",
            ));
        }
        let foreign = || Err(ApiError::forbidden("Requests from the pages of other sites are refused."));
        let mut origins = headers.get_all(header::ORIGIN).iter();
        if let Some(origin) = origins.next() {
            let ours = origin.to_str().ok().and_then(|text| Url::parse(text).ok()).is_some_and(|origin| {
                let same_host =
                    matches!(origin.scheme(), "http" | "https") && authority(&origin).as_ref() == Some(&host);
                same_host || self.public_url.as_ref().is_some_and(|url| url.origin() == origin.origin())
            });
            if !ours || origins.next().is_some() {
                return foreign();
            }
        }
        let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
        match site {
            None | Some(b"same-origin" | b"none") => Ok(()),
            // A link on another site to one of our pages: the page is the same for everyone, and the browser keeps the
            // cookie back.
            Some(_) if *method == Method::GET && !is_api(path) && is_navigation(headers) => Ok(()),
            Some(_) => foreign(),
        }
    }

    fn is_our_host(&self, authority_text: &str) -> bool {
        let Ok(url) = Url::parse(&format!("http://{authority_text}/")) else { return false };
        if url.host_str().is_none() || authority_text.contains(['/', '@', '?', '#', '\\']) {
            return false;
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        loopback || self.public_url.as_ref().is_some_and(|public| public.host() == url.host())
    }

    /// Whether the request shows the token, as `Authorization: Bearer` or in the sign-in cookie. A header decides alone.
    #[must_use]
    pub fn is_signed_in(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(header::AUTHORIZATION);
        match bearer {
            Some(value) => {
                value.to_str().ok().and_then(|value| value.split_once(' ')).is_some_and(|(scheme, token)| {
                    scheme.eq_ignore_ascii_case("bearer") && self.token.matches(token.trim())
                })
            }
            None => session::cookie(headers, &self.cookie_name()).is_some_and(|token| self.token.matches(&token)),
        }
    }
}

/// Refuses what comes from foreign pages or names a foreign host, and what calls the API without the token.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    let path = request.uri().path();
    if OPEN.contains(&path) {
        return Ok(next.run(request).await);
    }
    let access = &app.access;
    access.origin(request.method(), path, request.headers())?;
    if needs_token(request.method(), path) && !access.is_signed_in(request.headers()) {
        return Err(ApiError::unauthenticated());
    }
    Ok(next.run(request).await)
}

/// The web app, the playground's page and signing in are open; a WebSocket may bring its token in `connection_init`.
fn needs_token(method: &Method, path: &str) -> bool {
    match path {
        "/graphql" => *method != Method::GET && *method != Method::HEAD,
        "/graphql/ws" | "/session" => false,
        path => path.starts_with("/jobs/"),
    }
}

/// Whether a path is the API's, in contrast to the web app's pages and files.
pub(super) fn is_api(path: &str) -> bool {
    path == "/session" || path == "/graphql" || path.starts_with("/graphql/ws") || path.starts_with("/jobs/")
}

fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name, value: &str| headers.get(name).is_some_and(|header| header.as_bytes() == value.as_bytes());
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

/// The one Host that a request names, in lower case.
fn host(headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?.to_ascii_lowercase();
    hosts.next().is_none().then_some(host)
}

/// `host[:port]` of a URL as a browser writes it into Host: without the scheme's own port.
fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?.to_ascii_lowercase();
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}
