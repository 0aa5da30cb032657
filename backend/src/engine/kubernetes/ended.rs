//! Why a builder's pod ended without a last word, asked in a fixed order: what was done to the whole pod, then what was
//! done to a container, then how a container ended by itself.

use cooperage_shared::{Failure, FailureCode};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};

use super::pending::sentence;
use super::state::{containers, failure, has_begun, is_disrupted};

/// Why a pod ended. None where nothing says that it failed.
pub(super) fn verdict(pod: &Pod) -> Option<Failure> {
    let status = pod.status.as_ref()?;
    let reason = status.reason.as_deref().unwrap_or_default();
    let message = status.message.as_deref().unwrap_or_default();
    match reason {
        "Evicted" if has_begun(pod) => return Some(evicted(message)),
        "NodeLost" => return Some(gone_with_node(pod)),
        "Terminated" | "NodeShutdown" | "Shutdown" => {
            return Some(lost("The build's node was shut down. Rebuild to run it on another."));
        }
        "DeadlineExceeded" => {
            let text = "The build took longer than it may and was ended. The administrator can raise \
                        COOPERAGE_BUILD_DEADLINE.";
            return Some(failure(FailureCode::TimedOut, text));
        }
        "" => {}
        // The kubelet took no such pod: a profile or a resource that the node does not have.
        _ if !has_begun(pod) => {
            let text =
                format!("The node refused the builder: {} ({reason}) Tell the administrator.", sentence(message));
            return Some(failure(FailureCode::NotStarted, text));
        }
        _ => {}
    }
    let ended: Vec<_> = containers(pod).filter_map(|c| Some((c, c.state.as_ref()?.terminated.as_ref()?))).collect();
    if let Some((container, _)) = ended.iter().find(|(_, end)| end.reason.as_deref() == Some("OOMKilled")) {
        return Some(out_of_memory(pod, container));
    }
    if is_disrupted(pod) {
        return Some(disrupted(pod));
    }
    ended.iter().rev().find(|(_, end)| end.exit_code != 0).map(|(container, end)| of_container(container, end))
}

fn of_container(container: &ContainerStatus, end: &ContainerStateTerminated) -> Failure {
    let message = end.message.as_deref().unwrap_or_default();
    match (end.reason.as_deref().unwrap_or_default(), end.exit_code) {
        ("StartError" | "ContainerCannotRun" | "ContainerStatusUnknown", _) if !message.is_empty() => failure(
            FailureCode::NotStarted,
            format!(
                "The builder's container {} cannot be run: {} Tell the administrator.",
                container.name,
                sentence(message)
            ),
        ),
        (_, 137) => {
            lost("The builder was killed (signal 9) by something other than Cooperage. Rebuild to run it again.")
        }
        (_, 143) => lost(
            "The builder was told to end by something other than Cooperage, which may have deleted its pod. \
                          Rebuild to run it again.",
        ),
        (_, code) => {
            let said = if message.is_empty() { String::new() } else { format!(" It said: {}", sentence(message)) };
            failure(
                FailureCode::Internal,
                format!(
                    "The builder ended in its phase {} with code {code} and left no result.{said} Tell the \
                         administrator.",
                    container.name
                ),
            )
        }
    }
}

fn evicted(message: &str) -> Failure {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let detail = sentence(message);
    if says(&["ephemeral", "DiskPressure", "EmptyDir volume", "local storage", "imagefs", "nodefs"]) {
        return failure(
            FailureCode::OutOfDisk,
            format!(
                "The build needs more disk space than it may have: {detail} Ask for fewer packages, or the administrator \
                 for more space (COOPERAGE_KUBERNETES_EPHEMERAL_STORAGE)."
            ),
        );
    }
    if says(&["memory", "MemoryPressure"]) {
        return failure(
            FailureCode::OutOfMemory,
            format!("The build's node ran out of memory: {detail} Rebuild, or ask the administrator for more room."),
        );
    }
    lost(format!("The build was evicted from its node: {detail} Rebuild to run it again."))
}

fn out_of_memory(pod: &Pod, container: &ContainerStatus) -> Failure {
    let spec = pod.spec.as_ref();
    let all = spec.map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers)).into_iter().flatten();
    let limit = all
        .filter(|c| c.name == container.name)
        .find_map(|c| c.resources.as_ref()?.limits.as_ref()?.get("memory").map(|quantity| quantity.0.clone()));
    let limit = limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
    failure(
        FailureCode::OutOfMemory,
        format!(
            "The build needed more memory than its limit{limit} and was killed in its phase {}. Ask for fewer packages, \
             or the administrator to raise COOPERAGE_KUBERNETES_MEMORY_LIMIT.",
            container.name
        ),
    )
}

/// Seen only where the Job did not run it again.
fn disrupted(pod: &Pod) -> Failure {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let condition = conditions.iter().find(|condition| condition.type_ == "DisruptionTarget");
    let detail = condition.and_then(|condition| condition.message.as_deref()).unwrap_or_default();
    lost(format!(
        "The build's pod was ended to make room or with its node: {} Rebuild to run it again.",
        sentence(detail)
    ))
}

fn gone_with_node(pod: &Pod) -> Failure {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("of the builder");
    lost(format!("The node {node} does not answer any more, and the build with it. Rebuild to run it on another."))
}

fn lost(message: impl Into<String>) -> Failure {
    failure(FailureCode::Lost, message)
}
