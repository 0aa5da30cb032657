//! The web server: where it listens and who may call.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::{ConfigError, Secret, values};

/// Settings of the web server, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Web server")]
pub struct ServerArgs {
    /// Address and port of the web app and the API
    #[arg(long, env = "COOPERAGE_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The URL under which people reach the server, where it is not the address it listens on. Its host is one that
    /// requests may name, and with https the sign-in cookie is sent by TLS only
    #[arg(long, env = "COOPERAGE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// The token that every call needs. Made at first start and kept in the data folder where none is given
    #[arg(long, env = "COOPERAGE_TOKEN", hide = true, hide_env_values = true, value_parser = values::secret)]
    pub token: Option<Secret>,
    /// A file that holds the token that every call needs, where it is not in COOPERAGE_TOKEN
    #[arg(long, env = "COOPERAGE_TOKEN_FILE", value_name = "FILE", value_parser = values::path())]
    pub token_file: Option<PathBuf>,
    /// The key that encrypts pull secrets in the database: 64 hexadecimal digits. Made at first start and kept in the
    /// data folder where none is given. Whoever loses it must enter every pull secret again; replicas share one
    #[arg(long, env = "COOPERAGE_SECRET_KEY", hide = true, hide_env_values = true, value_parser = values::secret)]
    pub secret_key: Option<Secret>,
    /// A file that holds the key that encrypts pull secrets, where it is not in COOPERAGE_SECRET_KEY
    #[arg(long, env = "COOPERAGE_SECRET_KEY_FILE", value_name = "FILE", value_parser = values::path())]
    pub secret_key_file: Option<PathBuf>,
    /// How long a request may take before it is given up; logs and subscriptions are not counted
    #[arg(long, env = "COOPERAGE_REQUEST_TIMEOUT", value_name = "DURATION", default_value = "30s",
          value_parser = values::duration)]
    pub request_timeout: Duration,
}

/// The web server: where it listens and who may call.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where the web app and the API listen.
    pub listen: SocketAddr,
    /// The URL under which people reach the server.
    pub public_url: Option<Url>,
    /// The token from outside, if any.
    pub token: Option<Secret>,
    /// The key that encrypts pull secrets, from outside, if any.
    pub secret_key: Option<Secret>,
    /// How long a request may take.
    pub request_timeout: Duration,
}

impl ServerArgs {
    pub(super) fn resolve(self) -> Result<ServerConfig, ConfigError> {
        let invalid = |message: String| ConfigError::Invalid { setting: "--public-url", message };
        let public_url = values::filled(self.public_url)
            .map(|text| match Url::parse(&text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                    if url.path() == "/" && url.query().is_none() && url.fragment().is_none() {
                        Ok(url)
                    } else {
                        Err(invalid(format!("{text:?} has a path: Cooperage must be at the root of its host")))
                    }
                }
                _ => Err(invalid(format!("{text:?} is no URL: expected for example https://images.example.com"))),
            })
            .transpose()?;
        Ok(ServerConfig {
            listen: self.listen,
            public_url,
            token: values::secret_or_file("--token", self.token, self.token_file.as_deref())?,
            secret_key: values::secret_or_file("--secret-key", self.secret_key, self.secret_key_file.as_deref())?,
            request_timeout: self.request_timeout,
        })
    }
}
