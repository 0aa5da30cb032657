//! How images are built: limits, caches, and the administrator's indexes, proxies and certificates.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values;
use crate::delivery::protocol::BuildSettings;

/// Settings of builds, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Builds")]
pub struct BuildArgs {
    /// How many builds run side by side; the others wait in line
    #[arg(long, env = "COOPERAGE_BUILD_MAX_PARALLEL", value_name = "NUMBER", default_value = "2",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub build_max_parallel: u16,
    /// How long a build may take before it is ended as timed out
    #[arg(long, env = "COOPERAGE_BUILD_DEADLINE", value_name = "DURATION", default_value = "1h",
          value_parser = values::duration)]
    pub build_deadline: Duration,
    /// Registries of base images that are spoken to by plain HTTP, comma-separated; those on loopback are anyway
    #[arg(long, env = "COOPERAGE_BUILD_INSECURE_REGISTRIES", value_name = "HOST[:PORT]", value_delimiter = ',')]
    pub build_insecure_registries: Vec<String>,
    /// The uv program that installs Pip requirements. Where none is given, the one in PATH; without one, the image's pip
    #[arg(long, env = "COOPERAGE_BUILD_UV", value_name = "FILE", value_parser = values::path())]
    pub build_uv: Option<PathBuf>,
    /// The most that the kept image store may take before the images unused for longest are removed, while no build runs;
    /// where builds follow one another, the next ones wait for that
    #[arg(long, env = "COOPERAGE_BUILD_STORE_LIMIT", value_name = "SIZE", default_value = "40GiB",
          value_parser = values::bytes)]
    pub build_store_limit: u64,
    /// The most that the package caches may take before they are cleared
    #[arg(long, env = "COOPERAGE_BUILD_CACHE_LIMIT", value_name = "SIZE", default_value = "10GiB",
          value_parser = values::bytes)]
    pub build_cache_limit: u64,
    /// Conda channels in order of priority, names or URLs, comma-separated
    #[arg(
        long,
        env = "COOPERAGE_CONDA_CHANNELS",
        value_name = "CHANNEL",
        value_delimiter = ',',
        default_value = "conda-forge"
    )]
    pub conda_channels: Vec<String>,
    /// The base URL of Conda channels that are given by name
    #[arg(long, env = "COOPERAGE_CONDA_CHANNEL_ALIAS", value_name = "URL")]
    pub conda_channel_alias: Option<String>,
    /// The package index for Pip requirements, in place of the default one
    #[arg(long, env = "COOPERAGE_PIP_INDEX_URL", hide_env_values = true, value_name = "URL")]
    pub pip_index_url: Option<String>,
    /// Further package indexes for Pip requirements, comma-separated
    #[arg(
        long,
        env = "COOPERAGE_PIP_EXTRA_INDEX_URLS",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ','
    )]
    pub pip_extra_index_urls: Vec<String>,
    /// The proxy for http:// that install steps use
    #[arg(long, env = "COOPERAGE_BUILD_HTTP_PROXY", hide_env_values = true, value_name = "URL")]
    pub build_http_proxy: Option<String>,
    /// The proxy for https:// that install steps use
    #[arg(long, env = "COOPERAGE_BUILD_HTTPS_PROXY", hide_env_values = true, value_name = "URL")]
    pub build_https_proxy: Option<String>,
    /// Hosts that install steps reach without a proxy, comma-separated
    #[arg(long, env = "COOPERAGE_BUILD_NO_PROXY", value_name = "HOSTS")]
    pub build_no_proxy: Option<String>,
    /// A file of PEM certificates that install steps trust besides the base image's own
    #[arg(long, env = "COOPERAGE_BUILD_CA_BUNDLE", value_name = "FILE", value_parser = values::path())]
    pub build_ca_bundle: Option<PathBuf>,
    /// Lines for apt.conf during install steps, one after another
    #[arg(long, env = "COOPERAGE_BUILD_APT_CONF", value_name = "LINES", value_delimiter = '\n')]
    pub build_apt_conf: Vec<String>,
    /// Further variables for install steps, each NAME=VALUE on a line of its own; they leave no trace in the image
    #[arg(long, env = "COOPERAGE_BUILD_ENVIRONMENT", hide_env_values = true, value_name = "NAME=VALUE",
          value_delimiter = '\n', value_parser = variable)]
    pub build_environment: Vec<(String, String)>,
}

/// How images are built.
#[derive(Clone, Debug)]
pub struct BuildConfig {
    /// How many builds run side by side.
    pub max_parallel: usize,
    /// How long a build may take.
    pub deadline: Duration,
    /// Registries of base images, `host[:port]`, that are spoken to by plain HTTP.
    pub insecure_registries: Vec<String>,
    /// The uv program, where one was named.
    pub uv: Option<PathBuf>,
    /// The most that the kept image store may take, in bytes.
    pub store_limit_bytes: u64,
    /// The most that the package caches may take, in bytes.
    pub cache_limit_bytes: u64,
    /// Indexes, channels, proxies and certificates.
    pub settings: BuildSettings,
}

impl BuildArgs {
    /// The settings in the form that builds take.
    #[must_use]
    pub fn resolve(self) -> BuildConfig {
        let list = |values: Vec<String>| values.into_iter().filter_map(|v| values::filled(Some(v))).collect::<Vec<_>>();
        let path = |path: Option<PathBuf>| path.filter(|path| !path.as_os_str().is_empty());
        BuildConfig {
            max_parallel: usize::from(self.build_max_parallel),
            deadline: self.build_deadline,
            insecure_registries: list(self.build_insecure_registries),
            uv: path(self.build_uv),
            store_limit_bytes: self.build_store_limit,
            cache_limit_bytes: self.build_cache_limit,
            settings: BuildSettings {
                conda_channels: list(self.conda_channels),
                conda_channel_alias: values::filled(self.conda_channel_alias),
                pip_index_url: values::filled(self.pip_index_url),
                pip_extra_index_urls: list(self.pip_extra_index_urls),
                http_proxy: values::filled(self.build_http_proxy),
                https_proxy: values::filled(self.build_https_proxy),
                no_proxy: values::filled(self.build_no_proxy),
                ca_bundle: path(self.build_ca_bundle),
                apt_conf: list(self.build_apt_conf),
                environment: self.build_environment.into_iter().collect::<BTreeMap<_, _>>(),
            },
        }
    }
}

/// `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.trim().split_once('=') {
        Some((name, value))
            if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && name.chars().next().is_some_and(|c| !c.is_ascii_digit()) =>
        {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE, the name of letters, digits and _".to_owned()),
    }
}
