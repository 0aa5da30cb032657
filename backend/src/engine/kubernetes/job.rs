//! The Job of a build.

use std::time::Duration;

use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{names, pod};
use crate::config::KubernetesConfig;
use crate::delivery::protocol::BuildPlan;

/// How long a builder may stay beyond its deadline to deliver to a server that is away. Afterwards Kubernetes deletes its
/// pod, and the kubelet's copy of the log with it: what was not delivered by then is lost, and a marker says so.
const DELIVERY_GRACE: Duration = Duration::from_secs(3600);

/// The Job of a build, suspended: it has no pod before its Secret is there. `claim` is the cache volume that it got.
pub(super) fn job(config: &KubernetesConfig, plan: &BuildPlan, claim: Option<&str>) -> Job {
    let name = names::of_job(plan.job_id);
    let labels = names::labels(&config.instance, plan.job_id, plan.spec_name.as_str());
    // Ours last: the engine finds a pod by them.
    let of_pod = config.pod_metadata.labels.clone().into_iter().chain(labels.clone()).collect();
    let annotations = &config.pod_metadata.annotations;
    let deadline = Duration::from_secs(plan.deadline_seconds) + config.pending_deadline + DELIVERY_GRACE;
    Job {
        metadata: ObjectMeta { name: Some(name.clone()), labels: Some(labels.clone()), ..ObjectMeta::default() },
        spec: Some(JobSpec {
            suspend: Some(true),
            // A build that fails would fail again.
            backoff_limit: Some(0),
            active_deadline_seconds: i64::try_from(deadline.as_secs()).ok(),
            // Never two pods at once, not even while the first is being ended.
            pod_replacement_policy: Some("Failed".to_owned()),
            pod_failure_policy: Some(disrupted_pods_run_again()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(of_pod),
                    annotations: (!annotations.is_empty()).then(|| annotations.clone()),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod::spec(config, &name, claim)),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

/// Whether the builder of a Job has a cache volume.
pub(super) fn has_volume(job: &Job) -> bool {
    let volumes = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()?.volumes.as_deref());
    volumes.unwrap_or_default().iter().any(|volume| volume.persistent_volume_claim.is_some())
}

/// A pod that was evicted, drained or preempted has not failed.
fn disrupted_pods_run_again() -> PodFailurePolicy {
    PodFailurePolicy {
        rules: vec![PodFailurePolicyRule {
            action: "Ignore".to_owned(),
            on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                type_: "DisruptionTarget".to_owned(),
                status: Some("True".to_owned()),
            }]),
            ..PodFailurePolicyRule::default()
        }],
    }
}
