//! The listener to which builders deliver logs and results.

use std::net::SocketAddr;

use clap::Args;
use url::Url;

use super::{ConfigError, values};

/// The setting of the delivery listener, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Delivery")]
pub struct DeliveryArgs {
    /// Address and port to which builders deliver logs and results; it takes nothing but their per-job tokens. Port 0
    /// takes a free one, which suits tests only: builds that outlive the server would not find it again
    #[arg(long, env = "COOPERAGE_DELIVERY_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8081")]
    pub delivery_listen: SocketAddr,
    /// The URL under which builders reach that listener, where it is not the address it listens on: on Kubernetes, that
    /// of the Service before all replicas
    #[arg(long, env = "COOPERAGE_DELIVERY_URL", value_name = "URL")]
    pub delivery_url: Option<String>,
}

/// The listener to which builders deliver logs and results.
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What builders are told, `http://host:port`, where it is not that.
    pub url: Option<String>,
}

impl DeliveryConfig {
    /// Whether other machines may reach it by what builders are told.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.url.is_some() || !(self.listen.ip().is_loopback() || self.listen.ip().is_unspecified())
    }
}

impl DeliveryArgs {
    pub(super) fn resolve(self) -> Result<DeliveryConfig, ConfigError> {
        let url = values::filled(self.delivery_url).map(|text| match Url::parse(&text) {
            Ok(url) if url.scheme() == "http" && url.has_host() && url.path() == "/" && url.query().is_none() => {
                Ok(text.trim_end_matches('/').to_owned())
            }
            _ => Err(ConfigError::Invalid {
                setting: "--delivery-url",
                message: format!("{text:?} does not fit: expected for example http://cooperage-delivery:8081"),
            }),
        });
        Ok(DeliveryConfig { listen: self.delivery_listen, url: url.transpose()? })
    }
}
