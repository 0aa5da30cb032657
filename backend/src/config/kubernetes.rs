//! The engine `kubernetes`: in which namespace, with which image, and what a builder's pod may have.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use k8s_openapi::api::core::v1::Toleration;

use super::{ConfigError, EngineKind, values};

/// Settings of the engine `kubernetes`, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Kubernetes")]
pub struct KubernetesArgs {
    /// The namespace of builders. Where none is given, that of the server's pod, or of the kubeconfig
    #[arg(long, env = "COOPERAGE_KUBERNETES_NAMESPACE", value_name = "NAME")]
    pub kubernetes_namespace: Option<String>,
    /// The builder's image. The engine `kubernetes` needs it
    #[arg(long, env = "COOPERAGE_KUBERNETES_BUILDER_IMAGE", value_name = "IMAGE")]
    pub kubernetes_builder_image: Option<String>,
    /// The name of this installation, the same for all its replicas: it looks after the jobs that bear it and no others,
    /// and its cache volumes are called after it
    #[arg(long, env = "COOPERAGE_KUBERNETES_INSTANCE", value_name = "NAME", default_value = "cooperage")]
    pub kubernetes_instance: String,
    /// The processor time that a builder is given for sure
    #[arg(long, env = "COOPERAGE_KUBERNETES_CPU_REQUEST", value_name = "QUANTITY", default_value = "500m")]
    pub kubernetes_cpu_request: Option<String>,
    /// The most processor time that a builder gets; empty for no limit
    #[arg(long, env = "COOPERAGE_KUBERNETES_CPU_LIMIT", value_name = "QUANTITY")]
    pub kubernetes_cpu_limit: Option<String>,
    /// The memory that a builder is given for sure
    #[arg(long, env = "COOPERAGE_KUBERNETES_MEMORY_REQUEST", value_name = "QUANTITY", default_value = "1Gi")]
    pub kubernetes_memory_request: Option<String>,
    /// The memory at which a builder is killed; empty for no limit
    #[arg(long, env = "COOPERAGE_KUBERNETES_MEMORY_LIMIT", value_name = "QUANTITY", default_value = "4Gi")]
    pub kubernetes_memory_limit: Option<String>,
    /// The most disk space of its node that a builder may take, given to it for sure where it has no cache volume; empty for no
    /// limit
    #[arg(long, env = "COOPERAGE_KUBERNETES_EPHEMERAL_STORAGE", value_name = "QUANTITY", default_value = "20Gi")]
    pub kubernetes_ephemeral_storage: Option<String>,
    /// Labels of the nodes that builders may run on, each NAME=VALUE, comma-separated
    #[arg(long, env = "COOPERAGE_KUBERNETES_NODE_SELECTOR", value_name = "NAME=VALUE", value_delimiter = ',',
          value_parser = label)]
    pub kubernetes_node_selector: Vec<(String, String)>,
    /// Taints that builders tolerate, as a JSON list in the form that a pod has them in
    #[arg(long, env = "COOPERAGE_KUBERNETES_TOLERATIONS", value_name = "JSON")]
    pub kubernetes_tolerations: Option<String>,
    /// Labels and annotations of builders' pods, as JSON in the form that a pod's metadata has them in, for example
    /// {"annotations": {"sidecar.istio.io/inject": "false"}}
    #[arg(long, env = "COOPERAGE_KUBERNETES_POD_METADATA", value_name = "JSON")]
    pub kubernetes_pod_metadata: Option<String>,
    /// The runtime class of builders
    #[arg(long, env = "COOPERAGE_KUBERNETES_RUNTIME_CLASS", value_name = "NAME")]
    pub kubernetes_runtime_class: Option<String>,
    /// The service account that builders run under; its token is not in their pods
    #[arg(long, env = "COOPERAGE_KUBERNETES_SERVICE_ACCOUNT", value_name = "NAME")]
    pub kubernetes_service_account: Option<String>,
    /// Secrets that the builder's image is pulled with, comma-separated
    #[arg(long, env = "COOPERAGE_KUBERNETES_IMAGE_PULL_SECRETS", value_name = "NAME", value_delimiter = ',')]
    pub kubernetes_image_pull_secrets: Vec<String>,
    /// The seccomp profile of builders: RuntimeDefault, Unconfined, or Localhost/FILE below the kubelet's folder of
    /// profiles. Where none is given, the cluster's default
    #[arg(long, env = "COOPERAGE_KUBERNETES_SECCOMP_PROFILE", value_name = "PROFILE")]
    pub kubernetes_seccomp_profile: Option<String>,
    /// The AppArmor profile of builders: RuntimeDefault, Unconfined, or Localhost/NAME. Where none is given, the node's
    /// default
    #[arg(long, env = "COOPERAGE_KUBERNETES_APPARMOR_PROFILE", value_name = "PROFILE")]
    pub kubernetes_apparmor_profile: Option<String>,
    /// The SELinux type of builders, for example container_engine_t. Where none is given, the node's default
    #[arg(long, env = "COOPERAGE_KUBERNETES_SELINUX_TYPE", value_name = "TYPE")]
    pub kubernetes_selinux_type: Option<String>,
    /// Whether builders share the nodes' user namespace. Where the cluster has user namespaces, false keeps a builder
    /// that breaks out from being anybody on the node
    #[arg(long, env = "COOPERAGE_KUBERNETES_HOST_USERS", value_name = "BOOL", num_args = 0..=1, default_value = "true",
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub kubernetes_host_users: bool,
    /// Run builders on the nodes' own network, where install steps reach whatever listens there. For trials on one
    /// machine only
    #[arg(long, env = "COOPERAGE_KUBERNETES_HOST_NETWORK", value_name = "BOOL", num_args = 0..=1, default_value = "false",
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub kubernetes_host_network: bool,
    /// A ConfigMap with PEM certificates under the key ca.crt, which builders trust besides the base image's own
    #[arg(long, env = "COOPERAGE_KUBERNETES_CA_CONFIG_MAP", value_name = "NAME")]
    pub kubernetes_ca_config_map: Option<String>,
    /// How many volumes are kept that carry image stores and package caches from one build to the next; one build at a
    /// time has a volume, and with 0 every build begins with an empty store
    #[arg(long, env = "COOPERAGE_KUBERNETES_CACHE_VOLUMES", value_name = "NUMBER", default_value = "0",
          value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub kubernetes_cache_volumes: u16,
    /// The size of each of these volumes
    #[arg(long, env = "COOPERAGE_KUBERNETES_CACHE_SIZE", value_name = "QUANTITY", default_value = "50Gi",
          value_parser = quantity)]
    pub kubernetes_cache_size: String,
    /// The storage class of these volumes. Where none is given, the cluster's default
    #[arg(long, env = "COOPERAGE_KUBERNETES_CACHE_STORAGE_CLASS", value_name = "NAME")]
    pub kubernetes_cache_storage_class: Option<String>,
    /// How long a builder may wait for a node, its volumes and its image before the job fails
    #[arg(long, env = "COOPERAGE_KUBERNETES_PENDING_DEADLINE", value_name = "DURATION", default_value = "10m",
          value_parser = values::duration)]
    pub kubernetes_pending_deadline: Duration,
}

