//! What a Job and its pods say of a build: pure functions, asked in a fixed order.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use cooperage_shared::{Failure, FailureCode};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::pod::CONTAINERS;
use super::{ended, pending};
use crate::engine::EngineState;

/// All that is known of a build at one moment.
pub(super) struct Seen<'a> {
    /// Its Job; none where it is gone.
    pub(super) job: Option<&'a Job>,
    /// Its pods.
    pub(super) pods: &'a [Arc<Pod>],
    /// Whether it had a pod that is gone.
    pub(super) had_pod: bool,
    /// Why the cluster refuses to make a pod for it.
    pub(super) refusal: Option<&'a Refusal>,
    /// How long it may wait for its start.
    pub(super) patience: TimeDelta,
    /// When this was seen.
    pub(super) now: DateTime<Utc>,
}

/// Why, and since when, the cluster refuses to make a pod.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct Refusal {
    /// What it says.
    pub(super) message: String,
    /// Since when it says so.
    pub(super) since: DateTime<Utc>,
}

/// What a build does, and where it is over or hopeless: why.
pub(super) fn judge(seen: &Seen<'_>) -> (EngineState, Option<Failure>) {
    let pod = newest(seen.pods);
    let over = if seen.pods.iter().all(|pod| is_over(pod)) { EngineState::Ended } else { EngineState::Doomed };
    let Some(job) = seen.job else { return (over, pod.and_then(ended::verdict).or(Some(deleted()))) };
    if has_condition(job, &["Complete", "SuccessCriteriaMet"]).is_some() {
        return (EngineState::Ended, None);
    }
    // FailureTarget comes first; Failed only follows once all pods have ended.
    if let Some((reason, message)) = has_condition(job, &["FailureTarget", "Failed"]) {
        let never_began = || pod.and_then(|pod| pending::verdict(pod, seen.patience, seen.now));
        let how_ended = || pod.filter(|_| reason != "DeadlineExceeded").and_then(ended::verdict);
        return (over, how_ended().or_else(never_began).or_else(|| Some(of_condition(reason, message))));
    }
    if job.metadata.deletion_timestamp.is_some() {
        return (over, Some(pod.and_then(ended::verdict).unwrap_or_else(deleted)));
    }
    if job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true) {
        return (EngineState::Unstarted, None);
    }
    match pod {
        // Between a disrupted pod and the next there is none.
        None => match seen.refusal.filter(|_| !seen.had_pod).and_then(|r| pending::refused(r, seen.patience, seen.now))
        {
            Some(failure) => (EngineState::Doomed, Some(failure)),
            None => (EngineState::Running, None),
        },
        Some(pod) => match phase(pod) {
            "Succeeded" => (EngineState::Ended, None),
            // Disrupted: the Job makes another, or says that it will not.
            "Failed" if is_disrupted(pod) => (EngineState::Running, None),
            "Failed" => (EngineState::Ended, ended::verdict(pod)),
            _ => match pending::verdict(pod, seen.patience, seen.now) {
                Some(failure) => (EngineState::Doomed, Some(failure)),
                None => (EngineState::Running, None),
            },
        },
    }
}

/// The pod of the last attempt.
pub(super) fn newest(pods: &[Arc<Pod>]) -> Option<&Pod> {
    pods.iter().max_by_key(|pod| pod.metadata.creation_timestamp.clone()).map(AsRef::as_ref)
}

/// Whether nothing of a pod runs any more.
pub(super) fn is_over(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether a pod was ended to make room, or with its node.
pub(super) fn is_disrupted(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "DisruptionTarget" && condition.status == "True")
}

/// The statuses of a pod's containers, in the order in which they run. Those that others put into the pod are not ours.
pub(super) fn containers(pod: &Pod) -> impl DoubleEndedIterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let first = status.and_then(|status| status.init_container_statuses.as_deref()).unwrap_or_default();
    let last = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    first.iter().chain(last).filter(|container| CONTAINERS.contains(&container.name.as_str()))
}

/// Whether a container of the pod runs or ran.
pub(super) fn has_begun(pod: &Pod) -> bool {
    containers(pod).any(|container| {
        let state = container.state.as_ref();
        state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    })
}

/// A moment of the cluster's as one of ours.
pub(super) fn moment(time: &Time) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(time.0.as_millisecond())
}

/// A failure with nothing but code and message.
pub(super) fn failure(code: FailureCode, message: impl Into<String>) -> Failure {
    Failure { code, message: message.into(), log_line: None, field: None, requirement: None }
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

/// Reason and message of the first of these conditions that a Job has.
fn has_condition<'a>(job: &'a Job, types: &[&str]) -> Option<(&'a str, &'a str)> {
    let conditions = job.status.as_ref()?.conditions.as_deref().unwrap_or_default();
    let condition = conditions.iter().find(|c| c.status == "True" && types.contains(&c.type_.as_str()))?;
    Some((condition.reason.as_deref().unwrap_or_default(), condition.message.as_deref().unwrap_or_default()))
}

/// Why a Job has failed of which no pod tells more.
fn of_condition(reason: &str, message: &str) -> Failure {
    match reason {
        "DeadlineExceeded" => failure(
            FailureCode::TimedOut,
            "The build took longer than it may, with the time that it waited for its start, and was ended. See in the \
             log what it waited for; the administrator can raise COOPERAGE_BUILD_DEADLINE.",
        ),
        "BackoffLimitExceeded" => failure(
            FailureCode::Lost,
            "The builder's pod was deleted, or ended without leaving a trace. Rebuild to run it again.",
        ),
        _ => failure(
            FailureCode::Lost,
            format!("The cluster ended the build: {message} ({reason}). Rebuild to run it again."),
        ),
    }
}

fn deleted() -> Failure {
    failure(
        FailureCode::Lost,
        "The cluster has neither Job nor pod of this build: something other than Cooperage deleted them, or the build was \
         begun elsewhere. Rebuild to run it again.",
    )
}
