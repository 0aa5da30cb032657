//! Makes what the engine has into what the database wants. It takes no input: a hint or a second on the clock makes it
//! look, and what it does follows from what it sees. So a restart, or an event that got lost, is nothing special.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use cooperage_shared::FailureCode;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::events::Events;
pub use super::plan::Places;
use super::plan::{self, PlanError, failure};
use super::reuse;
pub use super::upkeep::Tidy;
use super::upkeep::Upkeep;
use crate::config::{BuildConfig, LogConfig, RegistryConfig};
use crate::engine::{Engine, EngineError, EngineState, Observed};
use crate::logs::LogStore;
use crate::registry::RegistryClient;
use crate::secrets::{SealError, SecretKey};
use crate::store::{Claimed, Claimer, Hold, Job, StopReason, Store, StoreError, Terminal};

/// How long a hint may be missing before it looks all the same.
const TICK: Duration = Duration::from_secs(1);

/// How long after its deadline a builder may take to say so itself.
const DEADLINE_GRACE: chrono::TimeDelta = chrono::TimeDelta::seconds(30);

/// How long a job waits for its start before its log says why.
const SAID: chrono::TimeDelta = chrono::TimeDelta::seconds(20);

/// How long a builder may linger once its last word was taken.
const LINGER: chrono::TimeDelta = chrono::TimeDelta::seconds(10);

/// How long jobs that any server can see to are this one's without a heartbeat.
const LEASE: Duration = Duration::from_secs(15);

/// How often the heartbeat renews them.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// How often old logs are looked for.
const SWEEP: Duration = Duration::from_secs(3600);

/// How long the end of the server waits for what is under way.
const DRAIN: Duration = Duration::from_secs(12);

/// What the reconciler needs to know.
#[derive(Clone)]
pub struct Settings {
    /// Who claims work: a name for the jobs of this machine where others cannot see to them, else for this process.
    pub owner: String,
    /// Where images go.
    pub registry: RegistryConfig,
    /// How images are built.
    pub build: BuildConfig,
    /// How long logs may be.
    pub logs: LogConfig,
    /// Where builders have their stores, caches and programs.
    pub places: Places,
    /// What a job may take beyond its builder's deadline: the wait for a place on the engine.
    pub allowance: Duration,
    /// Where builders deliver, `http://host:port`.
    pub deliver_to: String,
    /// Keeps stores and caches within their limits.
    pub tidy: Option<Tidy>,
}

/// What happens to the builds when the server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// They go on, and deliver when a server is back.
    Leave,
    /// They end: FAILED, with INTERRUPTED as the reason.
    Interrupt,
}

/// The parts that the reconciler works with.
pub struct Wiring {
    /// The database.
    pub store: Store,
    /// The logs.
    pub logs: LogStore,
    /// News.
    pub events: Events,
    /// Where jobs run.
    pub engine: Arc<dyn Engine>,
    /// Speaks to registries.
    pub registry: RegistryClient,
    /// Opens pull secrets, and gives builders their tokens.
    pub key: Arc<SecretKey>,
    /// What it needs to know.
    pub settings: Settings,
}

/// A reconciler that runs.
#[derive(Debug)]
pub struct Reconciler {
    stop: watch::Sender<Option<Shutdown>>,
    task: JoinHandle<()>,
}

/// What every action of the reconciler has at hand.
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) logs: LogStore,
    pub(super) events: Events,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) registry: RegistryClient,
    pub(super) key: Arc<SecretKey>,
    pub(super) settings: Settings,
    /// Jobs for which something is under way in this process.
    busy: Mutex<HashSet<Uuid>>,
    /// Whether what an earlier process has left running is claimed again.
    taken_over: AtomicBool,
    upkeep: Arc<Upkeep>,
}

