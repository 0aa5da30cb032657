//! A builder's pod: three containers in turn over the same folders. Pull and push hold the logins that they need; the one
//! that runs a stranger's install steps holds none.

use k8s_openapi::api::core::v1::{
    AppArmorProfile, Capabilities, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvVar, EnvVarSource,
    KeyToPath, LocalObjectReference, ObjectFieldSelector, PersistentVolumeClaimVolumeSource, PodSecurityContext,
    PodSpec, ResourceRequirements, SELinuxOptions, SeccompProfile, SecretVolumeSource, SecurityContext, Toleration,
    Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::places::{CA, CA_FILE, CACHE, CREDENTIALS, CREDENTIALS_FILE, LAST_WORD, PLAN, PLAN_FILE, WORK};
use super::secret;
use crate::config::{KubernetesConfig, bytes_of};

/// The containers, in the order in which they run. Their names are those of the builder's phases.
pub(super) const CONTAINERS: [&str; 3] = ["pull", "build", "push"];

/// The users that the builder's image is made for: one whose install steps have a range of the node's users, and, for a pod in
/// a user namespace of its own, which has the ids up to 65535 only, one whose install steps have all the others of these.
const USER: i64 = 1000;
const USER_OF_OWN_NAMESPACE: i64 = 65_535;

/// How long a builder that is told to end may take to deliver what it has.
const GRACE_SECONDS: i64 = 30;

/// How long a pod stays bound to a node that does not answer.
const UNREACHABLE_SECONDS: i64 = 60;

/// What a builder asks of its node's disk where store and caches are on a volume: its log, and the files of one build.
const BESIDE_VOLUME: &str = "1Gi";

/// The pod of a job whose Secret has the name `secret` and whose caches are on `claim`, if it has a cache volume.
pub(super) fn spec(config: &KubernetesConfig, secret: &str, claim: Option<&str>) -> PodSpec {
    let [pull, build, push] = CONTAINERS.map(|phase| container(config, phase, claim.is_some()));
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        init_containers: Some(vec![pull, build]),
        containers: vec![push],
        volumes: Some(volumes(config, secret, claim)),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        security_context: Some(pod_security(config)),
        host_users: (!config.host_users).then_some(false),
        host_network: config.host_network.then_some(true),
        dns_policy: config.host_network.then(|| "Default".to_owned()),
        node_selector: (!config.node_selector.is_empty()).then(|| config.node_selector.clone()),
        tolerations: Some(tolerations(config)),
        runtime_class_name: config.runtime_class.clone(),
        service_account_name: config.service_account.clone(),
        image_pull_secrets: (!config.image_pull_secrets.is_empty()).then(|| {
            config.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() }).collect()
        }),
        ..PodSpec::default()
    }
}

fn container(config: &KubernetesConfig, phase: &str, has_volume: bool) -> Container {
    let mut requests = config.requests.clone();
    if let Some(disk) =
        requests.get_mut("ephemeral-storage").filter(|disk| has_volume && bytes_of(disk) > bytes_of(BESIDE_VOLUME))
    {
        *disk = BESIDE_VOLUME.to_owned();
    }
    let arguments = [
        "build",
        "--job",
        &format!("{WORK}/job"),
        "--plan",
        &format!("{PLAN}/{PLAN_FILE}"),
        "--credentials",
        &format!("{CREDENTIALS}/{CREDENTIALS_FILE}"),
        "--phase",
        phase,
        "--attempt",
        "$(POD_UID)",
        "--last-word",
        LAST_WORD,
    ];
    let mut mounts = vec![
        mount("work", WORK, false),
        mount("cache", CACHE, false),
        mount("plan", PLAN, true),
        mount(&secret::volume(phase), CREDENTIALS, true),
    ];
    if config.ca_config_map.is_some() {
        mounts.push(mount("ca", CA, true));
    }
    Container {
        name: phase.to_owned(),
        image: Some(config.builder_image.clone()),
        command: Some(vec!["/usr/local/bin/cooperage".to_owned()]),
        args: Some(arguments.map(str::to_owned).to_vec()),
        env: Some(environment()),
        resources: Some(ResourceRequirements {
            requests: quantities(&requests),
            limits: quantities(&config.limits),
            ..ResourceRequirements::default()
        }),
        security_context: Some(SecurityContext {
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                // What newuidmap and newgidmap give a build its range of users with.
                add: Some(vec!["SETUID".to_owned(), "SETGID".to_owned()]),
            }),
            ..SecurityContext::default()
        }),
        termination_message_path: Some(LAST_WORD.to_owned()),
        termination_message_policy: Some("File".to_owned()),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn environment() -> Vec<EnvVar> {
    let fixed = [
        ("HOME", format!("{WORK}/home")),
        ("TMPDIR", format!("{WORK}/tmp")),
        ("BUILDAH_ISOLATION", "chroot".to_owned()),
        ("STORAGE_DRIVER", "overlay".to_owned()),
    ];
    let mut variables: Vec<EnvVar> = fixed
        .into_iter()
        .map(|(name, value)| EnvVar { name: name.to_owned(), value: Some(value), ..EnvVar::default() })
        .collect();
    variables.push(EnvVar {
        name: "POD_UID".to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector { field_path: "metadata.uid".to_owned(), ..Default::default() }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    });
    variables
}

