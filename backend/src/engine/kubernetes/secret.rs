//! The Secret of a job: its plan, and what each container may know, under a key of its own.

use std::collections::BTreeMap;
use std::io;

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

/// How many bytes the values of a Secret may have together, less a little for the credentials.
///
/// <https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size>
const MOST: usize = (1 << 20) - (64 << 10);

/// The Secret of a job. It goes when the Job does, which owns it.
///
/// # Errors
/// When plan or credentials cannot be written as JSON, or the plan does not fit.
pub(super) fn secret(instance: &str, plan: &BuildPlan, credentials: &Credentials, job_uid: &str) -> io::Result<Secret> {
    let name = names::of_job(plan.job_id);
    let mut data = BTreeMap::new();
    data.insert(PLAN_FILE.to_owned(), ByteString(packed(plan)?));
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

/// The plan as the Secret holds it: packed, for lists may be longer than a Secret.
fn packed(plan: &BuildPlan) -> io::Result<Vec<u8>> {
    let packed = plan.pack()?;
    if packed.len() > MOST {
        return Err(io::Error::other(format!(
            "the lists of packages have {} bytes, compressed, and a Secret of the cluster holds {MOST}: shorten them",
            packed.len()
        )));
    }
    Ok(packed)
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
