//! The agent: one job from its plan to its last word, with log, delivery, deadline and cancellation.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use cooperage_shared::{Content, Failure, Phase};
use nix::fcntl::Flock;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::buildah;
use super::failure;
use super::job_folder::{AgentIdentity, JobFolder};
use super::log::Log;
use super::mask::Mask;
use super::phases::{Built, PARENT_VARIABLE, PhaseName, Pulled, Report};
use super::process::{self, Ended, Running};
use super::store;
use crate::delivery::client::{Delivered, Feed, Target, deliver};
use crate::delivery::protocol::{BuildPlan, Credentials, End, Outcome, Progress, Pushed};

/// How long after its deadline a builder still tries to deliver what it has.
const DELIVERY_GRACE: Duration = Duration::from_secs(24 * 3600);
/// How long a cancelled builder tries to deliver: it has to be gone within three seconds.
const LAST_DELIVERY: Duration = Duration::from_millis(1500);
/// How often a job looks whether the store is free again.
const STORE_POLL: Duration = Duration::from_millis(100);

/// Carries out the job in the folder `job`, whose credentials come on standard input, and delivers log and outcome.
///
/// The exit code tells whether there is an image. All that matters is in the folder and with the server.
pub async fn run_agent(job: &Path) -> ExitCode {
    let folder = JobFolder::new(job);
    let outcome = async {
        JobFolder::write(&folder.agent(), &AgentIdentity::of(std::process::id())?)?;
        let credentials = tokio::task::spawn_blocking(read_credentials).await.map_err(io::Error::other)??;
        let plan: BuildPlan = JobFolder::read(&folder.plan())?;
        Agent::new(folder.clone(), plan, credentials)?.run().await
    };
    match outcome.await {
        Ok(Some(Outcome::Succeeded(_))) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cooperage: the builder cannot work in {}: {error}", job.display());
            ExitCode::FAILURE
        }
    }
}

fn read_credentials() -> io::Result<Credentials> {
    let mut input = zeroize::Zeroizing::new(Vec::new());
    io::stdin().lock().read_to_end(&mut input)?;
    serde_json::from_slice(&input).map_err(|error| io::Error::other(format!("credentials on standard input: {error}")))
}

/// What came of a job that pushes nothing.
pub(super) enum LocalOutcome {
    /// The image with this id is in the store.
    Built(String),
    /// There is none, for this reason.
    Failed(Failure),
    /// The builder was told to stop.
    Cancelled,
}

/// Why a job stops before its phases are done.
enum Stop {
    /// For this reason.
    Failed(Failure),
    /// Somebody asked for it.
    Cancelled,
    /// The server wants nothing of the job any more.
    Gone,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(failure::of_io(&error))
    }
}

/// One job under way.
pub(super) struct Agent {
    folder: JobFolder,
    plan: BuildPlan,
    credentials: Credentials,
    log: Log,
    deadline: Instant,
    progress: watch::Sender<Option<Progress>>,
    end: watch::Sender<Option<End>>,
    delivery: Option<JoinHandle<io::Result<Delivered>>>,
    /// While it is held, the store is not trimmed.
    store: Option<Flock<File>>,
    /// Asked to stop.
    cancelled: watch::Receiver<bool>,
}

impl Agent {
    pub(super) fn new(folder: JobFolder, plan: BuildPlan, credentials: Credentials) -> io::Result<Self> {
        let deadline = Instant::now() + Duration::from_secs(plan.deadline_seconds);
        let cancelled = watch_signals()?;
        let mask = Mask::new(&credentials, &plan.settings);
        let log = Log::create(&folder.log(), mask, plan.log_limit_bytes, plan.line_limit_bytes)?;
        let (progress, end) = (watch::Sender::new(None), watch::Sender::new(None));
        let delivery = match (&plan.deliver_to, &credentials.delivery_token) {
            (Some(address), Some(token)) => {
                let target =
                    Target { address: address.clone(), job: plan.job_id, token: token.clone(), spool: folder.log() };
                let feed = Feed { length: log.watch(), progress: progress.subscribe(), end: end.subscribe() };
                Some(tokio::spawn(deliver(target, feed)))
            }
            (Some(_), None) => return Err(io::Error::other("the plan says where to deliver, but there is no token")),
            (None, _) => None,
        };
        Ok(Self { folder, plan, credentials, log, deadline, progress, end, delivery, store: None, cancelled })
    }