fn pod_security(config: &KubernetesConfig) -> PodSecurityContext {
    let user = if config.host_users { USER } else { USER_OF_OWN_NAMESPACE };
    PodSecurityContext {
        run_as_user: Some(user),
        run_as_group: Some(user),
        run_as_non_root: Some(true),
        fs_group: Some(user),
        // A cache volume has many files: they are given to the group once, not at every build.
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        seccomp_profile: config
            .seccomp
            .as_ref()
            .map(|profile| SeccompProfile { type_: profile.kind().to_owned(), localhost_profile: profile.on_node() }),
        app_armor_profile: config
            .apparmor
            .as_ref()
            .map(|profile| AppArmorProfile { type_: profile.kind().to_owned(), localhost_profile: profile.on_node() }),
        se_linux_options: config
            .selinux_type
            .as_ref()
            .map(|name| SELinuxOptions { type_: Some(name.clone()), ..SELinuxOptions::default() }),
        ..PodSecurityContext::default()
    }
}

fn volumes(config: &KubernetesConfig, name: &str, claim: Option<&str>) -> Vec<Volume> {
    let empty = || Some(EmptyDirVolumeSource::default());
    let cache = match claim {
        Some(claim) => Volume {
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim.to_owned(),
                ..PersistentVolumeClaimVolumeSource::default()
            }),
            ..volume("cache")
        },
        None => Volume { empty_dir: empty(), ..volume("cache") },
    };
    let mut volumes =
        vec![Volume { empty_dir: empty(), ..volume("work") }, cache, secret_volume("plan", name, PLAN_FILE, PLAN_FILE)];
    volumes.extend(
        CONTAINERS.map(|phase| secret_volume(&secret::volume(phase), name, &secret::key(phase), CREDENTIALS_FILE)),
    );
    if let Some(name) = &config.ca_config_map {
        volumes.push(Volume {
            config_map: Some(ConfigMapVolumeSource {
                name: name.clone(),
                items: Some(vec![item(CA_FILE, CA_FILE)]),
                ..ConfigMapVolumeSource::default()
            }),
            ..volume("ca")
        });
    }
    volumes
}

fn volume(name: &str) -> Volume {
    Volume { name: name.to_owned(), ..Volume::default() }
}

/// A volume that shows one key of a Secret, readable for the builder's group only.
fn secret_volume(name: &str, secret: &str, key: &str, file: &str) -> Volume {
    Volume {
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            default_mode: Some(0o440),
            items: Some(vec![item(key, file)]),
            ..SecretVolumeSource::default()
        }),
        ..volume(name)
    }
}

fn item(key: &str, path: &str) -> KeyToPath {
    KeyToPath { key: key.to_owned(), path: path.to_owned(), ..KeyToPath::default() }
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

/// How long a silent node is waited for, where the administrator does not say it: without these it would be five minutes. They
/// come first, for the first that fits a taint counts, and the administrator's may fit every one.
fn tolerations(config: &KubernetesConfig) -> Vec<Toleration> {
    let is_given = |key: &str| config.tolerations.iter().any(|toleration| toleration.key.as_deref() == Some(key));
    let ours =
        ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].into_iter().filter(|key| !is_given(key));
    let ours = ours.map(|key| Toleration {
        key: Some(key.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: Some(UNREACHABLE_SECONDS),
        value: None,
    });
    ours.chain(config.tolerations.iter().cloned()).collect()
}

fn quantities(
    given: &std::collections::BTreeMap<String, String>,
) -> Option<std::collections::BTreeMap<String, Quantity>> {
    (!given.is_empty()).then(|| given.iter().map(|(name, value)| (name.clone(), Quantity(value.clone()))).collect())
}
