//! The reconciler with an engine in memory: what it does follows from what it sees.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cooperage_shared::{Content, Failure, FailureCode, JobStatus, Packages};
use tokio::sync::Notify;
use uuid::Uuid;

use super::events::Events;
use super::reconciler::{Places, Reconciler, Settings, Shutdown, Tidy, Wiring};
use super::*;
use crate::config::{BuildConfig, DataDir, LogConfig, RegistryConfig, Secret};
use crate::delivery::protocol::{BuildPlan, Credentials, End, Outcome};
use crate::engine::{Engine, EngineError, EngineState, Observed, Salvage};
use crate::logs::LogStore;
use crate::registry::RegistryClient;
use crate::secrets::SecretKey;
use crate::store::tests::TestStore;
use crate::store::{Job, NewPullSecret};

/// What a job does, its spooled log, its last word, and the engine's verdict.
type Kept = (EngineState, String, Option<End>, Option<Failure>);

#[derive(Default)]
struct Memory {
    jobs: Mutex<HashMap<Uuid, Kept>>,
    plans: Mutex<Vec<(BuildPlan, Option<String>)>>,
    /// Held by a test in which a start takes its time.
    starting: tokio::sync::Mutex<()>,
    /// Held by a test in which what was seen takes its time to arrive.
    looking: tokio::sync::Mutex<()>,
    looks: AtomicUsize,
    changed: Notify,
}

impl Memory {
    fn set(&self, job: Uuid, state: EngineState, log: &str, end: Option<End>) {
        self.jobs.lock().unwrap().insert(job, (state, log.to_owned(), end, None));
        self.changed.notify_one();
    }

    /// A job that will never begin.
    fn doom(&self, job: Uuid, verdict: Failure) {
        self.jobs.lock().unwrap().insert(job, (EngineState::Doomed, String::new(), None, Some(verdict)));
        self.changed.notify_one();
    }

    fn has(&self, job: Uuid) -> Option<EngineState> {
        self.jobs.lock().unwrap().get(&job).map(|job| job.0)
    }

    /// One of the jobs that run.
    fn running(&self) -> Option<Uuid> {
        self.jobs.lock().unwrap().iter().find(|(_, kept)| kept.0 == EngineState::Running).map(|(job, _)| *job)
    }

    /// How often it was asked to start something.
    fn starts(&self) -> usize {
        self.plans.lock().unwrap().len()
    }

    /// How often it was looked at.
    fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Engine for Memory {
    async fn start(&self, plan: &BuildPlan, credentials: &Credentials) -> Result<(), EngineError> {
        let pull = credentials.pull.as_ref().map(|login| login.password.expose().to_owned());
        self.plans.lock().unwrap().push((plan.clone(), pull));
        drop(self.starting.lock().await);
        self.jobs.lock().unwrap().entry(plan.job_id).or_insert((EngineState::Running, String::new(), None, None));
        Ok(())
    }

    async fn stop(&self, job: Uuid) -> Result<(), EngineError> {
        if let Some(job) = self.jobs.lock().unwrap().get_mut(&job) {
            job.0 = EngineState::Ended;
        }
        Ok(())
    }

    async fn observe(&self) -> Result<Vec<Observed>, EngineError> {
        let seen = |(job, kept): (&Uuid, &Kept)| Observed { job: *job, state: kept.0 };
        let seen = self.jobs.lock().unwrap().iter().map(seen).collect();
        self.looks.fetch_add(1, Ordering::SeqCst);
        drop(self.looking.lock().await);
        Ok(seen)
    }

    async fn salvage(&self, job: Uuid) -> Result<Salvage, EngineError> {
        let found = self.jobs.lock().unwrap().get(&job).cloned();
        let Some((state, log, end, verdict)) = found else { return Ok(Salvage::default()) };
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), log)?;
        let log = Some(tokio::fs::File::open(file.path()).await?);
        Ok(Salvage { log, log_is_whole: state == EngineState::Doomed, end, verdict, ..Salvage::default() })
    }

    async fn clear(&self, job: Uuid) -> Result<(), EngineError> {
        self.jobs.lock().unwrap().remove(&job);
        Ok(())
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }

    fn is_shared(&self) -> bool {
        false
    }
}

