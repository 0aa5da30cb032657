//! The agent: a job, or one container's part of it, with log, delivery, deadline and cancellation.

mod courier;
mod interrupts;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use cooperage_shared::{Content, Failure, Phase};
use nix::fcntl::Flock;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use self::courier::Courier;
use self::interrupts::{Interrupts, Stop};
use super::job_folder::{JobFolder, absent_is_fine};
use super::log::Log;
use super::mask::Mask;
use super::part::Part;
use super::phases::{self, Built, PARENT_VARIABLE, PhaseName, Pulled, Report};
use super::process::{Ended, Running};
use super::{buildah, failure, last_word, rootless, store};
use crate::delivery::client::{Delivered, Last};
use crate::delivery::protocol::{BuildPlan, Credentials, End, Outcome, Progress, Pushed, TOLD_TO_END};

/// How long after its deadline a builder still tries to deliver what it has.
const DELIVERY_GRACE: Duration = Duration::from_secs(24 * 3600);
/// How long a cancelled builder tries to deliver: on a machine it has to be gone within three seconds.
const LAST_DELIVERY: Duration = Duration::from_millis(1500);
/// The same of a container, which has 30 seconds.
const LAST_DELIVERY_OF_CONTAINER: Duration = Duration::from_secs(15);
/// How long a container that is told to end asks the server whether the job is to stop.
const ASK: Duration = Duration::from_secs(6);
/// How long a container whose part is done delivers; the next one goes on with it.
const HANDOVER: Duration = Duration::from_millis(500);
/// How often a job looks whether the store is free again.
const STORE_POLL: Duration = Duration::from_millis(100);

/// What an agent is to do.
pub(super) struct Assignment {
    pub(super) folder: JobFolder,
    pub(super) plan: BuildPlan,
    pub(super) credentials: Credentials,
    pub(super) part: Part,
    /// What the server knows this run of the job by.
    pub(super) attempt: String,
    pub(super) deadline: Instant,
    /// Where the last word goes besides.
    pub(super) last_word: Option<PathBuf>,
    /// A folder that install steps must not see: it holds credentials.
    pub(super) hidden: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// The job has ended.
    Ended(Outcome),
    /// This part is done; the next container goes on.
    Done,
    /// The pod ends, but nobody wants the job to: another pod runs it again.
    Disrupted,
    /// The server wants nothing of this attempt any more.
    Gone,
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

/// One job under way.
pub(super) struct Agent {
    assignment: Assignment,
    log: Log,
    courier: Courier,
    interrupts: Interrupts,
    /// While it is held, the store is not trimmed.
    store: Option<Flock<File>>,
}

impl Agent {
    pub(super) fn new(assignment: Assignment) -> io::Result<Self> {
        let Assignment { folder, plan, credentials, part, .. } = &assignment;
        let mask = Mask::new(credentials, &plan.settings);
        let log = match part.is_container() {
            true => Log::resume(&folder.log(), mask, plan.log_limit_bytes, plan.line_limit_bytes)?,
            false => Log::create(&folder.log(), mask, plan.log_limit_bytes, plan.line_limit_bytes)?,
        };
        let courier = Courier::start(&assignment, &log)?;
        let whole = Duration::from_secs(plan.deadline_seconds);
        let interrupts = Interrupts::new(assignment.deadline, whole, courier.stop())?;
        Ok(Self { assignment, log, courier, interrupts, store: None })
    }

