//! The client: whom it speaks to, how, and for how long.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use cooperage_shared::ImageReference;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use sha2::{Digest as _, Sha256};

use super::error::Transient;
use super::{RegistryCredential, RegistryError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest wait for the answer to one small request.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Waits before a transient failure is tried again.
const BACKOFF: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1500)];

/// How long a conversation serves further operations; a job's push makes a dozen of them. No longer: its credential stays
/// in memory meanwhile.
const SESSION_TIME: Duration = Duration::from_secs(60);

/// Speaks to registries. Cheap to clone; clones share their conversations, each about one repository with one credential.
#[derive(Clone)]
pub struct RegistryClient {
    insecure_hosts: Vec<String>,
    sessions: Arc<Mutex<HashMap<SessionKey, (Instant, Session)>>>,
}

/// Whose conversation it is: another credential, repository or operation never takes it up.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SessionKey {
    registry: String,
    repository: String,
    pushes: bool,
    /// User name and password as one hash; none where nobody logs in.
    login: Option<[u8; 32]>,
}

impl std::fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryClient").field("insecure_hosts", &self.insecure_hosts).finish_non_exhaustive()
    }
}

impl RegistryClient {
    /// A client that speaks plain HTTP to `insecure_hosts` (`host[:port]`) and on loopback, and HTTPS to all others.
    #[must_use]
    pub fn new(insecure_hosts: &[String]) -> Self {
        prepare_tls();
        Self { insecure_hosts: insecure_hosts.to_vec(), sessions: Arc::default() }
    }

    /// Whether `host` is spoken to by plain HTTP.
    #[must_use]
    pub fn is_insecure(&self, host: &str) -> bool {
        self.insecure_hosts.iter().any(|insecure| same_host(insecure, host)) || is_loopback(host)
    }

    /// The digest (`sha256:…`) that the registry answers for `image`: of the manifest or index that the tag names.
    ///
    /// # Errors
    /// [`RegistryError`], after a few attempts where the failure may pass.
    pub async fn resolve(
        &self,
        image: &ImageReference,
        credential: Option<&RegistryCredential>,
    ) -> Result<String, RegistryError> {
        let reference = reference(image);
        retry(|| async {
            let session = self.session(&reference, credential, RegistryOperation::Pull).await?;
            Ok(within(session.client.fetch_manifest_digest(&reference, &session.auth)).await??)
        })
        .await
    }

    /// Whether the registry at `host` answers and accepts the credential (`GET /v2/`).
    ///
    /// # Errors
    /// [`RegistryError`]; tried once only, for a caller that shows the state of a registry now.
    pub async fn ping(&self, host: &str, credential: Option<&RegistryCredential>) -> Result<(), RegistryError> {
        let probe = Reference::with_tag(host.to_owned(), "cooperage/ping".to_owned(), "latest".to_owned());
        let scheme = if self.is_insecure(host) { "http" } else { "https" };
        let url = format!("{scheme}://{}/v2/", probe.resolve_registry());
        let client = http_client(|client| client.connect_timeout(CONNECT_TIMEOUT).timeout(ANSWER_TIMEOUT))?;
        let answer = client.get(&url).send().await?;
        if answer.status() != reqwest::StatusCode::UNAUTHORIZED {
            return match answer.status() {
                status if status.is_success() => Ok(()),
                status => Err(RegistryError::from_status(status.as_u16(), "")),
            };
        }
        let challenge = answer.headers().get(reqwest::header::WWW_AUTHENTICATE).and_then(|h| h.to_str().ok());
        if challenge.is_some_and(|c| c.trim_start().to_ascii_lowercase().starts_with("basic")) {
            let Some(login) = credential.filter(|c| same_host(&c.host, host)) else {
                return Err(RegistryError::AccessDenied);
            };
            let request = client.get(&url).basic_auth(&login.username, Some(login.password.expose()));
            return match request.send().await?.status() {
                status if status.is_success() => Ok(()),
                status => Err(RegistryError::from_status(status.as_u16(), "")),
            };
        }
        self.session(&probe, credential, RegistryOperation::Pull).await.map(|_| ())
    }