    /// Runs the job to its end; no outcome where the server no longer wants one.
    pub(super) async fn run(mut self) -> io::Result<Option<Outcome>> {
        let outcome = match self.phases().await {
            Ok(pushed) => Outcome::Succeeded(pushed),
            Err(Stop::Failed(failure)) => Outcome::Failed(failure),
            Err(Stop::Cancelled) => {
                self.log.say("[cooperage] Cancelled.");
                Outcome::Cancelled
            }
            Err(Stop::Gone) => {
                self.clean()?;
                return Ok(None);
            }
        };
        // A spool that could not be written is the reason, whatever came of it afterwards.
        let outcome = match (self.log.broken(), outcome) {
            (Some(text), Outcome::Failed(_)) => Outcome::Failed(failure::of_io(&io::Error::other(text))),
            (_, outcome) => outcome,
        };
        if let Outcome::Failed(failure) = &outcome {
            self.log.say(&format!("[cooperage] Failed ({}): {}", failure.code, failure.message));
        }
        self.clean()?;
        let (lines, sha256) = self.log.summary();
        let end = End { lines, sha256, outcome: outcome.clone() };
        JobFolder::write(&self.folder.end(), &end)?;
        self.end.send_replace(Some(end));
        self.finish_delivery(&outcome).await?;
        Ok(Some(outcome))
    }

    /// Runs the job up to an image in the local store.
    pub(super) async fn run_without_push(mut self) -> io::Result<LocalOutcome> {
        let built = self.build().await;
        self.clean()?;
        match built {
            Ok((_, built)) => Ok(LocalOutcome::Built(built.image_id)),
            Err(Stop::Failed(failure)) => Ok(LocalOutcome::Failed(failure)),
            Err(Stop::Cancelled | Stop::Gone) => Ok(LocalOutcome::Cancelled),
        }
    }

    async fn phases(&mut self) -> Result<Pushed, Stop> {
        let (content, _) = self.build().await?;
        self.phase(PhaseName::Push, &content).await
    }

    /// Pull and build.
    async fn build(&mut self) -> Result<(Content, Built), Stop> {
        self.hold_store().await?;
        let content = Content::parse(&self.plan.base_image.to_string(), &self.plan.packages).map_err(|problems| {
            let text = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" ");
            Stop::Failed(failure::of_io(&io::Error::other(format!("the spec is not valid: {text}"))))
        })?;
        self.log.say(&format!(
            "[cooperage] Job {} of {}, revision {}.",
            self.plan.number, self.plan.spec_name, self.plan.revision
        ));
        let dockerfile = Some(content.dockerfile());
        let first = Progress { phase: Phase::Prepare, base_image_digest: None, dockerfile };
        self.progress.send_replace(Some(first));

