//! What a builder is told: its plan, and the credentials that this job may use.

use std::path::PathBuf;

use cooperage_shared::{Failure, FailureCode, Field, ImageName, ImageReference, RevisionHash};

use super::reconciler::Settings;
use crate::delivery::protocol::{BuildPlan, BuildSettings, Credentials, RegistryLogin, StoreLimits};
use crate::registry::same_host;
use crate::secrets::SecretKey;
use crate::store::{Job, Revision, Spec, Store, StoreError};

/// Where things are that a builder uses: on this machine, or in its pod.
#[derive(Clone, Debug)]
pub struct Places {
    /// The kept image store.
    pub store: PathBuf,
    /// The store's run-time state.
    pub run: PathBuf,
    /// The package caches.
    pub cache: PathBuf,
    /// The uv program, where there is one.
    pub uv: Option<PathBuf>,
    /// The administrator's certificates, where there are any.
    pub ca_bundle: Option<PathBuf>,
    /// What a builder may keep there, where it is the builder that looks after it.
    pub limits: Option<StoreLimits>,
}

/// Why a job cannot be planned.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    /// The job fails, for this reason.
    #[error("{}", .0.message)]
    Failure(Box<Failure>),
    /// The spec was deleted meanwhile.
    #[error("the image spec was deleted")]
    Deleted,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is known of a job before it starts.
pub(super) struct Prepared {
    pub(super) spec: Spec,
    pub(super) revision: Revision,
    pub(super) target: ImageReference,
    pub(super) pull: Option<RegistryLogin>,
    pub(super) push: Option<RegistryLogin>,
}

pub(super) fn failure(code: FailureCode, message: impl Into<String>) -> Failure {
    Failure { code, message: message.into(), log_line: None, field: None, requirement: None }
}

fn refuse(code: FailureCode, field: Option<Field>, message: String) -> PlanError {
    PlanError::Failure(Box::new(Failure { field, ..failure(code, message) }))
}

/// Reads what a job needs, and decides which credentials it may use.
pub(super) async fn prepare(
    store: &Store,
    key: &SecretKey,
    settings: &Settings,
    job: &Job,
) -> Result<Prepared, PlanError> {
    let spec = store.spec(job.spec_id).await?.ok_or(PlanError::Deleted)?;
    let revision = store.revision(job.revision_id).await?.ok_or(PlanError::Deleted)?;
    let target = target(settings, &spec.name, revision.hash)?;
    let push = push_login(settings);
    let pull = match &job.pull_secret {
        Some(name) => Some(pull_login(store, key, name, &revision.base_image).await?),
        // Who may write to the push registry may read from it.
        None => push.clone().filter(|login| same_host(&login.host, revision.base_image.host())),
    };
    Ok(Prepared { spec, revision, target, pull, push })
}

/// Where the image of a revision goes: `host/[prefix/]name:hash8`.
fn target(settings: &Settings, name: &ImageName, hash: RevisionHash) -> Result<ImageReference, PlanError> {
    let Some(host) = &settings.registry.host else {
        let message = "No push registry is configured, so the image has nowhere to go. Ask the administrator to set \
                       COOPERAGE_REGISTRY_HOST, then rebuild.";
        return Err(refuse(FailureCode::RegistryNotConfigured, None, message.to_owned()));
    };
    let prefix = settings.registry.repository_prefix.as_ref().map(|prefix| format!("{prefix}/")).unwrap_or_default();
    let text = format!("{host}/{prefix}{}:{}", name.repository_component(), hash.short());
    text.parse().map_err(|error: cooperage_shared::ParseError| {
        let message = format!("The image would go to {text}, which is no image reference: {}", error.message);
        refuse(FailureCode::RegistryNotConfigured, None, message)
    })
}

pub(super) fn push_login(settings: &Settings) -> Option<RegistryLogin> {
    let registry = &settings.registry;
    Some(RegistryLogin {
        host: registry.host.clone()?,
        username: registry.username.clone()?,
        password: registry.password.clone()?,
    })
}

async fn pull_login(
    store: &Store,
    key: &SecretKey,
    name: &str,
    base: &ImageReference,
) -> Result<RegistryLogin, PlanError> {
    let refused = |code, message| Err(refuse(code, Some(Field::PullSecret), message));
    let Some(secret) = store.pull_secret(name).await? else {
        let message =
            format!("The pull secret {name:?} does not exist any more: choose another one for this image spec.");
        return refused(FailureCode::PullSecretMissing, message);
    };
    if !same_host(&secret.host, base.host()) {
        let message = format!(
            "The pull secret {name:?} is for {}, but the base image is on {}, where it is not sent: choose a pull secret \
             for that host, or none.",
            secret.host,
            base.host()
        );
        return refused(FailureCode::AccessDenied, message);
    }
    match key.open(&secret.name, &secret.host, &secret.sealed) {
        Ok(password) => Ok(RegistryLogin { host: secret.host, username: secret.username, password }),
        Err(error) => {
            tracing::warn!(name, %error, "cannot open a pull secret");
            let message = format!(
                "The password of the pull secret {name:?} cannot be decrypted, for the server's key has changed: enter \
                 the password again, then rebuild."
            );
            refused(FailureCode::PullSecretMissing, message)
        }
    }
}

/// The plan and the credentials of a job.
pub(super) fn plan(
    settings: &Settings,
    job: &Job,
    prepared: Prepared,
    delivery_token: crate::config::Secret,
) -> (BuildPlan, Credentials) {
    let mut insecure_registries = settings.build.insecure_registries.clone();
    insecure_registries.extend(settings.registry.host.clone().filter(|_| settings.registry.insecure));
    let plan = BuildPlan {
        job_id: job.id,
        number: job.number,
        spec_name: prepared.spec.name,
        revision: prepared.revision.hash,
        base_image: prepared.revision.base_image,
        packages: prepared.revision.packages,
        target: prepared.target,
        insecure_registries,
        fresh: job.fresh,
        deadline_seconds: settings.build.deadline.as_secs().max(1),
        log_limit_bytes: settings.logs.max_bytes_per_job,
        line_limit_bytes: settings.logs.max_line_bytes,
        deliver_to: Some(settings.deliver_to.clone()),
        store: settings.places.store.clone(),
        run: settings.places.run.clone(),
        cache: settings.places.cache.clone(),
        limits: settings.places.limits,
        uv: settings.places.uv.clone(),
        settings: BuildSettings { ca_bundle: settings.places.ca_bundle.clone(), ..settings.build.settings.clone() },
    };
    let credentials = Credentials { pull: prepared.pull, push: prepared.push, delivery_token: Some(delivery_token) };
    (plan, credentials)
}
