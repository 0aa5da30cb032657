//! The Secret of a job: its plan, and what each container may know, under a key of its own.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::names;
use super::places::PLAN_FILE;
use super::pod::CONTAINERS;
use crate::delivery::protocol::{BuildPlan, Credentials};

/// The key of a container's credentials.
pub(super) fn key(phase: &str) -> String {
    format!("{phase}.json")
}

/// The name of the volume that shows that key.
pub(super) fn volume(phase: &str) -> String {
    format!("credentials-{phase}")
}

/// The Secret of a job. It goes when the Job does, which owns it.
///
/// # Errors
/// When plan or credentials cannot be written as JSON.
pub(super) fn secret(
    instance: &str,
    plan: &BuildPlan,
    credentials: &Credentials,
    job_uid: &str,
) -> Result<Secret, serde_json::Error> {
    let name = names::of_job(plan.job_id);
    let mut data = BTreeMap::new();
    data.insert(PLAN_FILE.to_owned(), ByteString(serde_json::to_vec(plan)?));
    for phase in CONTAINERS {
        data.insert(key(phase), ByteString(serde_json::to_vec(&of_phase(phase, credentials))?));
    }
    Ok(Secret {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            labels: Some(names::labels(instance, plan.job_id, plan.spec_name.as_str())),
            owner_references: Some(vec![OwnerReference {
                api_version: "batch/v1".to_owned(),
                kind: "Job".to_owned(),
                name,
                uid: job_uid.to_owned(),
                ..OwnerReference::default()
            }]),
            ..ObjectMeta::default()
        },
        data: Some(data),
        ..Secret::default()
    })
}

/// What a container may know. All deliver the log; the push may have to read the base's layers once more.
fn of_phase(phase: &str, credentials: &Credentials) -> Credentials {
    let Credentials { pull, push, delivery_token } = credentials;
    let (pull, push) = match phase {
        "pull" => (pull.clone(), None),
        "push" => (pull.clone(), push.clone()),
        _ => (None, None),
    };
    Credentials { pull, push, delivery_token: delivery_token.clone() }
}
