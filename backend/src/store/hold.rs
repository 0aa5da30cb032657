//! On behalf of which claim a job is written to.

use uuid::Uuid;

use super::convert::{count, key};
use super::entity::build_job::{Entity, Model};
use super::{Claimed, StoreError, Write};
use sea_orm::sea_query::LockType;
use sea_orm::{EntityTrait as _, QuerySelect as _};

/// A job, and the claim on behalf of which it is written to. A server whose lease ran out may sleep, wake and write: its fence
/// is an older one by then, and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The job.
    pub job: Uuid,
    /// The fence of the claim. None where it does not matter who runs the job: for what people ask for, and what its builder
    /// delivers.
    pub fence: Option<u64>,
}

impl From<Uuid> for Hold {
    fn from(job: Uuid) -> Self {
        Self { job, fence: None }
    }
}

impl From<&Claimed> for Hold {
    fn from(claimed: &Claimed) -> Self {
        Self { job: claimed.job.id, fence: Some(claimed.fence) }
    }
}

impl Hold {
    /// Whether the claim still is the latest one of its job.
    pub(super) fn check(self, row: &Model) -> Result<(), StoreError> {
        match self.fence {
            Some(fence) if fence != count(row.fence)? => Err(StoreError::Fenced),
            _ => Ok(()),
        }
    }
}

/// The row of a job, which nobody else changes until the transaction ends.
pub(super) async fn locked(tx: &Write, job: Uuid) -> Result<Model, StoreError> {
    let row = Entity::find_by_id(key(job)).lock(LockType::NoKeyUpdate).one(&tx.tx).await?;
    row.ok_or(StoreError::NotFound)
}
