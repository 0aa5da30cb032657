//! Why something that a person asked for was not done.

use cooperage_shared::JobStatus;

use crate::store::StoreError;

/// Why something that a person asked for was not done. All but the last are the person's to put right.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// There is a spec of this name.
    #[error("There is an image spec of this name already: choose another name, or edit that one.")]
    NameTaken,
    /// There is no spec of this name.
    #[error("There is no image spec of this name: it may have been deleted meanwhile.")]
    SpecNotFound,
    /// There is no such job.
    #[error("There is no such job: its image spec may have been deleted meanwhile.")]
    JobNotFound,
    /// Somebody else has changed the spec since it was read.
    #[error("Somebody else has changed this image spec since you opened it: load it again, then make your change.")]
    Conflict {
        /// Its version now.
        current: u64,
    },
    /// The spec names a pull secret that does not exist.
    #[error("There is no pull secret of the name {0:?}: choose another, or create it first.")]
    PullSecretUnknown(String),
    /// The idempotency key belongs to a request for another spec.
    #[error("This idempotency key was used for another image spec: use a new one for each request.")]
    KeyTaken,
    /// The job has ended, so that nothing can be cancelled.
    #[error("This job has ended already ({0}): there is nothing to cancel.")]
    Ended(JobStatus),
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for JobsError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NameTaken => Self::NameTaken,
            StoreError::NotFound => Self::SpecNotFound,
            StoreError::Conflict { current } => Self::Conflict { current },
            StoreError::PullSecretUnknown(name) => Self::PullSecretUnknown(name),
            StoreError::KeyTaken => Self::KeyTaken,
            StoreError::Transition { from, .. } => Self::Ended(from),
            other => Self::Store(other),
        }
    }
}
