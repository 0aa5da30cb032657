//! The push registry as people see it.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::services::services;

/// Where images go, and whether they can.
#[derive(SimpleObject, Clone, Debug)]
pub struct Registry {
    /// Whether a push registry is configured.
    pub configured: bool,
    /// Whether it answers and takes our credentials.
    pub reachable: bool,
    /// Its `host[:port]`; null where none is configured.
    pub host: Option<String>,
    /// What stands between the host and a spec's name in every image; null for nothing.
    pub repository_prefix: Option<String>,
    /// What is wrong and what to do about it; null where nothing is.
    pub message: Option<String>,
}

/// Queries for the push registry.
#[derive(Default)]
pub struct RegistryQuery;

#[Object]
impl RegistryQuery {
    /// Where images go, and whether they can. The answer is at most a few seconds old.
    #[graphql(complexity = 20)]
    async fn registry(&self, ctx: &Context<'_>) -> Result<Registry> {
        let services = services(ctx)?;
        let config = &services.registry_config;
        let Some(host) = config.host.clone() else {
            let message = "No push registry is configured, so nothing can be built. Set COOPERAGE_REGISTRY_HOST and start \
                           the server again.";
            return Ok(Registry {
                configured: false,
                reachable: false,
                host: None,
                repository_prefix: None,
                message: Some(message.to_owned()),
            });
        };
        let message = services.registry_health.message().await;
        Ok(Registry {
            configured: true,
            reachable: message.is_none(),
            host: Some(host),
            repository_prefix: config.repository_prefix.clone(),
            message,
        })
    }
}
