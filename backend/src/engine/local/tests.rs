//! With a script in the builder's place: what is tried here is how processes are handled.

use std::os::unix::fs::PermissionsExt as _;

use cooperage_shared::{Packages, RevisionHash};

use super::*;
use crate::config::{DataDir, Secret};
use crate::delivery::protocol::BuildSettings;

struct Bed {
    engine: LocalEngine,
    config: LocalEngineConfig,
    _folder: tempfile::TempDir,
}

impl Bed {
    /// `script` runs as `PROGRAM build --job FOLDER`, in the folder.
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("builder");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let config = LocalEngineConfig { data: DataDir::new(folder.path().join("data")), program };
        Self { engine: LocalEngine::new(&config).unwrap(), config, _folder: folder }
    }

    async fn start(&self) -> Uuid {
        let plan = plan(&self.config.data);
        self.engine.start(&plan, &credentials()).await.unwrap();
        plan.job_id
    }

    async fn states(&self) -> Vec<Observed> {
        self.engine.observe().await.unwrap()
    }

    async fn until(&self, job: Uuid, state: EngineState) {
        let limit = Instant::now() + Duration::from_secs(20);
        while self.states().await != [Observed { job, state }] {
            assert!(Instant::now() < limit, "{:?}", self.states().await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until_there(&self, job: Uuid, file: &str) -> String {
        let path = self.config.data.jobs().join(job.to_string()).join(file);
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            match fs::read_to_string(&path) {
                Ok(text) if text.ends_with('\n') => return text,
                other => assert!(Instant::now() < limit, "{file}: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn plan(data: &DataDir) -> BuildPlan {
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
        store: data.store(),
        run: data.run(),
        cache: data.cache(),
        limits: None,
        uv: None,
        settings: BuildSettings {
            http_proxy: Some("http://proxy.example:3128".to_owned()),
            ..BuildSettings::default()
        },
    }
}

fn credentials() -> Credentials {
    Credentials { pull: None, push: None, delivery_token: Some(Secret::new("s3cr3t-token".to_owned())) }
}

fn lives(pid: &str) -> bool {
    ProcessId::now(pid.trim().parse().unwrap()).is_some_and(ProcessId::lives)
}

#[tokio::test]
async fn a_builder_gets_credentials_on_its_input_and_nothing_else_of_ours() {
    let bed = Bed::new("env > env.txt; cat > in.txt; echo >> in.txt; echo \"$@\" > args.txt; echo done > log");
    let job = bed.start().await;
    bed.until(job, EngineState::Ended).await;
    let folder = bed.config.data.jobs().join(job.to_string());
    assert!(fs::read_to_string(folder.join("in.txt")).unwrap().contains("s3cr3t-token"));
    assert_eq!(fs::read_to_string(folder.join("args.txt")).unwrap(), format!("build --job {}\n", folder.display()));
    let env = fs::read_to_string(folder.join("env.txt")).unwrap();
    assert!(env.contains("http_proxy=http://proxy.example:3128"), "{env}");
    assert!(!env.contains("CARGO"), "{env}");
    assert!(!fs::read_to_string(folder.join("plan.json")).unwrap().contains("s3cr3t-token"));
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(bed.engine.salvage(job).await.unwrap().end.is_none());
    bed.engine.clear(job).await.unwrap();
    bed.engine.clear(job).await.unwrap();
    assert!(bed.states().await.is_empty());
}

#[tokio::test]
async fn a_later_server_finds_and_stops_what_an_earlier_one_started() {
    let bed = Bed::new("sleep 300 & echo $! > child.pid; wait");
    let job = bed.start().await;
    let child = bed.until_there(job, "child.pid").await;
    let later = Bed { engine: LocalEngine::new(&bed.config).unwrap(), ..bed };
    assert_eq!(later.states().await, [Observed { job, state: EngineState::Running }]);
    // Starting it again starts nothing.
    let again = BuildPlan { job_id: job, ..plan(&later.config.data) };
    later.engine.start(&again, &credentials()).await.unwrap();
    later.engine.stop(job).await.unwrap();
    assert_eq!(later.states().await, [Observed { job, state: EngineState::Ended }]);
    assert!(!lives(&child));
}

#[tokio::test]
async fn a_tree_that_ignores_sigterm_is_gone_within_five_seconds() {
    // A child in a session of its own, which no signal to the builder's group would reach.
    let bed = Bed::new(
        "trap '' TERM; (trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > far.pid; while :; do sleep 1; done') & \
         while :; do sleep 1; done",
    );
    let job = bed.start().await;
    let far = bed.until_there(job, "far.pid").await;
    assert!(lives(&far));
    let start = Instant::now();
    bed.engine.stop(job).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(!lives(&far));
    assert_eq!(bed.states().await, [Observed { job, state: EngineState::Ended }]);
}

#[tokio::test]
async fn a_builder_that_ends_when_asked_is_not_waited_for() {
    let bed = Bed::new("trap 'echo bye > bye.txt; exit 0' TERM; echo ready > ready; while :; do sleep 0.05; done");
    let job = bed.start().await;
    bed.until_there(job, "ready").await;
    let start = Instant::now();
    bed.engine.stop(job).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    bed.until_there(job, "bye.txt").await;
}

#[tokio::test]
async fn a_reused_pid_is_not_ours() {
    let bed = Bed::new("exit 0");
    let job = Uuid::now_v7();
    let folder = bed.config.data.jobs().join(job.to_string());
    fs::create_dir(&folder).unwrap();
    assert_eq!(bed.states().await, [Observed { job, state: EngineState::Unstarted }]);
    let mut own = ProcessId::now(i32::try_from(std::process::id()).unwrap()).unwrap();
    own.start_time += 1;
    fs::write(folder.join("agent.json"), serde_json::to_vec(&own).unwrap()).unwrap();
    assert_eq!(bed.states().await, [Observed { job, state: EngineState::Ended }]);
    // Nothing happens to us.
    bed.engine.stop(job).await.unwrap();
}

#[tokio::test]
async fn a_job_that_was_laid_out_but_never_began_is_started() {
    let bed = Bed::new("echo ran > ran");
    let plan = plan(&bed.config.data);
    fs::create_dir(bed.config.data.jobs().join(plan.job_id.to_string())).unwrap();
    bed.engine.start(&plan, &credentials()).await.unwrap();
    bed.until_there(plan.job_id, "ran").await;
    bed.until(plan.job_id, EngineState::Ended).await;
}
