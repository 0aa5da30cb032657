//! What is asked of a cluster, held by snapshots, and what its answers mean, one fixture for each.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use cooperage_shared::{FailureCode, Packages, RevisionHash};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde::Deserialize;

use super::*;
use crate::config::{CacheVolumes, PodMetadata, Profile, Secret as Password};
use crate::delivery::protocol::{BuildSettings, RegistryLogin, StoreLimits};

fn config() -> KubernetesConfig {
    let amounts = |amounts: &[(&str, &str)]| amounts.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    KubernetesConfig {
        namespace: Some("builds".to_owned()),
        builder_image: "registry.example/builder:1".to_owned(),
        instance: "cooperage".to_owned(),
        requests: amounts(&[("cpu", "500m"), ("ephemeral-storage", "20Gi"), ("memory", "1Gi")]),
        limits: amounts(&[("ephemeral-storage", "20Gi"), ("memory", "4Gi")]),
        node_selector: amounts(&[]),
        tolerations: Vec::new(),
        pod_metadata: PodMetadata::default(),
        runtime_class: None,
        service_account: None,
        image_pull_secrets: Vec::new(),
        seccomp: None,
        apparmor: None,
        selinux_type: None,
        host_users: true,
        host_network: false,
        ca_config_map: None,
        cache: CacheVolumes { count: 0, size: "50Gi".to_owned(), size_bytes: 50 << 30, storage_class: None },
        pending_deadline: Duration::from_secs(600),
    }
}

/// Every setting set.
fn full_config() -> KubernetesConfig {
    let tolerations = r#"[{"key": "builds", "operator": "Exists", "effect": "NoSchedule"},
                          {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
                           "tolerationSeconds": 5}]"#;
    KubernetesConfig {
        limits: [("cpu", "2"), ("memory", "4Gi")].map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
        node_selector: [("disk".to_owned(), "fast".to_owned())].into(),
        tolerations: serde_json::from_str(tolerations).unwrap(),
        pod_metadata: PodMetadata {
            labels: [("app.kubernetes.io/name".to_owned(), "other".to_owned()), ("team".to_owned(), "data".to_owned())]
                .into(),
            annotations: [("sidecar.istio.io/inject".to_owned(), "false".to_owned())].into(),
        },
        runtime_class: Some("kata".to_owned()),
        service_account: Some("builder".to_owned()),
        image_pull_secrets: vec!["registry".to_owned()],
        seccomp: Some(Profile::Localhost("cooperage.json".to_owned())),
        apparmor: Some(Profile::Unconfined),
        selinux_type: Some("container_engine_t".to_owned()),
        host_users: false,
        host_network: true,
        ca_config_map: Some("certificates".to_owned()),
        cache: CacheVolumes {
            count: 2,
            size: "50Gi".to_owned(),
            size_bytes: 50 << 30,
            storage_class: Some("fast".to_owned()),
        },
        ..config()
    }
}

fn plan() -> BuildPlan {
    let places = PodPlaces::of(&config());
    BuildPlan {
        job_id: Uuid::from_u128(0x0123_4567_89ab_7def_8123_4567_89ab_cdef),
        number: 1,
        spec_name: "science".parse().unwrap(),
        revision: RevisionHash::of("a"),
        base_image: "python:3.12".parse().unwrap(),
        packages: Packages::default(),
        target: "registry.example/science:1".parse().unwrap(),
        insecure_registries: Vec::new(),
        fresh: false,
        deadline_seconds: 3600,
        log_limit_bytes: 1000,
        line_limit_bytes: 100,
        deliver_to: Some("http://cooperage:8081".to_owned()),
        store: places.store,
        run: places.run,
        cache: places.cache,
        limits: None,
        uv: Some(places.uv),
        settings: BuildSettings::default(),
    }
}

#[test]
fn the_job_of_a_build() {
    let job = job::job(&config(), &plan(), None);
    assert!(!job::has_volume(&job));
    insta::assert_json_snapshot!("job", job);
}

#[test]
fn the_job_of_a_build_with_every_setting_set_and_a_cache_volume() {
    let job = job::job(&full_config(), &plan(), Some("cooperage-cache-0"));
    assert!(job::has_volume(&job));
    insta::assert_json_snapshot!("job_full", job);
}

#[test]
fn a_cache_volume() {
    insta::assert_json_snapshot!("volume", volume::volume(&full_config(), 1));
}

