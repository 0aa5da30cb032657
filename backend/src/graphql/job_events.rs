//! Live changes of jobs.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use async_graphql::{Context, Result, Subscription};
use chrono::{DateTime, TimeDelta, Utc};
use cooperage_shared::{ImageName, JobStatus, Phase};
use futures_util::Stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use uuid::Uuid;

use super::build_job::BuildJob;
use super::problem::bad_user_input;
use super::services::{Services, filled, services, store_error};
use crate::jobs::events::Event;
use crate::store::{Job, Store, StoreError};

/// How long a hint may be missing before the database is asked all the same.
const POLL: Duration = Duration::from_secs(1);
/// How far each look reaches back behind the one before: a transaction may be seen later than the time that it wrote.
const OVERLAP: TimeDelta = TimeDelta::seconds(20);

/// Live changes of jobs.
#[derive(Default)]
pub struct JobSubscription;

#[Subscription]
impl JobSubscription {
    /// Each change of a job's status or phase, with the job as it is then; a new job is a change. Nothing is sent at the
    /// start: subscribe first and then query, and no change is missed. Changes that follow each other faster than they
    /// are sent may be told as one; the last one, the end of the job, always comes. With a spec's name, the subscription
    /// ends when the spec is deleted.
    async fn build_jobs<'ctx>(
        &self,
        ctx: &Context<'ctx>,
        #[graphql(desc = "Only jobs of the spec of this name.")] spec_name: Option<String>,
    ) -> Result<impl Stream<Item = Result<BuildJob>> + use<>> {
        let services = services(ctx)?;
        // Before anything is read, so that no news is missed.
        let news = services.events.subscribe();
        let spec = match filled(spec_name) {
            None => None,
            Some(name) => Some(spec_id(services, &name).await?),
        };
        let watcher = Watcher::new(services.store.clone(), news, spec).await.map_err(store_error)?;
        Ok(futures_util::stream::try_unfold(watcher, |mut watcher| async move {
            let job = watcher.next().await.map_err(store_error)?;
            Ok(job.map(|job| (BuildJob(job), watcher)))
        }))
    }
}

async fn spec_id(services: &Services, name: &str) -> Result<Uuid> {
    let none = || bad_user_input(format!("There is no image spec named {name:?}."));
    let name = name.parse::<ImageName>().map_err(|_| none())?;
    Ok(services.store.spec_by_name(&name).await.map_err(store_error)?.ok_or_else(none)?.id)
}

/// Reads what has changed from the database; hints only say when to look.
struct Watcher {
    store: Store,
    news: Receiver<Event>,
    spec: Option<Uuid>,
    since: DateTime<Utc>,
    /// What was told of the jobs that the next look will see again. A state never comes back, so that others need not be
    /// remembered.
    told: HashMap<Uuid, (JobStatus, Option<Phase>)>,
    ready: VecDeque<Job>,
}

impl Watcher {
    async fn new(store: Store, news: Receiver<Event>, spec: Option<Uuid>) -> Result<Self, StoreError> {
        let (told, ready) = (HashMap::new(), VecDeque::new());
        let mut watcher = Self { store, news, spec, since: Utc::now(), told, ready };
        watcher.look().await?;
        watcher.ready.clear();
        Ok(watcher)
    }

    /// The next job that has changed; none when its spec was deleted.
    async fn next(&mut self) -> Result<Option<Job>, StoreError> {
        loop {
            if let Some(job) = self.ready.pop_front() {
                return Ok(Some(job));
            }
            if self.wait().await.is_break() {
                return Ok(None);
            }
            self.look().await?;
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let now = Utc::now();
        let jobs = self.store.jobs_changed_since(self.since - OVERLAP, self.spec).await?;
        let told = jobs.iter().map(|job| (job.id, (job.status, job.phase))).collect();
        let before = std::mem::replace(&mut self.told, told);
        self.ready.extend(jobs.into_iter().filter(|job| before.get(&job.id) != Some(&(job.status, job.phase))));
        self.since = now;
        Ok(())
    }

    /// Waits for a hint, and not for long. Breaks when there is nothing more to come.
    async fn wait(&mut self) -> std::ops::ControlFlow<()> {
        let (news, spec) = (&mut self.news, self.spec);
        let hint = async {
            loop {
                match news.recv().await {
                    Ok(Event::SpecDeleted { spec: gone }) if Some(gone) == spec => {
                        return std::ops::ControlFlow::Break(());
                    }
                    Ok(Event::JobChanged { spec: of, .. }) if spec.is_none_or(|spec| spec == of) => break,
                    Ok(Event::Missed) | Err(RecvError::Lagged(_)) => break,
                    Ok(_) => {}
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
            std::ops::ControlFlow::Continue(())
        };
        tokio::time::timeout(POLL, hint).await.unwrap_or(std::ops::ControlFlow::Continue(()))
    }
}