/// The engine `kubernetes`.
#[derive(Clone, Debug)]
pub struct KubernetesConfig {
    /// The namespace; none for that of the server's own pod, or of the kubeconfig.
    pub namespace: Option<String>,
    /// The builder's image.
    pub builder_image: String,
    /// The name of this installation, a DNS label.
    pub instance: String,
    /// What a builder is given for sure: `cpu`, `memory`, `ephemeral-storage`.
    pub requests: BTreeMap<String, String>,
    /// The most that it gets, by the same names.
    pub limits: BTreeMap<String, String>,
    /// Labels that its node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// What its pod's metadata has besides our own.
    pub pod_metadata: PodMetadata,
    /// Its runtime class.
    pub runtime_class: Option<String>,
    /// The service account that it runs under.
    pub service_account: Option<String>,
    /// Secrets that its image is pulled with.
    pub image_pull_secrets: Vec<String>,
    /// Its seccomp profile.
    pub seccomp: Option<Profile>,
    /// Its AppArmor profile.
    pub apparmor: Option<Profile>,
    /// Its SELinux type.
    pub selinux_type: Option<String>,
    /// Whether it shares the node's user namespace.
    pub host_users: bool,
    /// Whether it shares the node's network.
    pub host_network: bool,
    /// The ConfigMap with certificates that it trusts.
    pub ca_config_map: Option<String>,
    /// The pool of cache volumes.
    pub cache: CacheVolumes,
    /// How long it may wait for its start.
    pub pending_deadline: Duration,
}

