//! What the administrator can set: one struct per concern.
//!
//! Flags win over `COOPERAGE_*` variables, these over the file, and the file over the defaults. The clap declarations in
//! the files of this module are the only list of settings: the file's keys ([`file`]) and the reference that
//! `cooperage config` prints ([`reference`]) are read from them.

mod build;
mod copy;
mod data_dir;
mod database;
mod delivery;
mod engine;
pub mod file;
mod kubernetes;
mod log;
mod logging;
pub mod reference;
mod registry;
mod secret;
pub mod secret_arguments;
mod server;
mod values;

use clap::Args;

pub use build::{BuildArgs, BuildConfig};
pub use copy::{CopyArgs, CopyConfig};
pub use data_dir::{DataArgs, DataDir, DataDirError};
pub use database::{DatabaseArgs, DatabaseConfig};
pub use delivery::{DeliveryArgs, DeliveryConfig};
pub use engine::{EngineArgs, EngineKind, LocalEngineConfig};
pub(crate) use kubernetes::bytes_of;
pub use kubernetes::{CacheVolumes, KubernetesArgs, KubernetesConfig, PodMetadata, Profile, is_label_value};
pub use log::{LogArgs, LogConfig};
pub use logging::{LogFormat, LoggingArgs};
pub use registry::{RegistryArgs, RegistryConfig};
pub use secret::Secret;
pub use server::{ServerArgs, ServerConfig};
pub(crate) use values::path;

/// A setting that cannot be used, told to the administrator.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that a setting names cannot be read.
    #[error("{setting} names {path}, which cannot be read: {source}")]
    Unreadable {
        /// The setting's flag.
        setting: &'static str,
        /// The file it names.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A setting and its file variant are both given.
    #[error("{setting} and {setting}-file are both set: keep one of them")]
    Both {
        /// The setting's flag.
        setting: &'static str,
    },
    /// A value that does not fit.
    #[error("{setting}: {message}")]
    Invalid {
        /// The setting's flag.
        setting: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
}

/// Every setting of `cooperage serve`, as given.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Web server and API.
    #[command(flatten)]
    pub server: ServerArgs,
    /// The data folder.
    #[command(flatten)]
    pub data: DataArgs,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Where builders deliver.
    #[command(flatten)]
    pub delivery: DeliveryArgs,
    /// Where jobs run.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Jobs on Kubernetes.
    #[command(flatten)]
    pub kubernetes: KubernetesArgs,
    /// The push registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// How images are built.
    #[command(flatten)]
    pub build: BuildArgs,
    /// Build logs.
    #[command(flatten)]
    pub log: LogArgs,
    /// The server's own log.
    #[command(flatten)]
    pub logging: LoggingArgs,
}

/// The settings of `cooperage serve`, judged and with their secrets read.
#[derive(Clone, Debug)]
pub struct Config {
    /// Web server and API.
    pub server: ServerConfig,
    /// The data folder.
    pub data: DataDir,
    /// The database.
    pub database: DatabaseConfig,
    /// Where builders deliver.
    pub delivery: DeliveryConfig,
    /// Where jobs run.
    pub engine: EngineKind,
    /// Jobs on Kubernetes, where that is where they run.
    pub kubernetes: Option<KubernetesConfig>,
    /// The push registry.
    pub registry: RegistryConfig,
    /// How images are built.
    pub build: BuildConfig,
    /// Build logs.
    pub log: LogConfig,
}

impl Settings {
    /// Judges the settings and reads the files that they name.
    ///
    /// # Errors
    /// When a value does not fit or a file cannot be read.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        let data = self.data.resolve()?;
        let delivery = self.delivery.resolve()?;
        let kubernetes = self.kubernetes.resolve(self.engine.engine)?;
        if kubernetes.as_ref().is_some_and(|kubernetes| !kubernetes.host_network) && !delivery.is_reachable() {
            return Err(ConfigError::Invalid {
                setting: "--delivery-url",
                message: format!(
                    "missing: pods cannot reach the server at {}. Set COOPERAGE_DELIVERY_LISTEN=0.0.0.0:{port}, and \
                     COOPERAGE_DELIVERY_URL to what pods reach it by, for example http://cooperage-delivery:{port}",
                    delivery.listen,
                    port = delivery.listen.port()
                ),
            });
        }
        Ok(Config {
            server: self.server.resolve()?,
            database: self.database.resolve(&data)?,
            delivery,
            engine: self.engine.engine,
            kubernetes,
            registry: self.registry.resolve()?,
            build: self.build.resolve(),
            log: self.log.resolve(),
            data,
        })
    }
}