        let base: Pulled = self.phase(PhaseName::Pull, &content).await?;
        self.progress.send_modify(|progress| {
            if let Some(progress) = progress {
                progress.base_image_digest = Some(base.digest.clone());
            }
        });
        let built = self.phase(PhaseName::Build, &content).await?;
        Ok((content, built))
    }

    /// Keeps the store from being trimmed while this job lives.
    async fn hold_store(&mut self) -> Result<(), Stop> {
        let (deadline, timed_out) = (self.deadline, self.timed_out());
        loop {
            if let Some(lock) = store::hold(&self.plan.run)? {
                self.store = Some(lock);
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(STORE_POLL) => {}
                () = tokio::time::sleep_until(deadline) => return Err(Stop::Failed(timed_out)),
                _ = self.cancelled.wait_for(|cancelled| *cancelled) => return Err(Stop::Cancelled),
            }
        }
    }

    fn timed_out(&self) -> Failure {
        failure::timed_out(Duration::from_secs(self.plan.deadline_seconds))
    }

    /// Runs a phase and reads what it found.
    async fn phase<T: DeserializeOwned>(&mut self, name: PhaseName, content: &Content) -> Result<T, Stop> {
        self.progress.send_modify(|progress| {
            if let Some(progress) = progress {
                progress.phase = name.phase();
            }
        });
        let first_line = self.log.next_number();
        let ended = self.process(name).await?;
        let file = self.folder.result(name.as_str());
        let report = match JobFolder::read::<Report<T>>(&file) {
            Ok(report) => report,
            Err(error) => {
                return Err(Stop::Failed(match ended {
                    Ended::Signal(signal) => failure::interrupted_by_signal(signal),
                    Ended::Code(code) => failure::of_io(&io::Error::other(format!(
                        "phase {} ended with code {code} and left no result ({error})",
                        name.as_str()
                    ))),
                }));
            }
        };
        match report {
            Report::Done(found) => Ok(found),
            Report::Failed(failure) => {
                let log_line = failure.log_line.or_else(|| {
                    let lines = self.log.recent(first_line);
                    lines.iter().rev().find(|line| line.text.contains(&failure.message)).map(|line| line.number)
                });
                Err(Stop::Failed(Failure { log_line, ..failure }))
            }
            Report::Exit(code) => {
                let lines = self.log.recent(first_line);
                Err(Stop::Failed(match name {
                    PhaseName::Pull => {
                        failure::of_pull(code, &lines, &self.plan.base_image, self.credentials.pull.is_some())
                    }
                    PhaseName::Build | PhaseName::Push => failure::of_build(code, &lines, content),
                }))
            }
        }
    }

    /// Runs a phase's process until it ends, or stops it with all that it started.
    async fn process(&mut self, name: PhaseName) -> Result<Ended, Stop> {
        match std::fs::remove_file(self.folder.result(name.as_str())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let temporary = buildah::temporary(&self.plan.cache);
        let program = std::env::current_exe()?;
        let mut command = process::command(&program, &temporary, &self.plan.settings, None);
        command.env(PARENT_VARIABLE, std::process::id().to_string());
        command.args(["build-phase", name.as_str(), "--job"]).arg(self.folder.path());
        let mut running = Running::start(command, self.log.stream())?;
        if let Some(mut stdin) = running.stdin() {
            let input =
                zeroize::Zeroizing::new(serde_json::to_vec(&self.credentials_of(name)).map_err(io::Error::other)?);
            // A phase that is gone already does not read; its end tells why.
            let _ = stdin.write_all(&input).await;
        }
        let timed_out = self.timed_out();
        let stop = tokio::select! {
            ended = running.finish() => {
                running.close();
                return Ok(ended?);
            }
            () = tokio::time::sleep_until(self.deadline) => {
                Stop::Failed(timed_out)
            }
            _ = self.cancelled.wait_for(|cancelled| *cancelled) => Stop::Cancelled,
            gone = gone(&mut self.delivery) => gone,
        };
        running.kill().await;
        running.close();
        Err(stop)
    }

    /// The credentials that a phase needs, and no more: build none.
    fn credentials_of(&self, name: PhaseName) -> Credentials {
        let Credentials { pull, push, .. } = &self.credentials;
        let (pull, push) = match name {
            PhaseName::Pull => (pull.clone(), None),
            PhaseName::Build => (None, None),
            PhaseName::Push => (pull.clone(), push.clone()),
        };
        Credentials { pull, push, delivery_token: None }
    }

    async fn finish_delivery(&mut self, outcome: &Outcome) -> io::Result<()> {
        let Some(delivery) = self.delivery.take() else { return Ok(()) };
        let abort = delivery.abort_handle();
        let limit = match outcome {
            Outcome::Cancelled => LAST_DELIVERY,
            _ => (self.deadline + DELIVERY_GRACE).saturating_duration_since(Instant::now()),
        };
        tokio::select! {
            done = timeout(limit, delivery) => match done {
                Ok(done) => {
                    if done.map_err(io::Error::other)?? == Delivered::Complete {
                        std::fs::File::create(self.folder.delivered())?;
                    }
                }
                // All is on disk, where the engine finds it.
                Err(_) => abort.abort(),
            },
            // Asked to stop while the server is away: the same.
            () = async {
                let _ = self.cancelled.wait_for(|cancelled| *cancelled).await;
                tokio::time::sleep(LAST_DELIVERY).await;
            } => abort.abort(),
        }
        Ok(())
    }

    /// Removes what the phases left for each other.
    fn clean(&self) -> io::Result<()> {
        for folder in [self.folder.context(), self.folder.scratch()] {
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Ends when the server no longer wants the job, or the spool can no longer be read.
async fn gone(delivery: &mut Option<JoinHandle<io::Result<Delivered>>>) -> Stop {
    let Some(task) = delivery else { return std::future::pending().await };
    let ended = task.await;
    *delivery = None;
    match ended {
        Ok(Ok(_)) => Stop::Gone,
        Ok(Err(error)) => error.into(),
        Err(error) => io::Error::other(error).into(),
    }
}

/// Becomes true at SIGTERM or SIGINT.
fn watch_signals() -> io::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sender.send_replace(true);
        // Kept: a receiver would take the sender's end for an answer.
        std::future::pending::<()>().await;
    });
    Ok(receiver)
}
