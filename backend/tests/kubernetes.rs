//! The engine on a real cluster. These tests need one, and fail without: COOPERAGE_TEST_KUBECONFIG names it, and
//! COOPERAGE_TEST_BED_REGISTRY the registry that holds the image base:1, which is no builder. The suite that has a cluster
//! runs them by `cargo test --test kubernetes -- --ignored`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use cooperage::config::{CacheVolumes, KubernetesConfig, Secret};
use cooperage::delivery::protocol::{BuildPlan, BuildSettings, Credentials};
use cooperage::engine::kubernetes::{KubernetesEngine, PodPlaces};
use cooperage::engine::{Engine as _, EngineError, EngineState};
use cooperage_shared::{FailureCode, Packages, RevisionHash};
use uuid::Uuid;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: these tests need a cluster"))
}

fn config(image: &str) -> KubernetesConfig {
    KubernetesConfig {
        namespace: Some("default".to_owned()),
        builder_image: format!("{}/{image}", variable("COOPERAGE_TEST_BED_REGISTRY")),
        // One for each test: they do not see each other's jobs.
        instance: format!("test-{}", Uuid::now_v7().simple()),
        requests: [("cpu".to_owned(), "50m".to_owned())].into(),
        limits: [("memory".to_owned(), "64Mi".to_owned())].into(),
        node_selector: Default::default(),
        tolerations: Vec::new(),
        runtime_class: None,
        service_account: None,
        image_pull_secrets: Vec::new(),
        seccomp: None,
        apparmor: None,
        selinux_type: None,
        host_users: true,
        host_network: false,
        ca_config_map: None,
        cache: CacheVolumes { count: 0, size: "1Gi".to_owned(), size_bytes: 1 << 30, storage_class: None },
        pending_deadline: Duration::from_secs(60),
    }
}

async fn connect(config: KubernetesConfig) -> KubernetesEngine {
    let kubeconfig = variable("COOPERAGE_TEST_KUBECONFIG");
    assert_eq!(variable("KUBECONFIG"), kubeconfig, "KUBECONFIG must name the tests' cluster and no other");
    let _ = rustls::crypto::ring::default_provider().install_default();
    KubernetesEngine::connect(config).await.unwrap()
}

fn plan(config: &KubernetesConfig) -> BuildPlan {
    let places = PodPlaces::of(config);
    BuildPlan {
        job_id: Uuid::now_v7(),
        number: 1,
        spec_name: "a".parse().unwrap(),
        revision: RevisionHash::of(""),
        base_image: "python".parse().unwrap(),
        packages: Packages::default(),
        target: "127.0.0.1:5000/a:1".parse().unwrap(),
        insecure_registries: Vec::new(),
        fresh: false,
        deadline_seconds: 60,
        log_limit_bytes: 1000,
        line_limit_bytes: 100,
        deliver_to: None,
        store: places.store,
        run: places.run,
        cache: places.cache,
        limits: None,
        uv: None,
        settings: BuildSettings::default(),
    }
}

fn credentials() -> Credentials {
    Credentials { pull: None, push: None, delivery_token: Some(Secret::new("token".to_owned())) }
}

/// The state of a job, once it is none of those that it passes through.
async fn settled(engine: &KubernetesEngine, job: Uuid) -> EngineState {
    let limit = Instant::now() + Duration::from_secs(60);
    loop {
        let observed = engine.observe().await.unwrap();
        match observed.iter().find(|observed| observed.job == job).map(|observed| observed.state) {
            Some(state @ (EngineState::Doomed | EngineState::Ended)) => return state,
            other => assert!(Instant::now() < limit, "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn clear(engine: &KubernetesEngine, job: Uuid) {
    engine.stop(job).await.unwrap();
    engine.clear(job).await.unwrap();
    let limit = Instant::now() + Duration::from_secs(30);
    while engine.observe().await.unwrap().iter().any(|observed| observed.job == job) {
        assert!(Instant::now() < limit, "job {job} is still there");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_job_is_seen_at_once_also_by_a_later_server_and_its_end_has_a_reason() {
    let config = config("base:1");
    let engine = connect(config.clone()).await;
    let plan = plan(&config);
    assert_eq!(engine.observe().await.unwrap(), []);
    engine.start(&plan, &credentials()).await.unwrap();
    let seen = engine.observe().await.unwrap();
    assert!(seen.iter().any(|observed| observed.job == plan.job_id), "{seen:?}");

    let later = connect(config).await;
    settled(&later, plan.job_id).await;
    let salvage = later.salvage(plan.job_id).await.unwrap();
    let verdict = salvage.verdict.unwrap();
    // The image holds no builder.
    assert_eq!(verdict.code, FailureCode::NotStarted, "{}", verdict.message);
    assert!(salvage.end.is_none());
    clear(&later, plan.job_id).await;
    // What is gone is no error.
    clear(&later, plan.job_id).await;
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_image_that_is_not_there_dooms_the_job_and_its_log_is_whole() {
    let config = config("absent:1");
    let engine = connect(config.clone()).await;
    let plan = plan(&config);
    engine.start(&plan, &credentials()).await.unwrap();
    assert_eq!(settled(&engine, plan.job_id).await, EngineState::Doomed);
    let salvage = engine.salvage(plan.job_id).await.unwrap();
    assert!(salvage.verdict.unwrap().message.contains("absent:1"));
    assert!(salvage.log_is_whole && salvage.attempt.is_none());
    let start = Instant::now();
    engine.stop(plan.job_id).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    clear(&engine, plan.job_id).await;
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn what_runs_is_not_salvaged_and_is_stopped_within_five_seconds() {
    // No node has so much: it waits, and that is a kind of running.
    let mut config = config("base:1");
    config.requests = [("cpu".to_owned(), "10000".to_owned())].into();
    let engine = connect(config.clone()).await;
    let plan = plan(&config);
    engine.start(&plan, &credentials()).await.unwrap();
    assert!(matches!(engine.salvage(plan.job_id).await, Err(EngineError::Unavailable(_))));
    // Started again, it begins anew: its token is another.
    engine.start(&plan, &credentials()).await.unwrap();
    let start = Instant::now();
    engine.stop(plan.job_id).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    clear(&engine, plan.job_id).await;
}