/// Labels and annotations of a builder's pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PodMetadata {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The pool of cache volumes.
#[derive(Clone, Debug)]
pub struct CacheVolumes {
    /// How many there are.
    pub count: u16,
    /// The size of each, as a quantity.
    pub size: String,
    /// The same in bytes.
    pub size_bytes: u64,
    /// Their storage class; none for the cluster's default.
    pub storage_class: Option<String>,
}

/// A seccomp or AppArmor profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// That of the container runtime.
    RuntimeDefault,
    /// None.
    Unconfined,
    /// One that lies on the node, by its file or name.
    Localhost(String),
}

impl Profile {
    /// The word that pods use for this kind of profile.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::RuntimeDefault => "RuntimeDefault",
            Self::Unconfined => "Unconfined",
            Self::Localhost(_) => "Localhost",
        }
    }

    /// Its file or name on the node.
    #[must_use]
    pub fn on_node(&self) -> Option<String> {
        match self {
            Self::Localhost(name) => Some(name.clone()),
            Self::RuntimeDefault | Self::Unconfined => None,
        }
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            None if text.eq_ignore_ascii_case("RuntimeDefault") => Ok(Self::RuntimeDefault),
            None if text.eq_ignore_ascii_case("Unconfined") => Ok(Self::Unconfined),
            Some((kind, name)) if kind.eq_ignore_ascii_case("Localhost") && !name.is_empty() => {
                Ok(Self::Localhost(name.to_owned()))
            }
            _ => Err(format!("{text:?} is no profile: expected RuntimeDefault, Unconfined or Localhost/NAME")),
        }
    }
}

impl KubernetesArgs {
    /// Judges the settings; none where another engine runs the jobs.
    pub(super) fn resolve(self, engine: EngineKind) -> Result<Option<KubernetesConfig>, ConfigError> {
        if engine != EngineKind::Kubernetes {
            return Ok(None);
        }
        let invalid = |setting, message| ConfigError::Invalid { setting, message };
        let builder_image = values::filled(self.kubernetes_builder_image).ok_or_else(|| {
            let message = "the engine kubernetes needs the builder's image, for example \
                           registry.example.com/cooperage-builder:1"
                .to_owned();
            invalid("--kubernetes-builder-image", message)
        })?;
        let instance = values::filled(Some(self.kubernetes_instance)).filter(|name| is_dns_label(name));
        let instance = instance.ok_or_else(|| {
            let message =
                "expected at most 50 lower-case letters, digits and '-', with no '-' at either end".to_owned();
            invalid("--kubernetes-instance", message)
        })?;
        let tolerations = match values::filled(self.kubernetes_tolerations) {
            None => Vec::new(),
            Some(json) => serde_json::from_str(&json)
                .map_err(|error| invalid("--kubernetes-tolerations", format!("no list of tolerations: {error}")))?,
        };
        let pod_metadata = match values::filled(self.kubernetes_pod_metadata) {
            None => PodMetadata::default(),
            Some(text) => serde_json::from_str(&text).map_err(|error| {
                invalid(
                    "--kubernetes-pod-metadata",
                    format!("expected for example {{\"labels\": {{\"team\": \"data\"}}}}: {error}"),
                )
            })?,
        };
        let profile = |setting, text: Option<String>| {
            values::filled(text).map(|text| text.parse()).transpose().map_err(|message| invalid(setting, message))
        };
        let given = [
            ("--kubernetes-cpu-request", "cpu", self.kubernetes_cpu_request),
            ("--kubernetes-memory-request", "memory", self.kubernetes_memory_request),
            ("--kubernetes-ephemeral-storage", "ephemeral-storage", self.kubernetes_ephemeral_storage.clone()),
        ];
        let most = [
            ("--kubernetes-cpu-limit", "cpu", self.kubernetes_cpu_limit),
            ("--kubernetes-memory-limit", "memory", self.kubernetes_memory_limit),
            ("--kubernetes-ephemeral-storage", "ephemeral-storage", self.kubernetes_ephemeral_storage),
        ];
        Ok(Some(KubernetesConfig {
            namespace: values::filled(self.kubernetes_namespace),
            builder_image,
            instance,
            requests: quantities(given)?,
            limits: quantities(most)?,
            node_selector: self.kubernetes_node_selector.into_iter().collect(),
            tolerations,
            pod_metadata,
            runtime_class: values::filled(self.kubernetes_runtime_class),
            service_account: values::filled(self.kubernetes_service_account),
            image_pull_secrets: self
                .kubernetes_image_pull_secrets
                .into_iter()
                .filter_map(|name| values::filled(Some(name)))
                .collect(),
            seccomp: profile("--kubernetes-seccomp-profile", self.kubernetes_seccomp_profile)?,
            apparmor: profile("--kubernetes-apparmor-profile", self.kubernetes_apparmor_profile)?,
            selinux_type: values::filled(self.kubernetes_selinux_type),
            host_users: self.kubernetes_host_users,
            host_network: self.kubernetes_host_network,
            ca_config_map: values::filled(self.kubernetes_ca_config_map),
            cache: CacheVolumes {
                count: self.kubernetes_cache_volumes,
                size_bytes: bytes_of(&self.kubernetes_cache_size),
                size: self.kubernetes_cache_size,
                storage_class: values::filled(self.kubernetes_cache_storage_class),
            },
            pending_deadline: self.kubernetes_pending_deadline,
        }))
    }
}

