//! What the objects of a job are called. Everything derives from the job's id, so that nothing is made twice.

use std::collections::BTreeMap;

use kube::api::ObjectMeta;
use uuid::Uuid;

use crate::config::is_label_value;

/// The label that names the job, by its id in 32 hexadecimal digits.
pub(super) const JOB: &str = "cooperage.io/job";

/// The label that names the image spec, where its name can be a label.
const IMAGE_SPEC: &str = "cooperage.io/image-spec";

/// The label that names the installation.
const INSTANCE: &str = "app.kubernetes.io/instance";

const COMPONENT: &str = "app.kubernetes.io/component";

/// The name of a job's Job and Secret.
pub(super) fn of_job(job: Uuid) -> String {
    format!("cooperage-job-{}", job.simple())
}

/// The name of an installation's cache volume with this number.
pub(super) fn of_volume(instance: &str, number: u16) -> String {
    format!("{instance}-cache-{number}")
}

/// The job that an object belongs to.
pub(super) fn job_of(metadata: &ObjectMeta) -> Option<Uuid> {
    Uuid::try_parse(metadata.labels.as_ref()?.get(JOB)?).ok()
}

/// The labels of all that belongs to a job.
pub(super) fn labels(instance: &str, job: Uuid, spec_name: &str) -> BTreeMap<String, String> {
    let mut labels = common(instance, "build");
    labels.insert(JOB.to_owned(), job.simple().to_string());
    if is_label_value(spec_name) {
        labels.insert(IMAGE_SPEC.to_owned(), spec_name.to_owned());
    }
    labels
}

/// The labels of a cache volume.
pub(super) fn volume_labels(instance: &str) -> BTreeMap<String, String> {
    common(instance, "cache")
}

fn common(instance: &str, component: &str) -> BTreeMap<String, String> {
    let labels = [
        ("app.kubernetes.io/name", "cooperage"),
        (COMPONENT, component),
        ("app.kubernetes.io/managed-by", "cooperage"),
        (INSTANCE, instance),
    ];
    labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What selects the Jobs and pods of an installation.
pub(super) fn selector(instance: &str) -> String {
    format!("{INSTANCE}={instance},{COMPONENT}=build,{JOB}")
}

/// What selects all that belongs to one job.
pub(super) fn selector_of_job(job: Uuid) -> String {
    format!("{JOB}={}", job.simple())
}

/// What selects the cache volumes of an installation.
pub(super) fn selector_of_volumes(instance: &str) -> String {
    format!("{INSTANCE}={instance},{COMPONENT}=cache")
}