    /// Carries the assignment out, and delivers what came of it.
    pub(super) async fn run(mut self) -> io::Result<Came> {
        let is_container = self.assignment.part.is_container();
        let outcome = match self.phases().await {
            Ok(Some(pushed)) => Outcome::Succeeded(pushed),
            Ok(None) => {
                self.clean()?;
                self.courier.finish(Last::Pause, tokio::time::sleep(HANDOVER)).await?;
                return Ok(Came::Done);
            }
            Err(Stop::Failed(failure)) => Outcome::Failed(failure),
            Err(Stop::Terminated) if is_container && self.courier.is_to_stop(ASK).await? != Some(true) => {
                self.log.say(TOLD_TO_END);
                self.courier.finish(Last::Pause, tokio::time::sleep(LAST_DELIVERY_OF_CONTAINER)).await?;
                return Ok(Came::Disrupted);
            }
            Err(Stop::Terminated | Stop::Cancelled) => {
                self.log.say("[cooperage] Cancelled.");
                Outcome::Cancelled
            }
            Err(Stop::Gone) => {
                self.clean()?;
                return Ok(Came::Gone);
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
        let (lines, sha256) = self.log.close();
        let end = End { lines, sha256, outcome: outcome.clone() };
        // First where it is found without a server, and on a full disk.
        if let Some(file) = &self.assignment.last_word {
            last_word::write(file, &end)?;
        }
        JobFolder::write(&self.assignment.folder.end(), &end)?;
        self.deliver_end(end).await?;
        Ok(Came::Ended(outcome))
    }

    /// Runs the job up to an image in the local store.
    pub(super) async fn run_without_push(mut self) -> io::Result<LocalOutcome> {
        let came = self.phases().await;
        self.clean()?;
        match came {
            Ok(_) => {
                let built: Built = phases::found(&self.assignment.folder, PhaseName::Build)?;
                Ok(LocalOutcome::Built(built.image_id))
            }
            Err(Stop::Failed(failure)) => Ok(LocalOutcome::Failed(failure)),
            Err(Stop::Cancelled | Stop::Terminated | Stop::Gone) => Ok(LocalOutcome::Cancelled),
        }
    }

    /// Runs the phases of this part, one after the other. What was pushed, if the push was among them.
    async fn phases(&mut self) -> Result<Option<Pushed>, Stop> {
        let (plan, part) = (&self.assignment.plan, self.assignment.part);
        let content = Content::parse(&plan.base_image.to_string(), &plan.packages).map_err(|problems| {
            let text = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" ");
            Stop::Failed(failure::of_io(&io::Error::other(format!("the spec is not valid: {text}"))))
        })?;
        let base_image_digest = match part.begins() {
            true => {
                let text =
                    format!("[cooperage] Job {} of {}, revision {}.", plan.number, plan.spec_name, plan.revision);
                self.log.say(&text);
                None
            }
            false => Some(phases::found::<Pulled>(&self.assignment.folder, PhaseName::Pull)?.digest),
        };
        let phase = if part.begins() { Phase::Prepare } else { part.phases()[0].phase() };
        let progress = Progress { phase, base_image_digest, dockerfile: Some(content.dockerfile()) };
        self.courier.progress().send_replace(Some(progress));

        if part.begins() && self.assignment.plan.limits.is_some() {
            self.phase::<()>(PhaseName::Trim, &content).await?;
        }
        self.hold_store().await?;
        for name in part.phases() {
            match name {
                PhaseName::Pull => {
                    let base: Pulled = self.phase(*name, &content).await?;
                    self.tell(|progress| progress.base_image_digest = Some(base.digest.clone()));
                }
                PhaseName::Push => return Ok(Some(self.phase(*name, &content).await?)),
                PhaseName::Build => {
                    self.phase::<Built>(*name, &content).await?;
                }
                PhaseName::Trim => self.phase(*name, &content).await?,
            }
        }
        Ok(None)
    }

    fn tell(&self, change: impl FnOnce(&mut Progress)) {
        self.courier.progress().send_modify(|progress| {
            if let Some(progress) = progress {
                change(progress);
            }
        });
    }

    /// Keeps the store from being trimmed while this job lives.
    async fn hold_store(&mut self) -> Result<(), Stop> {
        loop {
            if let Some(lock) = store::hold(&self.assignment.plan.run)? {
                self.store = Some(lock);
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(STORE_POLL) => {}
                stop = self.interrupts.first(&mut self.courier) => return Err(stop),
            }
        }
    }

    /// Runs a phase and reads what it found.
    async fn phase<T: DeserializeOwned>(&mut self, name: PhaseName, content: &Content) -> Result<T, Stop> {
        self.tell(|progress| progress.phase = name.phase());
        let first_line = self.log.next_number();
        let ended = self.process(name).await?;
        let file = self.assignment.folder.result(name.as_str());
        let report = match JobFolder::read::<Report<T>>(&file) {
            Ok(report) => report,
            Err(error) => {
                return Err(Stop::Failed(match ended {
                    Ended::Signal(signal) => failure::interrupted_by_signal(signal),
                    Ended::Code(code) => {
                        let lines = self.log.recent(first_line);
                        failure::no_namespace(&lines).unwrap_or_else(|| {
                            failure::of_io(&io::Error::other(format!(
                                "phase {} ended with code {code} and left no result ({error})",
                                name.as_str()
                            )))
                        })
                    }
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
                let Assignment { plan, credentials, .. } = &self.assignment;
                Err(Stop::Failed(match name {
                    PhaseName::Pull => failure::of_pull(code, &lines, &plan.base_image, credentials.pull.is_some()),
                    PhaseName::Trim | PhaseName::Build | PhaseName::Push => failure::of_build(code, &lines, content),
                }))
            }
        }
    }

    /// Runs a phase's process until it ends, or stops it with all that it started.
    async fn process(&mut self, name: PhaseName) -> Result<Ended, Stop> {
        let Assignment { folder, plan, hidden, .. } = &self.assignment;
        absent_is_fine(std::fs::remove_file(folder.result(name.as_str())))?;
        let temporary = buildah::temporary(&plan.cache);
        let program = std::env::current_exe()?;
        let ca_bundle = phases::certificates(folder, plan)?;
        let mut command =
            rootless::command(&program, &temporary, &plan.settings, ca_bundle.as_deref(), hidden.is_some());
        command.env(PARENT_VARIABLE, std::process::id().to_string());
        command.args(["build-phase", name.as_str(), "--job"]).arg(folder.path());
        if let Some(hidden) = hidden {
            command.arg("--hide").arg(hidden);
        }
        let mut running = Running::start(command, &folder.output(), self.log.stream())?;
        if let Some(mut stdin) = running.stdin() {
            let input =
                zeroize::Zeroizing::new(serde_json::to_vec(&self.credentials_of(name)).map_err(io::Error::other)?);
            // A phase that is gone already does not read; its end tells why.
            let _ = stdin.write_all(&input).await;
        }
        let stop = tokio::select! {
            ended = running.finish() => {
                running.close();
                return Ok(ended?);
            }
            stop = self.interrupts.first(&mut self.courier) => stop,
        };
        running.kill().await;
        running.close();
        Err(stop)
    }

    /// The credentials that a phase needs, and no more: build none.
    fn credentials_of(&self, name: PhaseName) -> Credentials {
        let Credentials { pull, push, .. } = &self.assignment.credentials;
        let (pull, push) = match name {
            PhaseName::Pull => (pull.clone(), None),
            PhaseName::Trim | PhaseName::Build => (None, None),
            PhaseName::Push => (pull.clone(), push.clone()),
        };
        Credentials { pull, push, delivery_token: None }
    }

    async fn deliver_end(&mut self, end: End) -> io::Result<()> {
        let last_delivery = match self.assignment.part.is_container() {
            true => LAST_DELIVERY_OF_CONTAINER,
            false => LAST_DELIVERY,
        };
        let limit = match &end.outcome {
            Outcome::Cancelled => Instant::now() + last_delivery,
            _ => self.interrupts.deadline + DELIVERY_GRACE,
        };
        let interrupts = &mut self.interrupts;
        let given_up = async {
            tokio::select! {
                () = tokio::time::sleep_until(limit) => {}
                // Asked to stop while the server is away.
                () = async {
                    interrupts.terminated().await;
                    tokio::time::sleep(last_delivery).await;
                } => {}
            }
        };
        if self.courier.finish(Last::End(Box::new(end)), given_up).await? == Some(Delivered::Complete) {
            File::create(self.assignment.folder.delivered())?;
        }
        Ok(())
    }

    /// Removes what the phases left for each other.
    fn clean(&self) -> io::Result<()> {
        for folder in [self.assignment.folder.context(), self.assignment.folder.scratch()] {
            absent_is_fine(std::fs::remove_dir_all(&folder))?;
        }
        Ok(())
    }
}