type Given = (&'static str, &'static str, Option<String>);

fn quantities(given: [Given; 3]) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut found = BTreeMap::new();
    for (setting, name, value) in given {
        if let Some(value) = values::filled(value) {
            let value = quantity(&value).map_err(|message| ConfigError::Invalid { setting, message })?;
            found.insert(name.to_owned(), value);
        }
    }
    Ok(found)
}

/// `500m`, `4Gi`, `1.5`: what Kubernetes takes for an amount.
fn quantity(text: &str) -> Result<String, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    let units = ["", "m", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi"];
    match number.parse::<f64>() {
        Ok(amount) if amount > 0.0 && number.starts_with(|c: char| c.is_ascii_digit()) && units.contains(&unit) => {
            Ok(text.to_owned())
        }
        _ => Err(format!("{text:?} is no amount: expected for example 500m, 2, 512Mi or 20Gi")),
    }
}

/// An amount of bytes, as [`quantity`] takes it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and what is too much is the most"
)]
pub(crate) fn bytes_of(text: &str) -> u64 {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(number.len()..).unwrap_or_default();
    let base: f64 = if unit.ends_with('i') { 1024.0 } else { 1000.0 };
    let power = match unit.chars().next() {
        Some('k' | 'K') => 1,
        Some('M') => 2,
        Some('G') => 3,
        Some('T') => 4,
        Some('P') => 5,
        Some('m') => -1,
        _ => 0,
    };
    (number.parse::<f64>().unwrap_or(0.0) * base.powi(power)) as u64
}

/// `NAME=VALUE`.
fn label(text: &str) -> Result<(String, String), String> {
    match text.trim().split_once('=') {
        Some((name, value)) if !name.is_empty() && (value.is_empty() || is_label_value(value)) => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// Whether Kubernetes takes `text` as the value of a label.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && ends_well(text.chars().next())
        && ends_well(text.chars().last())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Whether a text can begin the name of any object and stand in a label too: a DNS label (RFC 1123), with some room left.
fn is_dns_label(text: &str) -> bool {
    text.len() <= 50
        && is_label_value(text)
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_those_of_kubernetes() {
        for text in ["500m", "2", "1.5", "512Mi", "20Gi", "1k"] {
            assert_eq!(quantity(text), Ok(text.to_owned()));
        }
        for text in ["", "0", "-1", "4GB", "Gi", "much", "inf", "1e"] {
            assert!(quantity(text).is_err(), "{text}");
        }
        let bytes = ["20Gi", "1.5k", "512Mi", "7", "1500m"].map(bytes_of);
        assert_eq!(bytes, [20 << 30, 1500, 512 << 20, 7, 1]);
    }

    #[test]
    fn profiles_are_read_as_people_write_them() {
        assert_eq!("runtimedefault".parse(), Ok(Profile::RuntimeDefault));
        assert_eq!("localhost/buildah.json".parse(), Ok(Profile::Localhost("buildah.json".to_owned())));
        assert!("localhost/".parse::<Profile>().is_err());
        assert!("buildah.json".parse::<Profile>().is_err());
    }

    #[test]
    fn label_values_are_those_of_kubernetes() {
        assert!(is_label_value("a") && is_label_value("A-1_b.c"));
        assert!(!is_label_value("") && !is_label_value("-a") && !is_label_value("a.") && !is_label_value("ä"));
        assert!(is_label_value(&"a".repeat(63)) && !is_label_value(&"a".repeat(64)));
        assert!(is_dns_label("team-1") && is_dns_label(&"a".repeat(50)) && !is_dns_label(&"a".repeat(51)));
        assert!(!is_dns_label("Team") && !is_dns_label("a.b") && !is_dns_label("a_b") && !is_dns_label("a-"));
    }
}