struct Bed {
    store: TestStore,
    logs: LogStore,
    events: Events,
    jobs: JobService,
    engine: Arc<Memory>,
    key: Arc<SecretKey>,
    settings: Settings,
    _folder: tempfile::TempDir,
}

impl Bed {
    async fn new() -> Self {
        let store = TestStore::new().await;
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path().to_owned());
        let events = Events::new();
        let settings = Settings {
            owner: "test".to_owned(),
            registry: RegistryConfig { host: Some("127.0.0.1:1".to_owned()), ..RegistryConfig::default() },
            build: BuildConfig {
                max_parallel: 1,
                deadline: Duration::from_secs(3600),
                insecure_registries: Vec::new(),
                uv: None,
                store_limit_bytes: 1,
                cache_limit_bytes: 1,
                settings: crate::delivery::protocol::BuildSettings::default(),
            },
            logs: LogConfig { max_bytes_per_job: 1 << 20, max_line_bytes: 1 << 10, retention: Duration::MAX },
            places: Places {
                store: data.store(),
                run: data.run(),
                cache: data.cache(),
                uv: None,
                ca_bundle: None,
                limits: None,
            },
            allowance: Duration::ZERO,
            deliver_to: "http://127.0.0.1:2".to_owned(),
            tidy: None,
        };
        Self {
            logs: LogStore::new(store.clone(), events.clone()),
            jobs: JobService::new(store.clone(), events.clone()),
            key: Arc::new(SecretKey::load(None, &data).unwrap()),
            engine: Arc::default(),
            store,
            events,
            settings,
            _folder: folder,
        }
    }

    fn reconcile(&self) -> Reconciler {
        Reconciler::spawn(Wiring {
            store: self.store.clone(),
            logs: self.logs.clone(),
            events: self.events.clone(),
            engine: Arc::clone(&self.engine) as Arc<dyn Engine>,
            registry: RegistryClient::new(&[]),
            key: Arc::clone(&self.key),
            settings: self.settings.clone(),
        })
    }

    async fn create(&self, name: &str, pull_secret: Option<&str>) -> Job {
        let content = Content::parse("registry.example/base:1", &Packages::default()).unwrap();
        let pull_secret = pull_secret.map(str::to_owned);
        let new = CreateSpec { name: name.parse().unwrap(), content, pull_secret, idempotency_key: None };
        self.jobs.create_spec(&new).await.unwrap().1
    }

    async fn until(&self, job: Uuid, status: JobStatus) -> Job {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            let found = self.store.job(job).await.unwrap().unwrap();
            if found.status == status {
                return found;
            }
            assert!(Instant::now() < limit, "{found:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until_started(&self, job: Uuid) {
        let limit = Instant::now() + Duration::from_secs(20);
        while !self.store.claimed(job).await.unwrap().unwrap().started_on_engine {
            assert!(Instant::now() < limit);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until_true(&self, what: &str, condition: impl Fn() -> bool) {
        let limit = Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(Instant::now() < limit, "{what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn log(&self, job: Uuid) -> String {
        let page = self.logs.page(job, 100, None).await.unwrap().unwrap();
        page.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned() + "\n").collect()
    }
}

fn failed() -> Outcome {
    let message = "no such package".to_owned();
    let code = FailureCode::PackageNotFound;
    Outcome::Failed(Failure { code, message, log_line: Some(1), field: None, requirement: None })
}

fn end(text: &str, outcome: Outcome) -> End {
    use sha2::Digest as _;
    End { lines: text.lines().count() as u64, sha256: hex::encode(sha2::Sha256::digest(text)), outcome }
}

fn code(job: &Job) -> Option<FailureCode> {
    job.failure.as_ref().map(|failure| failure.code)
}

#[tokio::test]
async fn jobs_run_in_turn_and_what_they_leave_is_kept_before_it_is_cleared() {
    let bed = Bed::new().await;
    let reconciler = bed.reconcile();
    let first = bed.create("a", None).await;
    bed.until(first.id, JobStatus::Running).await;
    let second = bed.create("b", None).await;
    bed.until_true("started", || bed.engine.has(first.id).is_some()).await;
    assert_eq!(bed.store.queue_position(second.id).await.unwrap(), Some(1));
    // Delivered in part; the rest and the last word are in the spool.
    bed.logs.append(first.id, 1, b"one\n").await.unwrap();
    let log = "one\ntwo\nthree\n";
    bed.engine.set(first.id, EngineState::Ended, log, Some(end(log, failed())));
    let ended = bed.until(first.id, JobStatus::Failed).await;
    assert_eq!((code(&ended), bed.log(first.id).await.as_str()), (Some(FailureCode::PackageNotFound), log));
    bed.until(second.id, JobStatus::Running).await;
    bed.until_true("cleared", || bed.engine.has(first.id).is_none()).await;
    reconciler.shutdown(Shutdown::Leave).await;
    assert_eq!(bed.store.job(second.id).await.unwrap().unwrap().status, JobStatus::Running);
}

#[tokio::test]
async fn carriage_returns_that_a_runtime_takes_off_do_not_keep_the_rest_from_filling_in() {
    let bed = Bed::new().await;
    let reconciler = bed.reconcile();
    let job = bed.create("a", None).await;
    bed.until_true("started", || bed.engine.has(job.id).is_some()).await;
    bed.logs.append(job.id, 1, b"one\r\ntwo\n").await.unwrap();
    bed.engine.set(job.id, EngineState::Ended, "one\ntwo\nthree\n", None);
    bed.until(job.id, JobStatus::Failed).await;
    let log = bed.log(job.id).await;
    assert!(log.starts_with("one\r\ntwo\nthree\n[cooperage] The builder is gone"), "{log}");
    let other = bed.create("b", None).await;
    bed.until_true("started", || bed.engine.has(other.id).is_some()).await;
    bed.logs.append(other.id, 1, b"one\r\ntwo\n").await.unwrap();
    bed.engine.set(other.id, EngineState::Ended, "two\nthree\nfour\n", None);
    bed.until(other.id, JobStatus::Failed).await;
    assert!(bed.log(other.id).await.starts_with("one\r\ntwo\n[cooperage] The builder is gone"));
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn a_builder_without_a_last_word_is_lost_and_the_log_says_so() {
    let bed = Bed::new().await;
    let reconciler = bed.reconcile();
    let job = bed.create("a", None).await;
    bed.until_true("started", || bed.engine.has(job.id).is_some()).await;
    bed.engine.set(job.id, EngineState::Ended, "one\nhal", None);
    let ended = bed.until(job.id, JobStatus::Failed).await;
    assert_eq!(code(&ended), Some(FailureCode::Lost));
    let log = bed.log(job.id).await;
    assert!(log.starts_with("one\nhal [cut off]\n[cooperage] The builder is gone"), "{log}");
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn a_job_that_will_never_begin_fails_with_the_engines_reason_and_is_cleared() {
    let bed = Bed::new().await;
    let reconciler = bed.reconcile();
    let job = bed.create("a", None).await;
    bed.until_true("started", || bed.engine.has(job.id).is_some()).await;
    let verdict = Failure {
        code: FailureCode::OutOfMemory,
        message: "No memory.".to_owned(),
        log_line: None,
        field: None,
        requirement: None,
    };
    bed.engine.doom(job.id, verdict);
    let ended = bed.until(job.id, JobStatus::Failed).await;
    assert_eq!(code(&ended), Some(FailureCode::OutOfMemory));
    assert_eq!(bed.log(job.id).await, "[cooperage] No memory.\n");
    bed.until_true("cleared", || bed.engine.has(job.id).is_none()).await;
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn a_job_that_the_engine_does_not_know_any_more_is_lost() {
    let bed = Bed::new().await;
    let reconciler = bed.reconcile();
    let job = bed.create("a", None).await;
    bed.until_started(job.id).await;
    bed.engine.clear(job.id).await.unwrap();
    assert_eq!(code(&bed.until(job.id, JobStatus::Failed).await), Some(FailureCode::Lost));
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn what_was_seen_while_a_job_was_started_does_not_start_it_again() {
    let bed = Bed::new().await;
    let starting = bed.engine.starting.lock().await;
    let reconciler = bed.reconcile();
    let job = bed.create("a", None).await;
    bed.until_true("asked to start", || bed.engine.starts() == 1).await;
    // A pass sees that the engine has no such job, and hears of it when the engine has it.
    let looking = bed.engine.looking.lock().await;
    let looks = bed.engine.looks();
    bed.until_true("looked at", || bed.engine.looks() > looks).await;
    drop(starting);
    bed.until_started(job.id).await;
    drop(looking);
    bed.until_true("looked at again", || bed.engine.looks() > looks + 3).await;
    assert_eq!(bed.engine.starts(), 1);
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn a_claimed_job_that_never_reached_the_engine_is_started_by_the_next_server() {
    let bed = Bed::new().await;
    let job = bed.store.running("a").await;
    let reconciler = bed.reconcile();
    bed.until_true("started", || bed.engine.has(job.id).is_some()).await;
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn cancelled_means_cancelled_also_where_the_builder_says_nothing() {
    let bed = Bed::new().await;
    let reconciler = bed.reconcile();
    let job = bed.create("a", None).await;
    bed.until_true("started", || bed.engine.has(job.id).is_some()).await;
    let start = Instant::now();
    bed.jobs.cancel(job.id).await.unwrap();
    bed.until(job.id, JobStatus::Cancelled).await;
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(matches!(bed.jobs.cancel(job.id).await, Err(JobsError::Ended(JobStatus::Cancelled))));
    assert!(matches!(bed.jobs.cancel(Uuid::now_v7()).await, Err(JobsError::JobNotFound)));
    bed.until_true("cleared", || bed.engine.has(job.id).is_none()).await;
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn what_runs_of_a_deleted_spec_is_stopped_and_cleared() {
    let bed = Bed::new().await;
    let reconciler = bed.reconcile();
    let job = bed.create("a", None).await;
    bed.until_true("started", || bed.engine.has(job.id).is_some()).await;
    bed.jobs.delete_spec(&"a".parse().unwrap()).await.unwrap();
    bed.until_true("cleared", || bed.engine.has(job.id).is_none()).await;
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn an_overdue_job_is_timed_out_where_its_builder_does_not_say_so() {
    let bed = Bed::new().await;
    let job = bed.store.made("a").await.1;
    bed.store.claim_reuse("test", Duration::ZERO).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    // Its deadline passed more than the grace ago.
    bed.store.claim_next("test", 1, Duration::ZERO).await.unwrap().unwrap();
    bed.store.backdate_deadline(job.id, chrono::TimeDelta::minutes(1)).await;
    bed.engine.set(job.id, EngineState::Running, "busy\n", None);
    let reconciler = bed.reconcile();
    assert_eq!(code(&bed.until(job.id, JobStatus::Failed).await), Some(FailureCode::TimedOut));
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn ctrl_c_interrupts_what_runs_and_leaves_the_queue() {
    let bed = Bed::new().await;
    let reconciler = bed.reconcile();
    let job = bed.create("a", None).await;
    bed.until_true("started", || bed.engine.has(job.id).is_some()).await;
    // After that: which of two finds out first that there is nothing to reuse is anyone's guess.
    let queued = bed.create("b", None).await;
    reconciler.shutdown(Shutdown::Interrupt).await;
    let ended = bed.store.job(job.id).await.unwrap().unwrap();
    assert_eq!(code(&ended), Some(FailureCode::Interrupted));
    assert_eq!(bed.store.job(queued.id).await.unwrap().unwrap().status, JobStatus::Queued);
}

#[tokio::test]
async fn a_job_without_registry_or_secret_fails_with_a_reason() {
    let mut bed = Bed::new().await;
    let sealed = bed.key.seal("hub", "docker.io", &Secret::new("pw".to_owned())).unwrap();
    let secret = |name: &str, host: &str, sealed| NewPullSecret {
        name: name.to_owned(),
        host: host.to_owned(),
        username: "me".to_owned(),
        sealed: Some(sealed),
    };
    bed.store.create_pull_secret(&secret("hub", "docker.io", sealed)).await.unwrap();
    let sealed = bed.key.seal("right", "registry.example", &Secret::new("pw".to_owned())).unwrap();
    bed.store.create_pull_secret(&secret("right", "registry.example", sealed.clone())).await.unwrap();
    bed.store.create_pull_secret(&secret("moved", "registry.example", sealed)).await.unwrap();
    let elsewhere = bed.create("a", Some("hub")).await;
    let moved = bed.create("m", Some("moved")).await;
    let gone = bed.create("g", Some("right")).await;
    let right = bed.create("r", Some("right")).await;
    let reconciler = {
        bed.store.delete_pull_secret("right").await.unwrap();
        bed.reconcile()
    };
    let ended = bed.until(elsewhere.id, JobStatus::Failed).await;
    assert_eq!(code(&ended), Some(FailureCode::AccessDenied));
    assert!(bed.log(elsewhere.id).await.contains("is for docker.io, but the base image is on registry.example"));
    // Sealed under another name: it does not open.
    assert_eq!(code(&bed.until(moved.id, JobStatus::Failed).await), Some(FailureCode::PullSecretMissing));
    for job in [gone, right] {
        assert_eq!(code(&bed.until(job.id, JobStatus::Failed).await), Some(FailureCode::PullSecretMissing));
    }
    reconciler.shutdown(Shutdown::Leave).await;
    bed.settings.registry.host = None;
    let unplaced = bed.create("n", None).await;
    let reconciler = bed.reconcile();
    let ended = bed.until(unplaced.id, JobStatus::Failed).await;
    assert_eq!(code(&ended), Some(FailureCode::RegistryNotConfigured));
    assert!(bed.engine.plans.lock().unwrap().is_empty(), "nothing was started");
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn a_pull_secret_reaches_the_builder_of_its_host_only() {
    let bed = Bed::new().await;
    let sealed = bed.key.seal("right", "registry.example", &Secret::new("pa55".to_owned())).unwrap();
    let secret = NewPullSecret {
        name: "right".to_owned(),
        host: "registry.example".to_owned(),
        username: "me".to_owned(),
        sealed: Some(sealed),
    };
    bed.store.create_pull_secret(&secret).await.unwrap();
    let reconciler = bed.reconcile();
    let job = bed.create("a..b", Some("right")).await;
    bed.until_true("started", || bed.engine.has(job.id).is_some()).await;
    let plans = bed.engine.plans.lock().unwrap().clone();
    let (plan, pull) = &plans[0];
    assert_eq!(pull.as_deref(), Some("pa55"));
    assert_eq!(plan.target.to_string(), format!("127.0.0.1:1/a_dd_b:{}", job.revision.short()));
    reconciler.shutdown(Shutdown::Leave).await;
}

#[tokio::test]
async fn jobs_without_a_pause_wait_where_the_store_is_over_its_limit_until_it_was_tidied() {
    let mut bed = Bed::new().await;
    let (tidied, running_then) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (runs, engine) = (Arc::clone(&tidied), Arc::clone(&bed.engine));
    let seen = Arc::clone(&running_then);
    bed.settings.tidy = Some(Tidy {
        is_over: Arc::new(|| Box::pin(async { Ok(true) })),
        run: Arc::new(move || {
            seen.fetch_add(engine.jobs.lock().unwrap().len(), Ordering::SeqCst);
            // The first time a builder still holds the store.
            let done = runs.fetch_add(1, Ordering::SeqCst) > 0;
            Box::pin(async move { Ok(done) })
        }),
    });
    bed.settings.build.max_parallel = 2;
    let mut jobs = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        jobs.push(bed.create(name, None).await);
    }
    let reconciler = bed.reconcile();
    let engine = &bed.engine;
    // Jobs end one at a time, so that there is none without another beside it.
    let mut ended = 0;
    while tidied.load(Ordering::SeqCst) < 2 {
        bed.until_true("a job, or tidied", || engine.running().is_some() || tidied.load(Ordering::SeqCst) > 1).await;
        if let Some(job) = engine.running() {
            engine.set(job, EngineState::Ended, "x\n", Some(end("x\n", failed())));
            bed.until(job, JobStatus::Failed).await;
            ended += 1;
        }
    }
    assert!(ended < jobs.len(), "{ended} jobs ended before it was tidied");
    assert_eq!(running_then.load(Ordering::SeqCst), 0, "jobs that ran while it was tidied");
    bed.until_true("the rest begins", || engine.running().is_some()).await;
    reconciler.shutdown(Shutdown::Leave).await;
}
