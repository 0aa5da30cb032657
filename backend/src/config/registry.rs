//! The push registry: where images go.

use std::path::PathBuf;

use clap::Args;
use cooperage_shared::{ImageReference, registry_host};

use super::{ConfigError, Secret, values};

/// Settings of the push registry, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Push registry")]
pub struct RegistryArgs {
    /// The registry's host and port. An empty value means that there is none: specs can be kept but not built
    #[arg(long, env = "COOPERAGE_REGISTRY_HOST", value_name = "HOST[:PORT]", default_value = "127.0.0.1:5000")]
    pub registry_host: Option<String>,
    /// What stands between the host and the spec's name, for example team/images
    #[arg(long, env = "COOPERAGE_REGISTRY_PREFIX", value_name = "PATH")]
    pub registry_prefix: Option<String>,
    /// The user name to push with
    #[arg(long, env = "COOPERAGE_REGISTRY_USERNAME", value_name = "NAME")]
    pub registry_username: Option<String>,
    /// The password or token to push with
    #[arg(long, env = "COOPERAGE_REGISTRY_PASSWORD", hide = true, hide_env_values = true, value_name = "PASSWORD",
          value_parser = values::secret)]
    pub registry_password: Option<Secret>,
    /// A file that holds the password to push with, where it is not in COOPERAGE_REGISTRY_PASSWORD
    #[arg(long, env = "COOPERAGE_REGISTRY_PASSWORD_FILE", value_name = "FILE", value_parser = values::path())]
    pub registry_password_file: Option<PathBuf>,
    /// Speak plain HTTP to the registry. Where it is not set: yes on loopback, no elsewhere
    #[arg(long, env = "COOPERAGE_REGISTRY_INSECURE", value_name = "BOOL", num_args = 0..=1,
          default_missing_value = "true")]
    pub registry_insecure: Option<bool>,
}

/// The push registry. An image goes to `host/[prefix/]name:tag`.
#[derive(Clone, Debug, Default)]
pub struct RegistryConfig {
    /// `host[:port]`; none where no registry is configured.
    pub host: Option<String>,
    /// What stands between host and name, without slashes at its ends.
    pub repository_prefix: Option<String>,
    /// The user name.
    pub username: Option<String>,
    /// The password or token.
    pub password: Option<Secret>,
    /// Whether it is spoken to by plain HTTP.
    pub insecure: bool,
}

impl RegistryArgs {
    /// Judges the settings and reads the password's file.
    ///
    /// # Errors
    /// When a value does not fit or the file cannot be read.
    pub fn resolve(self) -> Result<RegistryConfig, ConfigError> {
        let host = values::filled(self.registry_host).map(|text| {
            registry_host(&text).ok_or_else(|| ConfigError::Invalid {
                setting: "--registry-host",
                message: format!("{text:?} is no registry host: expected for example registry.example.com:5000"),
            })
        });
        let host = host.transpose()?;
        let prefix = values::filled(self.registry_prefix)
            .map(|prefix| prefix.trim_matches('/').to_owned())
            .filter(|prefix| !prefix.is_empty());
        if let Some(prefix) = &prefix {
            let path = format!("{prefix}/x");
            let reference = format!("registry.example/{path}").parse::<ImageReference>();
            if !reference.is_ok_and(|reference| reference.repository() == path) {
                let message = format!(
                    "{prefix:?} is no repository path: expected lowercase words between slashes, such as team/images"
                );
                return Err(ConfigError::Invalid { setting: "--registry-prefix", message });
            }
        }
        let password = values::secret_or_file(
            "--registry-password",
            self.registry_password,
            self.registry_password_file.as_deref(),
        )?;
        let username = values::filled(self.registry_username);
        if password.is_some() && username.is_none() {
            let message = "a password needs a user name: set --registry-username too".to_owned();
            return Err(ConfigError::Invalid { setting: "--registry-password", message });
        }
        let insecure = self.registry_insecure.unwrap_or_else(|| host.as_deref().is_some_and(values::is_loopback));
        Ok(RegistryConfig { host, repository_prefix: prefix, username, password, insecure })
    }
}