    /// Authenticates against the registry of `reference`, once for the operations that follow.
    pub(super) async fn session(
        &self,
        reference: &Reference,
        credential: Option<&RegistryCredential>,
        operation: RegistryOperation,
    ) -> Result<Session, RegistryError> {
        let login = credential.filter(|c| same_host(&c.host, reference.registry()));
        let key = SessionKey {
            registry: reference.registry().to_owned(),
            repository: reference.repository().to_owned(),
            pushes: operation == RegistryOperation::Push,
            login: login.map(|login| {
                let hash = Sha256::new().chain_update(&login.username).chain_update([0]);
                hash.chain_update(login.password.expose()).finalize().into()
            }),
        };
        let sessions = || self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, session)) = sessions().get(&key).filter(|(since, _)| since.elapsed() < SESSION_TIME) {
            return Ok(session.clone());
        }
        let session = self.authenticate(reference, login, operation).await?;
        let mut sessions = sessions();
        sessions.retain(|_, (since, _)| since.elapsed() < SESSION_TIME);
        sessions.insert(key, (Instant::now(), session.clone()));
        Ok(session)
    }

    async fn authenticate(
        &self,
        reference: &Reference,
        login: Option<&RegistryCredential>,
        operation: RegistryOperation,
    ) -> Result<Session, RegistryError> {
        let protocol = match self.is_insecure(reference.registry()) {
            true => ClientProtocol::HttpsExcept(vec![reference.registry().to_owned()]),
            false => ClientProtocol::Https,
        };
        let config = ClientConfig {
            protocol,
            connect_timeout: Some(CONNECT_TIMEOUT),
            use_monolithic_push: true,
            user_agent: concat!("cooperage/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = oci_client::Client::try_from(config)?;
        let auth = match login {
            Some(login) => RegistryAuth::Basic(login.username.clone(), login.password.expose().to_owned()),
            None => RegistryAuth::Anonymous,
        };
        within(client.auth(reference, &auth, operation)).await??;
        Ok(Session { client, auth })
    }
}

/// An authenticated conversation with one registry about one repository.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) client: oci_client::Client,
    pub(super) auth: RegistryAuth,
}

/// `oci-client`'s form of a reference.
pub(super) fn reference(image: &ImageReference) -> Reference {
    let (host, repository) = (image.host().to_owned(), image.repository().to_owned());
    match (image.tag(), image.digest()) {
        (_, Some(digest)) => Reference::with_digest(host, repository, digest.to_owned()),
        (tag, None) => Reference::with_tag(host, repository, tag.unwrap_or("latest").to_owned()),
    }
}

/// Whether two spellings name one registry: Docker Hub has three.
pub(crate) fn same_host(a: &str, b: &str) -> bool {
    fn plain(host: &str) -> &str {
        let host = host.strip_prefix("https://").or_else(|| host.strip_prefix("http://")).unwrap_or(host);
        match host.split('/').next().unwrap_or(host) {
            "index.docker.io" | "registry-1.docker.io" => "docker.io",
            host => host,
        }
    }
    plain(a).eq_ignore_ascii_case(plain(b))
}

/// Whether `host[:port]` is this machine by its own loopback.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Waits for one answer, not for ever.
pub(super) async fn within<F: Future>(future: F) -> Result<F::Output, RegistryError> {
    tokio::time::timeout(ANSWER_TIMEOUT, future)
        .await
        .map_err(|_| RegistryError::Unreachable(format!("no answer within {} seconds", ANSWER_TIMEOUT.as_secs())))
}

/// Makes the attempt again, a few times, while its failure may pass.
pub(super) async fn retry<T, E, F, Fut>(mut attempt: F) -> Result<T, E>
where
    E: Transient,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    for wait in BACKOFF {
        match attempt().await {
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "registry request failed, trying again");
                tokio::time::sleep(wait).await;
            }
            done => return done,
        }
    }
    attempt().await
}

/// Chooses the cryptography for TLS once per process; without a choice the first connection would panic.
fn prepare_tls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that somebody has chosen before, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// An HTTP client; on a machine without any certificates it serves plain HTTP still, and trusts nobody by HTTPS.
pub(crate) fn http_client(
    configure: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> reqwest::Result<reqwest::Client> {
    prepare_tls();
    let trusting = configure(reqwest::Client::builder()).build();
    trusting.or_else(|_| configure(reqwest::Client::builder().tls_certs_only([])).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_is_one_host_under_three_names() {
        assert!(same_host("docker.io", "index.docker.io"));
        assert!(same_host("https://index.docker.io/v1/", "docker.io"));
        assert!(!same_host("docker.io", "docker.io:443"));
        assert!(!same_host("registry.example", "registry.example.evil"));
    }

    #[test]
    fn loopback_is_told_by_address_not_by_looks() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["127.0.0.1.example.com", "localhost.example.com:5000", "registry.example.com", "[::2]:5000"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
