//! Ends a build: its Job first, so that no further pod comes, then its pods, asking before forcing.

use std::time::{Duration, Instant};

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use uuid::Uuid;

use super::cluster::{Cluster, ask, find};
use super::names;
use super::state::is_over;
use crate::engine::EngineError;

/// How many seconds a builder has to end by itself, as long as on every engine.
const GRACE_SECONDS: u32 = 3;

/// How long its pods may take to end once asked.
const GRACE: Duration = Duration::from_millis(3_600);

/// How long they may take to be gone once they are forced.
const KILL: Duration = Duration::from_millis(1_300);

/// How long the last of a deleted Job may take to go.
const REMOVE: Duration = Duration::from_secs(10);

/// How often the cluster is asked meanwhile.
const POLL: Duration = Duration::from_millis(200);

/// Ends all pods of a job. Nothing of it runs when this returns.
pub(super) async fn stop(cluster: &Cluster, job: Uuid) -> Result<(), EngineError> {
    find(cluster.api::<Job>().delete(&names::of_job(job), &DeleteParams::foreground())).await?;
    if gone_within(cluster, job, GRACE, GRACE_SECONDS).await? || gone_within(cluster, job, KILL, 0).await? {
        return Ok(());
    }
    Err(EngineError::Other(format!("pods of job {job} are still there after they were deleted by force")))
}

/// Waits until a deleted Job is gone.
pub(super) async fn remove(cluster: &Cluster, job: Uuid) -> Result<(), EngineError> {
    let start = Instant::now();
    while find(cluster.api::<Job>().get(&names::of_job(job))).await?.is_some() {
        if start.elapsed() > REMOVE {
            return Err(EngineError::Unavailable(format!("the Job of {job} is still being deleted")));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Deletes pods until none runs, with this grace. Also those that come meanwhile, for a Job may just have been making one.
async fn gone_within(cluster: &Cluster, job: Uuid, limit: Duration, grace: u32) -> Result<bool, EngineError> {
    let (start, api) = (Instant::now(), cluster.api::<Pod>());
    let mut asked = std::collections::HashSet::new();
    loop {
        let pods = ask(api.list(&ListParams::default().labels(&names::selector_of_job(job)))).await?.items;
        let running: Vec<String> = pods.iter().filter(|pod| !is_over(pod)).map(|pod| pod.name_any()).collect();
        if running.is_empty() {
            return Ok(true);
        }
        for pod in running {
            if asked.insert(pod.clone()) {
                find(api.delete(&pod, &DeleteParams::background().grace_period(grace))).await?;
            }
        }
        if start.elapsed() >= limit {
            return Ok(false);
        }
        tokio::time::sleep(POLL).await;
    }
}