#[test]
fn every_container_gets_the_credentials_that_it_needs_and_no_others() {
    let login = |host: &str| RegistryLogin {
        host: host.to_owned(),
        username: "me".to_owned(),
        password: Password::new(format!("password of {host}")),
    };
    let credentials = Credentials {
        pull: Some(login("base.example")),
        push: Some(login("registry.example")),
        delivery_token: Some(Password::new("token".to_owned())),
    };
    let secret = secret::secret("cooperage", &plan(), &credentials, "uid-of-the-job").unwrap();
    let mut data = secret.data.unwrap();
    assert_eq!(BuildPlan::unpack(data.remove("plan.json.gz").unwrap().0.as_slice()).unwrap().job_id, plan().job_id);
    let data: std::collections::BTreeMap<String, serde_json::Value> =
        data.iter().map(|(key, bytes)| (key.clone(), serde_json::from_slice(&bytes.0).unwrap())).collect();
    insta::assert_json_snapshot!("secret", (&secret.metadata, data));
}

#[test]
fn a_plan_of_long_lists_fits_a_secret_and_one_that_does_not_is_refused() {
    // As long as lists may be, and of characters that hardly compress.
    let line = |length: usize| -> String {
        let characters = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
        (0..length).map(|_| char::from(characters[rand::random_range(0..characters.len())])).collect()
    };
    let nothing = Credentials { pull: None, push: None, delivery_token: None };
    let with = |lines: usize| {
        let mut plan = plan();
        plan.packages.pip = (0..lines).map(|_| line(1_000)).collect();
        secret::secret("cooperage", &plan, &nothing, "uid").map(|secret| (plan, secret))
    };
    let (plan, secret) = with(1_000).unwrap();
    let read = BuildPlan::unpack(secret.data.unwrap()["plan.json.gz"].0.as_slice()).unwrap();
    assert_eq!(read.packages, plan.packages);
    assert!(with(2_000).unwrap_err().to_string().contains("shorten them"));
}

#[test]
fn a_spec_whose_name_is_no_label_has_none() {
    let labels = names::labels("cooperage", Uuid::nil(), "a-");
    assert!(!labels.contains_key("cooperage.io/image-spec"));
    assert_eq!(labels["cooperage.io/job"], "00000000000000000000000000000000");
}

/// What a cluster had to say of a build.
#[derive(Deserialize)]
struct Fixture {
    job: Option<Job>,
    #[serde(default)]
    pods: Vec<Pod>,
    #[serde(default)]
    refusal: Option<state::Refusal>,
    /// When it was seen.
    now: DateTime<Utc>,
}

