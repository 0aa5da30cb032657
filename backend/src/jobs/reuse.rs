//! The first strategy: an image of this whole revision on this base digest exists, so it gets a further name and nothing is
//! built. Whatever goes wrong here, the job is built instead.

use std::time::Duration;

use super::plan::{self, PlanError};
use super::reconciler::Inner;
use crate::delivery::protocol::Pushed;
use crate::registry::RegistryError;
use crate::store::{Claimed, Hold, StoreError, Terminal};

/// Reuse is quick or it is not worth it.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a job is held for reuse, should the server end meanwhile.
pub(super) const LEASE: Duration = Duration::from_secs(20);

/// Why there was nothing to reuse.
#[derive(Debug, thiserror::Error)]
enum Miss {
    #[error("no image of this revision on this base")]
    None,
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Reference(String),
}

impl Inner {
    /// Ends a queued job by reuse, or gives it back to the queue.
    pub(super) async fn reuse(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let job = &claimed.job;
        match tokio::time::timeout(LIMIT, self.try_reuse(claimed)).await {
            Ok(Ok(())) => Ok(()),
            // It took too long to come back, and the job is in other hands.
            Ok(Err(Miss::Store(StoreError::Fenced))) => Err(StoreError::Fenced),
            missed => {
                match missed {
                    Ok(Err(Miss::None)) => {}
                    Ok(Err(reason)) => tracing::info!(job = %job.id, %reason, "nothing is reused, the job is built"),
                    _ => tracing::info!(job = %job.id, "the registry is too slow for reuse, the job is built"),
                }
                self.store.release_reuse(claimed).await
            }
        }
    }

    async fn try_reuse(&self, claimed: &Claimed) -> Result<(), Miss> {
        let (job, hold) = (&claimed.job, Hold::from(claimed));
        let host = self.settings.registry.host.as_deref().ok_or(Miss::None)?;
        // Most jobs are new: they are not kept waiting for a registry.
        if self.store.reusable_jobs(job.revision, host, None).await?.is_empty() {
            return Err(Miss::None);
        }
        let prepared = plan::prepare(&self.store, &self.key, &self.settings, job).await?;
        let base = &prepared.revision.base_image;
        let (target, push) = (&prepared.target, prepared.push.as_ref());
        // Both at once: a spec that is unchanged has its name already, and then nothing else is to be asked.
        let base_now = self.registry.resolve(base, prepared.pull.as_ref());
        let (base_digest, named_now) = tokio::join!(base_now, self.registry.resolve(target, push));
        let base_digest = base_digest?;
        let found = self.store.reusable_jobs(job.revision, host, Some(&base_digest)).await?;
        let mut reason = Miss::None;
        for built in found {
            let (Some(image), Some(digest)) = (&built.image, &built.digest) else { continue };
            let exact = image.with_digest(digest).map_err(|error| Miss::Reference(error.message))?;
            let is_named = named_now.as_ref().is_ok_and(|answer| answer == digest);
            let named = match is_named {
                true => Ok(digest.clone()),
                false => match self.registry.retag(&exact, target, push).await {
                    Ok(()) => self.registry.resolve(target, push).await,
                    Err(error) => Err(error),
                },
            };
            match named {
                Ok(answer) if answer == *digest => {}
                Ok(_) => continue,
                Err(error) => {
                    reason = error.into();
                    continue;
                }
            }
            let builder = match built.spec_id == job.spec_id {
                true => format!("Job {} of this image spec", built.number),
                false => format!("Job {} of another image spec", built.number),
            };
            for line in [
                format!("[cooperage] The base image {base} is {base_digest}."),
                format!(
                    "[cooperage] {builder} has built revision {} on it: its image is reused.",
                    job.revision.short()
                ),
                format!("[cooperage] {target} is {digest}. Nothing was built; \"Rebuild\" builds it anew."),
            ] {
                self.logs.say(hold, &line).await?;
            }
            let pushed = Pushed {
                image: target.clone(),
                digest: digest.clone(),
                size_bytes: built.size_bytes.unwrap_or(0),
                base_image_digest: base_digest,
            };
            // An image that was reused leads back to the job that built it.
            let reused_from = Some(built.reused_from.unwrap_or(built.id));
            let end = Terminal::Succeeded { pushed, reused_from };
            self.finish(hold, &end).await?;
            return Ok(());
        }
        Err(reason)
    }
}
