//! The local engine: every job is a process on this machine, in a folder and a session of its own.
//!
//! A job outlives the server that started it. All that a later server needs is in the job's folder: the plan, the pid with
//! its start time, the spooled log and the builder's last word. Credentials are in none of them.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::Notify;
use uuid::Uuid;

use super::process::ProcessId;
use super::{Engine, EngineError, EngineState, Observed, Salvage};
use crate::config::LocalEngineConfig;
use crate::delivery::protocol::{BuildPlan, Credentials};

/// How long a builder has to end by itself. It says that 3 seconds suffice.
const GRACE: Duration = Duration::from_millis(3_400);

/// How long its processes may take to be gone once they are killed.
const KILL: Duration = Duration::from_millis(1_200);

/// Variables that a builder takes from the server's environment; all others are the server's own business.
const PASSED_ON: &[&str] = &["PATH", "LANG", "TMPDIR", "HOME", "XDG_RUNTIME_DIR"];

/// The end of a builder's standard error that is worth repeating.
const TAIL: u64 = 2_000;

/// Runs jobs as processes on this machine.
#[derive(Clone, Debug)]
pub struct LocalEngine {
    jobs: PathBuf,
    program: PathBuf,
    changed: Arc<Notify>,
}

impl LocalEngine {
    /// An engine that keeps its jobs' folders in the data folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(config: &LocalEngineConfig) -> io::Result<Self> {
        let jobs = config.data.jobs();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&jobs)?;
        Ok(Self { jobs, program: config.program.clone(), changed: Arc::new(Notify::new()) })
    }

    fn folder(&self, job: Uuid) -> PathBuf {
        self.jobs.join(job.to_string())
    }

    fn state(&self, job: Uuid) -> EngineState {
        match agent(&self.folder(job)) {
            Some(agent) if agent.lives() => EngineState::Running,
            Some(_) => EngineState::Ended,
            None => EngineState::Unstarted,
        }
    }

    /// Lays out the folder and starts the builder; its pid is known when this returns.
    async fn launch(&self, folder: &Path, plan: &BuildPlan, credentials: &Credentials) -> Result<(), EngineError> {
        write_private(&folder.join("plan.json"), &serde_json::to_vec_pretty(plan).map_err(io::Error::other)?)?;
        let output = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("agent.out"))?;
        // A session of its own: neither the end of the server nor Ctrl-C in its terminal reaches it.
        let mut command = Command::new("setsid");
        command
            .arg(&self.program)
            .args(["build", "--job"])
            .arg(folder)
            .current_dir(folder)
            .env_clear()
            .envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs(environment(plan))
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(false);
        let mut child = command
            .spawn()
            .map_err(|error| EngineError::Other(format!("{} cannot be started: {error}", self.program.display())))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        let id =
            pid.and_then(ProcessId::now).ok_or_else(|| EngineError::Other("the builder ended at once".to_owned()))?;
        write_private(&folder.join("agent.json"), &serde_json::to_vec(&id).map_err(io::Error::other)?)?;

        let mut secrets = zeroize::Zeroizing::new(serde_json::to_vec(credentials).map_err(io::Error::other)?);
        if let Some(mut stdin) = child.stdin.take() {
            // A builder that is gone already is found out by its end.
            let given = stdin.write_all(&secrets).await;
            let closed = stdin.shutdown().await;
            if let Err(error) = given.and(closed) {
                tracing::warn!(job = %plan.job_id, %error, "the builder did not take its credentials");
            }
        }
        zeroize::Zeroize::zeroize(&mut *secrets);

        let (changed, job) = (Arc::clone(&self.changed), plan.job_id);
        tokio::spawn(async move {
            match child.wait().await {
                Ok(status) => tracing::debug!(%job, %status, "builder ended"),
                Err(error) => tracing::warn!(%job, %error, "cannot wait for a builder"),
            }
            changed.notify_one();
        });
        Ok(())
    }
}

#[async_trait]
impl Engine for LocalEngine {
    async fn start(&self, plan: &BuildPlan, credentials: &Credentials) -> Result<(), EngineError> {
        let folder = self.folder(plan.job_id);
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if self.state(plan.job_id) != EngineState::Unstarted {
                    return Ok(());
                }
            }
            made => made?,
        }
        let launched = self.launch(&folder, plan, credentials).await;
        if launched.is_err() {
            self.clear(plan.job_id).await?;
        }
        launched
    }

    async fn stop(&self, job: Uuid) -> Result<(), EngineError> {
        let folder = self.folder(job);
        let Some(agent) = agent(&folder) else { return Ok(()) };
        agent.terminate();
        wait_until(GRACE, || !agent.lives()).await;
        // Also what a builder that ended, or was killed, has left behind.
        if !wait_until(KILL, || !agent.kill_tree(&folder)).await {
            return Err(EngineError::Other(format!("processes of job {job} survive SIGKILL")));
        }
        Ok(())
    }

    async fn observe(&self) -> Result<Vec<Observed>, EngineError> {
        let mut observed = Vec::new();
        for entry in fs::read_dir(&self.jobs)? {
            let name = entry?.file_name();
            if let Some(job) = name.to_str().and_then(|name| Uuid::try_parse(name).ok()) {
                observed.push(Observed { job, state: self.state(job) });
            }
        }
        Ok(observed)
    }

    async fn salvage(&self, job: Uuid) -> Result<Salvage, EngineError> {
        let folder = self.folder(job);
        let log = absent_is_none(tokio::fs::File::open(folder.join("log")).await)?;
        let end = absent_is_none(fs::read(folder.join("end.json")))?;
        // A last word that was cut off is none.
        let end = end.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut stderr_tail = Vec::new();
        if let Some(mut file) = absent_is_none(tokio::fs::File::open(folder.join("agent.out")).await)? {
            let length = file.metadata().await?.len();
            file.seek(io::SeekFrom::Start(length.saturating_sub(TAIL))).await?;
            file.take(TAIL).read_to_end(&mut stderr_tail).await?;
        }
        let stderr_tail = String::from_utf8_lossy(&stderr_tail).trim().to_owned();
        // The spool may have been cut off with the builder; what no spool was written for cannot be told.
        Ok(Salvage { log, end, stderr_tail, ..Salvage::default() })
    }

    async fn clear(&self, job: Uuid) -> Result<(), EngineError> {
        match tokio::fs::remove_dir_all(self.folder(job)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn changed(&self) {
        self.changed.notified().await;
    }

    fn is_shared(&self) -> bool {
        false
    }
}

/// Proxy and certificates of the administrator, for what the builder itself fetches.
fn environment(plan: &BuildPlan) -> Vec<(&'static str, std::ffi::OsString)> {
    let settings = &plan.settings;
    let proxies = [
        ("http_proxy", &settings.http_proxy),
        ("https_proxy", &settings.https_proxy),
        ("no_proxy", &settings.no_proxy),
    ];
    let proxies = proxies.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?.into())));
    proxies.chain(settings.ca_bundle.as_ref().map(|path| ("SSL_CERT_FILE", path.into()))).collect()
}

/// The process that a job's folder names.
fn agent(folder: &Path) -> Option<ProcessId> {
    serde_json::from_slice(&fs::read(folder.join("agent.json")).ok()?).ok()
}

/// Whole or not at all: written beside, then put in place.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the condition came true in time; it is asked every 50 ms.
async fn wait_until(limit: Duration, condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() >= limit {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(test)]
mod tests;