impl Reconciler {
    /// Starts it.
    #[must_use]
    pub fn spawn(wiring: Wiring) -> Self {
        let Wiring { store, logs, events, engine, registry, key, settings } = wiring;
        let (busy, taken_over) = (Mutex::new(HashSet::new()), AtomicBool::new(false));
        let upkeep = Arc::new(Upkeep::new(settings.tidy.clone()));
        let inner = Arc::new(Inner { store, logs, events, engine, registry, key, settings, busy, taken_over, upkeep });
        let (stop, stopped) = watch::channel(None);
        Self { stop, task: tokio::spawn(run(inner, stopped)) }
    }

    /// Ends it. The delivery listener should still be there, so that builders which are ended can say their last word.
    pub async fn shutdown(self, how: Shutdown) {
        self.stop.send_replace(Some(how));
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the reconciler ended badly");
        }
    }
}

async fn run(inner: Arc<Inner>, mut stopped: watch::Receiver<Option<Shutdown>>) {
    // Beside the passes: one of them may take its time.
    let heart = tokio::spawn(beat(Arc::clone(&inner)));
    let mut sweep = tokio::time::interval(SWEEP);
    let mut trouble = None;
    let how = loop {
        let error = inner.pass().await.err().map(|error| error.to_string());
        // Said once, not every second.
        match &error {
            Some(error) if trouble.as_ref() != Some(error) => {
                tracing::warn!(error, "cannot look after all jobs, trying again every second");
            }
            None if trouble.is_some() => tracing::info!("all jobs are looked after again"),
            _ => {}
        }
        trouble = error;
        tokio::select! {
            () = inner.events.work() => {}
            () = inner.engine.changed() => {}
            () = tokio::time::sleep(TICK) => {}
            _ = sweep.tick() => inner.sweep_logs().await,
            how = told(&mut stopped) => break how,
        }
    };
    if how == Shutdown::Interrupt {
        inner.interrupt().await;
    }
    inner.drain().await;
    heart.abort();
    if inner.engine.is_shared()
        && let Err(error) = inner.store.release_leases(&inner.settings.owner).await
    {
        tracing::warn!(%error, "cannot hand over the jobs: other servers take them over when their leases end");
    }
}

/// Renews the leases as long as this process works.
async fn beat(inner: Arc<Inner>) {
    let claimer = inner.claimer();
    if claimer.lease.is_none() {
        return;
    }
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        if let Err(error) = inner.store.heartbeat(claimer).await {
            tracing::warn!(%error, "cannot renew the leases of the jobs that run");
        }
    }
}

/// Waits to be told how to end. A handle that was dropped leaves the builds.
async fn told(stopped: &mut watch::Receiver<Option<Shutdown>>) -> Shutdown {
    match stopped.wait_for(Option::is_some).await {
        Ok(how) => how.unwrap_or(Shutdown::Leave),
        Err(_) => Shutdown::Leave,
    }
}

