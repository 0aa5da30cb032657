//! The listener to which builders deliver logs and results.

use std::net::SocketAddr;

use clap::Args;

/// The setting of the delivery listener, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Delivery")]
pub struct DeliveryArgs {
    /// Address and port to which builders deliver logs and results; it takes nothing but their per-job tokens. Port 0
    /// takes a free one, which suits tests only: builds that outlive the server would not find it again
    #[arg(long, env = "COOPERAGE_DELIVERY_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8081")]
    pub delivery_listen: SocketAddr,
}

/// The listener to which builders deliver logs and results.
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// Where it listens.
    pub listen: SocketAddr,
}

impl DeliveryArgs {
    pub(super) fn resolve(self) -> DeliveryConfig {
        DeliveryConfig { listen: self.delivery_listen }
    }
}
