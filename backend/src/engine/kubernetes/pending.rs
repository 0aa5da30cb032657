//! Why a builder does not begin: what is waited for, and what is hopeless at once.

use chrono::{DateTime, TimeDelta, Utc};
use cooperage_shared::{Failure, FailureCode};
use k8s_openapi::api::core::v1::{ContainerStateWaiting, Pod};

use super::state::{Refusal, containers, failure, has_begun, moment};

/// How long an image may fail to be pulled before it is given up, from when its container's turn came: a second try has
/// failed by then too.
const IMAGE: TimeDelta = TimeDelta::seconds(45);

/// The same of a container that fails to be made.
const CONTAINER: TimeDelta = TimeDelta::seconds(30);

/// How long the cluster may refuse to make a pod, by a rule of its own, before it is given up.
const REFUSED: TimeDelta = TimeDelta::seconds(5);

/// How long it may be unable to make one: whom it asks may be away for a while.
const UNABLE_TO_MAKE: TimeDelta = TimeDelta::seconds(90);

/// What stands in a message about a rule that will not let a pod pass in a minute either.
const RULE: &[&str] = &["forbidden", "violates", "is invalid", "denied the request"];

/// What stands in one that calls the pod forbidden because something could not be asked.
const NOT_ASKED: &str = "error looking up";

/// How long after its time to go a pod may still be there, before its node is taken for lost.
pub(super) const NODE: TimeDelta = TimeDelta::seconds(60);

/// What a registry says of an image that it will not say otherwise in a minute.
const FINAL: &[&str] = &["not found", "manifest unknown", "unauthorized", "denied", "forbidden", "no basic auth"];

/// What stands in a message about a profile or a feature that the node does not have.
const UNABLE: &[&str] = &["seccomp", "apparmor", "selinux", "user namespace", "userns", "runtime handler"];

/// Why a pod that is not over will never end well. None while there is hope.
pub(super) fn verdict(pod: &Pod, patience: TimeDelta, now: DateTime<Utc>) -> Option<Failure> {
    if let Some(lost) = lost_node(pod, now) {
        return Some(lost);
    }
    let age = pod.metadata.creation_timestamp.as_ref().and_then(moment).map_or(TimeDelta::zero(), |made| now - made);
    let waited = turn(pod).map_or(age, |turn| (now - turn).min(age));
    for container in containers(pod) {
        if let Some(waiting) = container.state.as_ref().and_then(|state| state.waiting.as_ref())
            && let Some(failure) = waits(waiting, container.image.as_str(), waited)
        {
            return Some(failure);
        }
    }
    if age <= patience || has_begun(pod) {
        return None;
    }
    Some(match unscheduled(pod) {
        Some(message) => not_started(format!(
            "No node of the cluster took the builder within {}: {message} Ask the administrator for room, or to lower \
             what a builder asks for (COOPERAGE_KUBERNETES_CPU_REQUEST, …_MEMORY_REQUEST, …_EPHEMERAL_STORAGE).",
            minutes(patience)
        )),
        None => not_started(format!(
            "The builder was not made ready within {}. Tell the administrator, who finds more in the events of pod {}.",
            minutes(patience),
            pod.metadata.name.as_deref().unwrap_or_default()
        )),
    })
}

/// Why a Job to which the cluster refuses a pod will not get one. None while there is hope.
pub(super) fn refused(refusal: &Refusal, patience: TimeDelta, now: DateTime<Utc>) -> Option<Failure> {
    let (age, text) = (now - refusal.since, sentence(refusal.message.trim_start_matches("Error creating: ")));
    if text.contains("exceeded quota") {
        let given = minutes(patience);
        let text = format!("The cluster had no room for the builder within {given}: {text} Try again later.");
        return (age > patience).then(|| not_started(text));
    }
    let says = |word: &str| text.contains(word);
    let is_ruled = RULE.iter().any(|word| says(word)) && !says(NOT_ASKED);
    (age > if is_ruled { REFUSED } else { UNABLE_TO_MAKE })
        .then(|| not_started(format!("The cluster refuses the builder's pod: {text} Tell the administrator.")))
}

/// Why a container that waits will wait for ever.
fn waits(waiting: &ContainerStateWaiting, image: &str, age: TimeDelta) -> Option<Failure> {
    let message = waiting.message.as_deref().unwrap_or_default();
    let says = |words: &[&str]| words.iter().any(|word| message.to_ascii_lowercase().contains(word));
    match waiting.reason.as_deref().unwrap_or_default() {
        "InvalidImageName" | "ErrImageNeverPull" => Some(no_image(image, message)),
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed"
            if says(FINAL) || age > IMAGE =>
        {
            Some(no_image(image, message))
        }
        // A kubelet that was just started says so too, for a moment, of a pod with which nothing is wrong.
        "CreateContainerConfigError" if says(&["non-root"]) || age > CONTAINER => Some(not_started(format!(
            "The builder's container is mis-set: {} Tell the administrator.",
            sentence(message)
        ))),
        "CreateContainerError" | "RunContainerError" | "CreatePodSandboxError" if says(UNABLE) || age > CONTAINER => {
            Some(not_started(format!(
                "The node cannot run the builder's container: {} Tell the administrator, who can choose other profiles \
                 (COOPERAGE_KUBERNETES_SECCOMP_PROFILE, …_APPARMOR_PROFILE, …_RUNTIME_CLASS).",
                sentence(message)
            )))
        }
        _ => None,
    }
}

/// When the turn of the container came that waits now: its pod had a node, volumes and network, and the containers before
/// it had ended.
fn turn(pod: &Pod) -> Option<DateTime<Utc>> {
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let ready = conditions
        .filter(|c| matches!(c.type_.as_str(), "PodScheduled" | "PodReadyToStartContainers") && c.status == "True")
        .filter_map(|c| c.last_transition_time.as_ref().and_then(moment));
    let ended =
        containers(pod).filter_map(|c| c.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref().and_then(moment));
    ready.chain(ended).max()
}

/// A pod that should be gone, and is not: nobody on its node ends it.
fn lost_node(pod: &Pod, now: DateTime<Utc>) -> Option<Failure> {
    let due = pod.metadata.deletion_timestamp.as_ref().and_then(moment)?;
    if now - due <= NODE {
        return None;
    }
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("of the builder");
    Some(failure(
        FailureCode::Lost,
        format!("The node {node} does not answer any more, and the build with it. Rebuild to run it on another."),
    ))
}

/// What the scheduler says of a pod that no node has taken.
fn unscheduled(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_deref().unwrap_or_default();
    let condition = conditions.iter().find(|c| c.type_ == "PodScheduled" && c.status == "False")?;
    Some(sentence(condition.message.as_deref().unwrap_or("the scheduler does not say why")))
}

fn no_image(image: &str, message: &str) -> Failure {
    not_started(format!(
        "The builder's image {image} cannot be pulled: {} Tell the administrator, who sets it by \
         COOPERAGE_KUBERNETES_BUILDER_IMAGE.",
        sentence(message)
    ))
}

fn not_started(message: String) -> Failure {
    failure(FailureCode::NotStarted, message)
}

/// What a machine said, as a sentence of ours.
pub(super) fn sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = if text.is_empty() { "no reason was given".to_owned() } else { text };
    let short: String = text.chars().take(600).collect();
    let cut = if short.len() < text.len() { "…" } else { "" };
    let end = if cut.is_empty() && !short.ends_with(['.', '!', '?']) { "." } else { "" };
    format!("{short}{cut}{end}")
}

fn minutes(time: TimeDelta) -> String {
    match time.num_seconds() {
        seconds if seconds < 120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    }
}
