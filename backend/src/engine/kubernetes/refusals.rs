//! What the cluster says in events only: why it makes no pod for a Job, and what a pod that does not begin waits for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt as _;
use kube::api::ListParams;

use super::cluster::{Cluster, ask};
use super::pending::sentence;
use super::state::{Refusal, moment};
use crate::engine::EngineError;

/// How often events are asked for, at most.
const PAUSE: Duration = Duration::from_secs(3);

/// Why pods of Jobs were refused, by the Jobs' uids.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Asked>);

#[derive(Default)]
struct Asked {
    at: Option<Instant>,
    found: HashMap<String, Refusal>,
}

impl Refusals {
    /// Asks why these Jobs have no pod, if there are any and some time has passed.
    pub(super) async fn look<'a>(
        &self,
        cluster: &Cluster,
        mut podless: impl Iterator<Item = &'a Job>,
    ) -> Result<(), EngineError> {
        let is_waiting = |job: &Job| job.status.as_ref().is_some_and(|status| status.start_time.is_some());
        if !podless.any(is_waiting) || self.inner().at.is_some_and(|asked| asked.elapsed() < PAUSE) {
            return Ok(());
        }
        self.inner().at = Some(Instant::now());
        let wanted = ListParams::default().fields("involvedObject.kind=Job,reason=FailedCreate");
        let mut events = ask(cluster.api::<Event>().list(&wanted)).await?.items;
        events.sort_by_key(|event| event.last_timestamp.clone());
        self.inner().found = events.into_iter().filter_map(refusal).collect();
        Ok(())
    }

    /// Why the last pod of a Job was refused.
    pub(super) fn of(&self, job: &Job) -> Option<Refusal> {
        self.inner().found.get(&job.uid()?).cloned()
    }

    fn inner(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The uid of the Job that an event is about, and what it says.
fn refusal(event: Event) -> Option<(String, Refusal)> {
    let since = event.first_timestamp.as_ref().or(event.metadata.creation_timestamp.as_ref()).and_then(moment)?;
    Some((event.involved_object.uid?, Refusal { message: event.message?, since }))
}

/// What the cluster last complained of with a pod that has not begun, as a sentence to append.
pub(super) async fn detail(cluster: &Cluster, pod: &Pod) -> Result<String, EngineError> {
    let Some(uid) = pod.uid() else { return Ok(String::new()) };
    let wanted = ListParams::default().fields(&format!("involvedObject.uid={uid},type=Warning"));
    let events = ask(cluster.api::<Event>().list(&wanted)).await?.items;
    let told = events.into_iter().filter(|event| {
        // Said of these already, in better words.
        !matches!(event.reason.as_deref(), Some("Failed" | "BackOff" | "FailedScheduling"))
    });
    let last = told.max_by_key(|event| event.last_timestamp.clone()).and_then(|event| event.message);
    Ok(last.map(|text| format!(" The cluster says: {}", sentence(&text))).unwrap_or_default())
}
