//! Whether the push registry answers, asked at most every few seconds however many pages are open.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::config::RegistryConfig;
use crate::registry::{RegistryClient, RegistryCredential, RegistryError};

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(5);
/// How long a registry has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the push registry how it is.
pub struct RegistryHealth {
    client: RegistryClient,
    config: RegistryConfig,
    last: Mutex<Option<(Instant, Option<String>)>>,
}

impl RegistryHealth {
    /// Will ask the registry that `config` names.
    #[must_use]
    pub fn new(client: RegistryClient, config: RegistryConfig) -> Self {
        Self { client, config, last: Mutex::new(None) }
    }

    /// What is wrong with the registry and what to do about it; none where nothing is, or where none is configured.
    pub async fn message(&self) -> Option<String> {
        // Held while asking: those who come meanwhile get the same answer.
        let mut last = self.last.lock().await;
        if let Some((asked, message)) = &*last
            && asked.elapsed() < FRESH
        {
            return message.clone();
        }
        let message = self.ask().await;
        *last = Some((Instant::now(), message.clone()));
        message
    }

    async fn ask(&self) -> Option<String> {
        let host = self.config.host.as_deref()?;
        let credential = self.config.username.clone().zip(self.config.password.clone());
        let credential =
            credential.map(|(username, password)| RegistryCredential { host: host.to_owned(), username, password });
        match tokio::time::timeout(PATIENCE, self.client.ping(host, credential.as_ref())).await {
            Ok(Ok(())) => None,
            Ok(Err(RegistryError::AccessDenied)) => Some(format!(
                "The push registry {host} refuses the credentials. Check COOPERAGE_REGISTRY_USERNAME and \
                 COOPERAGE_REGISTRY_PASSWORD."
            )),
            Ok(Err(error)) => {
                tracing::warn!(host, %error, "the push registry does not answer as it should");
                Some(format!(
                    "The push registry {host} does not answer as it should: {error}. Start it, or check \
                     COOPERAGE_REGISTRY_HOST and COOPERAGE_REGISTRY_INSECURE."
                ))
            }
            Err(_) => Some(format!(
                "The push registry {host} did not answer within {} seconds. Check that it runs and can be reached from \
                 the server.",
                PATIENCE.as_secs()
            )),
        }
    }
}