fn fixture(name: &str) -> Fixture {
    let path = format!("{}/src/engine/kubernetes/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What a fixture means, some seconds after it was seen.
fn judged(name: &str, later: i64) -> (EngineState, Option<Failure>) {
    let Fixture { job, pods, refusal, now } = fixture(name);
    let pods: Vec<Arc<Pod>> = pods.into_iter().map(Arc::new).collect();
    judge(&Seen {
        job: job.as_ref(),
        pods: &pods,
        had_pod: false,
        refusal: refusal.as_ref(),
        patience: TimeDelta::seconds(600),
        now: now + TimeDelta::seconds(later),
    })
}

#[test]
fn each_thing_that_a_cluster_says_has_its_meaning() {
    use EngineState::{Doomed, Ended, Running, Unstarted};
    use FailureCode::{Internal, Lost, NotStarted, OutOfDisk, OutOfMemory, TimedOut};
    // The fixture, how many seconds later it is looked at, and what that means.
    let expected = [
        ("suspended", 0, Unstarted, None),
        ("running", 0, Running, None),
        ("running", 3600, Running, None),
        ("succeeded", 0, Ended, None),
        ("disrupted", 0, Running, None),
        ("image_absent", 0, Doomed, Some(NotStarted)),
        ("image_invalid", 0, Doomed, Some(NotStarted)),
        ("image_registry_away", 0, Running, None),
        ("image_registry_away", 60, Doomed, Some(NotStarted)),
        ("unschedulable", 0, Running, None),
        ("unschedulable", 601, Doomed, Some(NotStarted)),
        ("never_ready", 0, Running, None),
        ("never_ready", 601, Doomed, Some(NotStarted)),
        ("config_error", 0, Running, None),
        ("config_error", 31, Doomed, Some(NotStarted)),
        ("seccomp_profile_absent", 0, Doomed, Some(NotStarted)),
        ("apparmor_profile_absent", 0, Ended, Some(NotStarted)),
        ("program_absent", 0, Ended, Some(NotStarted)),
        ("refused", 0, Doomed, Some(NotStarted)),
        ("quota", 0, Running, None),
        ("quota", 601, Doomed, Some(NotStarted)),
        ("out_of_memory", 0, Ended, Some(OutOfMemory)),
        ("memory_pressure", 0, Ended, Some(OutOfMemory)),
        ("ephemeral_storage", 0, Ended, Some(OutOfDisk)),
        ("disk_pressure", 0, Ended, Some(OutOfDisk)),
        ("disk_pressure_at_admission", 0, Ended, Some(NotStarted)),
        ("evicted", 0, Ended, Some(Lost)),
        ("node_shutdown", 0, Ended, Some(Lost)),
        ("node_lost", 0, Running, None),
        ("node_lost", 61, Doomed, Some(Lost)),
        ("killed", 0, Ended, Some(Lost)),
        ("pod_deleted", 0, Ended, Some(Lost)),
        ("deadline", 0, Doomed, Some(TimedOut)),
        ("exit_code", 0, Ended, Some(Internal)),
    ];
    let mut told = String::new();
    for (name, later, state, code) in expected {
        let (found, failure) = judged(name, later);
        assert_eq!((found, failure.as_ref().map(|failure| failure.code)), (state, code), "{name} after {later} s");
        if let Some(failure) = failure {
            told.push_str(&format!("{name}: {}\n\n", failure.message));
        }
    }
    insta::assert_snapshot!("messages", told);
}

#[test]
fn between_a_disrupted_pod_and_the_next_nothing_is_given_up() {
    let Fixture { job, refusal, now, .. } = fixture("refused");
    let seen = |had_pod| Seen {
        job: job.as_ref(),
        pods: &[],
        had_pod,
        refusal: refusal.as_ref(),
        patience: TimeDelta::seconds(600),
        now: now + TimeDelta::hours(1),
    };
    assert_eq!(judge(&seen(true)), (EngineState::Running, None));
    assert_eq!(judge(&seen(false)).0, EngineState::Doomed);
}

#[test]
fn a_cluster_that_cannot_make_a_pod_for_a_while_is_waited_for() {
    let refused = |message: &str, seconds| {
        let now = Utc::now();
        let refusal = state::Refusal { message: message.to_owned(), since: now - TimeDelta::seconds(seconds) };
        pending::refused(&refusal, TimeDelta::seconds(600), now).map(|failure| failure.code)
    };
    let rule = r#"Error creating: admission webhook "policy" denied the request: no"#;
    assert_eq!(refused(rule, 6), Some(FailureCode::NotStarted));
    for message in [
        r#"Error creating: Internal error occurred: failed calling webhook "policy": context deadline exceeded"#,
        r#"Error creating: pods "a" is forbidden: error looking up service account a/b: timeout"#,
    ] {
        assert_eq!(refused(message, 60), None, "{message}");
        assert_eq!(refused(message, 91), Some(FailureCode::NotStarted), "{message}");
    }
}

#[test]
fn the_wait_for_an_image_begins_with_the_turn_of_its_container() {
    let Fixture { job, pods, now, .. } = fixture("image_registry_away");
    let judged = |pod: &Pod| {
        let pods = [Arc::new(pod.clone())];
        let patience = TimeDelta::seconds(600);
        judge(&Seen { job: job.as_ref(), pods: &pods, had_pod: false, refusal: None, patience, now }).0
    };
    // It was made long ago, and waited for a node, or for a volume.
    let mut pod = pods[0].clone();
    let ago = |seconds| {
        let time = now - TimeDelta::seconds(seconds);
        serde_json::from_value(serde_json::Value::String(time.to_rfc3339())).unwrap()
    };
    pod.metadata.creation_timestamp = Some(ago(300));
    for (seconds, state) in [(5, EngineState::Running), (60, EngineState::Doomed)] {
        for condition in pod.status.as_mut().unwrap().conditions.iter_mut().flatten() {
            condition.last_transition_time = Some(ago(seconds));
        }
        assert_eq!(judged(&pod), state, "after {seconds} s");
    }
}

#[test]
fn a_job_that_is_gone_or_is_being_deleted_is_over() {
    let Fixture { mut job, pods, now, .. } = fixture("running");
    let pods: Vec<Arc<Pod>> = pods.into_iter().map(Arc::new).collect();
    let state = |job: Option<&Job>, pods: &[Arc<Pod>]| {
        let (state, failure) =
            judge(&Seen { job, pods, had_pod: false, refusal: None, patience: TimeDelta::seconds(600), now });
        assert_eq!(failure.map(|failure| failure.code), Some(FailureCode::Lost));
        state
    };
    assert_eq!(state(None, &pods), EngineState::Doomed);
    assert_eq!(state(None, &[]), EngineState::Ended);
    if let Some(job) = &mut job {
        job.metadata.deletion_timestamp = job.metadata.creation_timestamp.clone();
    }
    assert_eq!(state(job.as_ref(), &pods), EngineState::Doomed);
    assert_eq!(state(job.as_ref(), &[]), EngineState::Ended);
}

/// A volume of the pool, its holder, and the base image and the minute that it was last used with and in.
fn pooled(number: u16, holder: Option<Uuid>, base: &str, minute: u32) -> PersistentVolumeClaim {
    let mut volume = volume::volume(&full_config(), number);
    let time: DateTime<Utc> = format!("2026-01-01T00:{minute:02}:00Z").parse().unwrap();
    let change = volume::claim(&volume, holder.unwrap_or_default(), base, time);
    let mut annotations: std::collections::BTreeMap<String, String> =
        serde_json::from_value(change["metadata"]["annotations"].clone()).unwrap();
    if holder.is_none() {
        annotations.remove(names::JOB);
    }
    volume.metadata.annotations = Some(annotations);
    volume
}

#[test]
fn a_volume_that_was_made_smaller_is_filled_less() {
    let usual = StoreLimits { store_bytes: 50 << 30, cache_bytes: 10 << 30 };
    let of = |capacity: &str| -> PersistentVolumeClaim {
        serde_json::from_value(json!({ "status": { "capacity": { "storage": capacity } } })).unwrap()
    };
    let bytes = |volume: &PersistentVolumeClaim| {
        let StoreLimits { store_bytes, cache_bytes } = volume::limits(volume, 100 << 30, usual);
        (store_bytes >> 30, cache_bytes >> 30)
    };
    assert_eq!(bytes(&of("100Gi")), (50, 10));
    assert_eq!(bytes(&of("200Gi")), (50, 10));
    assert_eq!(bytes(&of("20Gi")), (10, 2));
    assert_eq!(bytes(&PersistentVolumeClaim::default()), (50, 10));
}

#[test]
fn the_volume_that_suits_best_is_chosen() {
    let [job, other] = [1, 2].map(Uuid::from_u128);
    let chosen_at = |volumes: &[PersistentVolumeClaim], time: &str| {
        volume::choose(volumes, job, "python", time.parse().unwrap()).map(|volume| volume.name_any())
    };
    let chosen = |volumes: &[PersistentVolumeClaim]| chosen_at(volumes, "2026-01-01T00:30:00Z");
    let name = |number| Some(names::of_volume("cooperage", number));
    assert_eq!(chosen(&[]), None);
    // Of this base, and free; the latest used of them.
    let pool = [pooled(0, None, "r", 1), pooled(1, None, "python", 2), pooled(2, None, "python", 3)];
    assert_eq!(chosen(&pool), name(2));
    // Of another base: the one unused for longest, and before it one never used.
    let pool = [pooled(0, None, "r", 5), pooled(1, None, "julia", 4), pooled(2, Some(other), "python", 6)];
    assert_eq!(chosen(&pool), name(1));
    assert_eq!(chosen(&[pooled(0, None, "r", 5), volume::volume(&full_config(), 1)]), name(1));
    // Not one whose last pod never began a short while ago, even where there is no other.
    let mut suspect = pooled(0, None, "python", 5);
    let given_back = |has_begun| volume::release(&pooled(0, None, "python", 5), Some(has_begun), DateTime::default());
    let annotation = &given_back(false)["metadata"]["annotations"]["cooperage.io/never-began"];
    let annotations = suspect.metadata.annotations.get_or_insert_default();
    annotations.insert("cooperage.io/never-began".to_owned(), annotation.as_str().unwrap().to_owned());
    assert_eq!(chosen(&[suspect.clone(), pooled(1, None, "r", 4)]), name(1));
    assert_eq!(chosen(&[suspect.clone()]), None);
    assert_eq!(chosen_at(&[suspect], "2026-01-01T01:30:00Z"), name(0));
    assert!(given_back(true)["metadata"]["annotations"]["cooperage.io/never-began"].is_null());
    let unknown = volume::release(&pooled(0, None, "python", 5), None, DateTime::default());
    assert!(!unknown["metadata"]["annotations"].as_object().unwrap().contains_key("cooperage.io/never-began"));
    // What pods tell of it: those that ended before they could begin, nothing.
    let created = |seconds: i64| -> Pod {
        let at = (DateTime::UNIX_EPOCH - TimeDelta::seconds(seconds)).to_rfc3339();
        serde_json::from_value(json!({ "metadata": { "creationTimestamp": at } })).unwrap()
    };
    let running: Pod = serde_json::from_value(json!({ "status": { "initContainerStatuses": [{
        "name": "pull", "image": "i", "imageID": "i", "ready": false, "restartCount": 0,
        "state": { "running": {} } }] } }))
    .unwrap();
    let told = |pods: &[&Pod]| volume::has_begun(pods.iter().copied(), DateTime::UNIX_EPOCH);
    assert_eq!(told(&[]), None);
    assert_eq!(told(&[&created(5)]), None);
    assert_eq!(told(&[&created(5), &created(300)]), Some(false));
    assert_eq!(told(&[&created(300), &running]), Some(true));
    // Its own, whatever else there is.
    assert_eq!(chosen(&[pooled(0, None, "python", 5), pooled(1, Some(job), "python", 4)]), name(1));
    // All are held.
    assert_eq!(chosen(&[pooled(0, Some(other), "python", 5)]), None);
}