impl Inner {
    /// Who claims work here.
    fn claimer(&self) -> Claimer<'_> {
        Claimer { owner: &self.settings.owner, lease: self.engine.is_shared().then_some(LEASE) }
    }

    /// Looks once, and sets under way what follows from it.
    async fn pass(self: &Arc<Self>) -> Result<(), PassError> {
        let claimer = self.claimer();
        if !self.taken_over.load(Ordering::Relaxed) {
            self.store.take_over(claimer.owner).await?;
            self.taken_over.store(true, Ordering::Relaxed);
        }
        let adopted = self.store.adopt(claimer).await?;
        if adopted > 0 {
            tracing::info!(jobs = adopted, "took over jobs whose server is gone");
        }
        // What is under way is left to the pass that its end wakes: what is read here may be older than what it has done.
        let under_way = self.busy().clone();
        // The rows are read before the engine: what they say to be running was claimed before the engine is asked.
        let running = self.store.held_jobs(claimer.owner).await?;
        // What needs no engine comes first: it may be away.
        let is_over = |claimed: &&Claimed| claimed.end.is_some();
        for claimed in running.iter().filter(is_over) {
            let (inner, hold) = (Arc::clone(self), Hold::from(claimed));
            self.act(claimed.job.id, async move { Ok(inner.settle(hold).await?) });
        }
        while let Some(claimed) = self.store.claim_reuse(claimer.owner, reuse::LEASE).await? {
            let inner = Arc::clone(self);
            self.act(claimed.job.id, async move { Ok(inner.reuse(&claimed).await?) });
        }
        let observed = self.engine.observe().await?;
        let states: HashMap<Uuid, EngineState> = observed.iter().map(|o| (o.job, o.state)).collect();
        for claimed in running.iter().filter(|claimed| !is_over(claimed) && !under_way.contains(&claimed.job.id)) {
            self.look_after(claimed, states.get(&claimed.job.id).copied());
        }
        let is_tidied = under_way.contains(&Uuid::nil());
        let known: HashSet<Uuid> = running.iter().map(|claimed| claimed.job.id).chain(under_way).collect();
        self.clear_away(observed.into_iter().filter(|o| !known.contains(&o.job)).collect()).await?;

        let build = &self.settings.build;
        let mut is_idle = running.is_empty();
        let deadline = build.deadline + self.settings.allowance;
        while !self.upkeep.holds_jobs()
            && let Some(claimed) = self.store.claim_next(claimer, build.max_parallel, deadline).await?
        {
            is_idle = false;
            self.events.job_changed(&claimed.job);
            self.start(claimed);
        }
        if !is_tidied && let Some(action) = self.upkeep.next(is_idle) {
            self.act(Uuid::nil(), async move { Ok(action.await?) });
        }
        Ok(())
    }

    /// A job that runs by its row and has not said its last word: what its engine says decides.
    fn look_after(self: &Arc<Self>, claimed: &Claimed, state: Option<EngineState>) {
        let (job, hold) = (&claimed.job, Hold::from(claimed));
        let is_overdue = claimed.deadline_at.is_some_and(|deadline| Utc::now() > deadline + DEADLINE_GRACE);
        let inner = Arc::clone(self);
        match state {
            Some(EngineState::Running) if job.stop.is_some() => {
                self.act(job.id, async move { inner.stop(hold).await });
            }
            Some(EngineState::Running) if is_overdue => self.act(job.id, async move {
                inner.store.request_stop(hold, StopReason::TimedOut).await?;
                inner.stop(hold).await
            }),
            Some(EngineState::Running) => {
                if !claimed.started_on_engine {
                    self.act(job.id, async move { Ok(inner.store.mark_started(hold).await?) });
                }
            }
            // It could not be started all this time.
            None | Some(EngineState::Unstarted) if is_overdue && !claimed.started_on_engine && job.stop.is_none() => {
                self.act(job.id, async move {
                    inner.store.request_stop(hold, StopReason::TimedOut).await?;
                    Ok(inner.settle(hold).await?)
                });
            }
            None | Some(EngineState::Unstarted) if !claimed.started_on_engine && job.stop.is_none() => {
                self.start(claimed.clone());
            }
            // It has ended or will not end well, or is lost, or was to be stopped before it began.
            None | Some(EngineState::Unstarted | EngineState::Doomed | EngineState::Ended) => {
                self.act(job.id, async move { Ok(inner.settle(hold).await?) });
            }
        }
    }

    /// What the engine has although no row runs: ended jobs, and jobs whose spec was deleted.
    async fn clear_away(self: &Arc<Self>, others: Vec<Observed>) -> Result<(), PassError> {
        if others.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = others.iter().map(|o| o.job).collect();
        let rows: HashMap<Uuid, Job> =
            self.store.jobs_by_ids(&ids).await?.into_iter().map(|job| (job.id, job)).collect();
        for Observed { job, state } in others {
            let row = rows.get(&job);
            if row.is_some_and(|row| !row.status.is_terminal()) {
                continue;
            }
            let ended = row.and_then(|row| row.finished_at);
            let lingers = state == EngineState::Running && ended.is_some_and(|at| Utc::now() < at + LINGER);
            if !lingers {
                let inner = Arc::clone(self);
                self.act(job, async move {
                    // Also where its builder has ended: what that left running ends too.
                    inner.engine.stop(job).await?;
                    Ok(inner.engine.clear(job).await?)
                });
            }
        }
        Ok(())
    }

    fn start(self: &Arc<Self>, claimed: Claimed) {
        let inner = Arc::clone(self);
        self.act(claimed.job.id, async move { inner.start_now(&claimed).await });
    }

    async fn start_now(&self, claimed: &Claimed) -> Result<(), ActError> {
        let (job, hold) = (&claimed.job, Hold::from(claimed));
        let prepared = match plan::prepare(&self.store, &self.key, &self.settings, job).await {
            Ok(prepared) => prepared,
            Err(PlanError::Deleted) => return Ok(()),
            Err(PlanError::Store(error)) => return Err(error.into()),
            Err(PlanError::Failure(failure)) => {
                self.logs.say(hold, &format!("[cooperage] {}", failure.message)).await?;
                return self.finish_act(hold, &Terminal::Failed(*failure)).await;
            }
        };
        let token = self.key.delivery_token(job.id)?;
        let token_sha256 = hex::encode(Sha256::digest(token.expose().as_bytes()));
        let limits = &self.settings.logs;
        // The builder keeps to the limit; a little more is taken, for the line that says so.
        let limit =
            limits.max_bytes_per_job.saturating_add(limits.max_line_bytes.saturating_mul(2)).saturating_add(65_536);
        self.store.set_token(hold, &token_sha256, limit).await?;
        let (plan, credentials) = plan::plan(&self.settings, job, prepared, token);
        let failure = match self.engine.start(&plan, &credentials).await {
            Ok(()) => return Ok(self.store.mark_started(hold).await?),
            Err(error @ EngineError::Unavailable(_)) => {
                // Not what passes in a moment; each reason once.
                if job.started_at.is_some_and(|at| Utc::now() > at + SAID) {
                    self.logs.say(hold, &format!("[cooperage] The job waits for its start: {error}.")).await?;
                }
                return Err(error.into());
            }
            Err(error @ EngineError::OutOfDisk(_)) => failure(
                FailureCode::OutOfDisk,
                format!(
                    "The job cannot be started: {error}. Free some space where Cooperage keeps its data, then rebuild."
                ),
            ),
            Err(error @ (EngineError::Other(_) | EngineError::Denied(_))) => {
                failure(FailureCode::Internal, format!("The job cannot be started: {error}. Tell the administrator."))
            }
        };
        self.logs.say(hold, &format!("[cooperage] {}", failure.message)).await?;
        self.finish_act(hold, &Terminal::Failed(failure)).await
    }

    /// Ends what runs of a job, then the job.
    async fn stop(&self, hold: Hold) -> Result<(), ActError> {
        let job = hold.job;
        if let Err(error) = self.engine.stop(job).await {
            // The job ends all the same; what still runs is tried again as long as the engine has it.
            tracing::error!(%job, %error, "cannot end a job's processes");
        }
        Ok(self.settle(hold).await?)
    }

    /// Ends a job in the database and tells everyone. One that has ended or is deleted already is no error.
    pub(super) async fn finish(&self, hold: Hold, end: &Terminal) -> Result<(), StoreError> {
        match self.store.finish(hold, end).await {
            Ok(job) => {
                tracing::info!(job = %job.id, status = %job.status, "job ended");
                self.upkeep.job_ended();
                self.events.job_changed(&job);
                self.events.wake();
                Ok(())
            }
            Err(StoreError::NotFound | StoreError::Transition { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn finish_act(&self, hold: Hold, end: &Terminal) -> Result<(), ActError> {
        Ok(self.finish(hold, end).await?)
    }

    async fn sweep_logs(&self) {
        let age = self.settings.logs.retention;
        // An age beyond what a calendar holds is none that a log reaches.
        let Ok(delta) = chrono::TimeDelta::from_std(age) else { return };
        let Some(before) = Utc::now().checked_sub_signed(delta) else { return };
        let notice = format!("[cooperage] This log was removed: its job ended more than {} ago.", in_words(age));
        loop {
            match self.store.remove_logs(before, &notice).await {
                Ok(removed) if removed.is_empty() => return,
                Ok(removed) => tracing::info!(jobs = removed.len(), "removed old logs"),
                Err(error) => return tracing::warn!(%error, "cannot remove old logs, trying again later"),
            }
        }
    }

    /// Sets an action for a job under way, unless one is already. A success is a reason to look again at once; after a
    /// failure the clock decides.
    fn act(self: &Arc<Self>, job: Uuid, action: impl Future<Output = Result<(), ActError>> + Send + 'static) {
        if !self.busy().insert(job) {
            return;
        }
        let turn = Turn { inner: Arc::clone(self), job };
        tokio::spawn(async move {
            let done = action.await;
            let events = turn.inner.events.clone();
            drop(turn);
            match done {
                Ok(()) => events.wake_here(),
                Err(error) if error.is_fenced() => tracing::info!(%job, "another server looks after this job now"),
                Err(error) => tracing::warn!(%job, %error, "cannot look after a job, trying again"),
            }
        });
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<Uuid>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every job that runs.
    async fn interrupt(self: &Arc<Self>) {
        let running = match self.store.held_jobs(&self.settings.owner).await {
            Ok(running) => running,
            Err(error) => return tracing::error!(%error, "cannot tell which jobs run: they go on"),
        };
        let stops = running.into_iter().map(|claimed| async move {
            let (job, hold) = (claimed.job.id, Hold::from(&claimed));
            let done = async {
                if claimed.end.is_none() {
                    self.store.request_stop(hold, StopReason::Interrupted).await?;
                }
                self.stop(hold).await
            };
            if let Err(error) = done.await {
                tracing::warn!(%job, %error, "cannot end a job");
            }
        });
        let all = futures_util::future::join_all(stops);
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("some jobs could not be ended in time: the next start of the server sees to them");
        }
    }

    /// Waits until nothing is under way.
    async fn drain(&self) {
        let idle = async {
            while self.busy().iter().any(|job| !job.is_nil()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(DRAIN, idle).await.is_err() {
            tracing::warn!("something is still under way: the next start of the server sees to it");
        }
    }
}

/// Something under way for a job. Also where it panics, the job can be looked after again.
struct Turn {
    inner: Arc<Inner>,
    job: Uuid,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.inner.busy().remove(&self.job);
    }
}

/// Why the reconciler could not look.
#[derive(Debug, thiserror::Error)]
enum PassError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why an action did not succeed.
#[derive(Debug, thiserror::Error)]
enum ActError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Conclude(#[from] super::conclude::ConcludeError),
    #[error(transparent)]
    Tidy(#[from] io::Error),
    #[error(transparent)]
    Token(#[from] SealError),
}

impl ActError {
    fn is_fenced(&self) -> bool {
        use super::conclude::ConcludeError;
        matches!(self, Self::Store(StoreError::Fenced) | Self::Conclude(ConcludeError::Store(StoreError::Fenced)))
    }
}

/// In the largest unit of which it is a whole number; a part of a minute counts for nothing.
fn in_words(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    let (number, unit) = match minutes {
        _ if minutes > 0 && minutes.is_multiple_of(24 * 60) => (minutes / (24 * 60), "day"),
        _ if minutes > 0 && minutes.is_multiple_of(60) => (minutes / 60, "hour"),
        _ => (minutes, "minute"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_as_people_say_it() {
        for (seconds, words) in [
            (59, "0 minutes"),
            (60, "1 minute"),
            (5_430, "90 minutes"),
            (7_200, "2 hours"),
            (86_400, "1 day"),
            (7 * 86_400, "7 days"),
            (90_000, "25 hours"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
