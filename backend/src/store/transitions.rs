//! The only place where the status of a job changes.
//!
//! Each change asks [`JobStatus::may_become`] within the transaction that makes it, so a terminal status is final, and
//! carries the status on to the spec whose latest job it is.

use cooperage_shared::{Failure, JobStatus};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use uuid::Uuid;

use super::convert::{column, key, to_json, word};
use super::entity::{build_job, image_spec};
use super::hold::locked;
use super::{Hold, Job, Store, StoreError, Write, now};
use crate::delivery::protocol::Pushed;

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// The registry answers for this image.
    Succeeded {
        /// The image.
        pushed: Pushed,
        /// The job that built it, where this one only gave it a further name.
        reused_from: Option<Uuid>,
    },
    /// There is no image, for this reason.
    Failed(Failure),
    /// It was told to stop.
    Cancelled,
}

impl Terminal {
    /// The status that this end gives a job.
    #[must_use]
    pub const fn status(&self) -> JobStatus {
        match self {
            Self::Succeeded { .. } => JobStatus::Succeeded,
            Self::Failed(_) => JobStatus::Failed,
            Self::Cancelled => JobStatus::Cancelled,
        }
    }
}

impl Store {
    /// Ends a job. The log must be complete: nothing can be appended after this.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the job is deleted, [`StoreError::Transition`] where it has ended already,
    /// [`StoreError::Fenced`] where it is in other hands.
    pub async fn finish(&self, hold: impl Into<Hold>, end: &Terminal) -> Result<Job, StoreError> {
        let hold = hold.into();
        self.again(|| self.finish_once(hold, end)).await
    }

    async fn finish_once(&self, hold: Hold, end: &Terminal) -> Result<Job, StoreError> {
        let tx = self.write().await?;
        let row = locked(&tx, hold.job).await?;
        let status: JobStatus = word(&row.status)?;
        if !status.is_terminal() {
            hold.check(&row)?;
        }
        let row = if status == JobStatus::Queued && end.status() == JobStatus::Succeeded {
            // An image was reused: the job ran, for a moment.
            let started = now().timestamp_millis();
            change(&tx, row, JobStatus::Running, |job| job.started_at = Set(Some(started))).await?
        } else {
            row
        };
        let row = finish_in(&tx, row, end).await?;
        tx.commit().await?;
        Job::try_from(row)
    }
}

/// Ends a job within a transaction.
pub(super) async fn finish_in(
    tx: &Write,
    row: build_job::Model,
    end: &Terminal,
) -> Result<build_job::Model, StoreError> {
    let (spec, number, id) = (row.spec_id.clone(), row.number, row.id.clone());
    let finished = now().timestamp_millis();
    let size = match end {
        Terminal::Succeeded { pushed, .. } => Some(column(pushed.size_bytes)?),
        _ => None,
    };
    let failure = match end {
        Terminal::Failed(failure) => Some(to_json(failure)?),
        _ => None,
    };
    let dockerfile = match end {
        Terminal::Succeeded { reused_from: Some(from), .. } => {
            build_job::Entity::find_by_id(key(*from)).one(&tx.tx).await?.and_then(|row| row.dockerfile)
        }
        _ => row.dockerfile.clone(),
    };
    let row = change(tx, row, end.status(), |job| {
        job.dockerfile = Set(dockerfile);
        job.finished_at = Set(Some(finished));
        job.lease_until = Set(None);
        job.failure = Set(failure);
        if let Terminal::Succeeded { pushed, reused_from } = end {
            job.push_host = Set(Some(pushed.image.host().to_owned()));
            job.image = Set(Some(pushed.image.canonical()));
            job.digest = Set(Some(pushed.digest.clone()));
            job.size_bytes = Set(size);
            job.base_image_digest = Set(Some(pushed.base_image_digest.clone()));
            job.reused_job_id = Set(reused_from.map(key));
        }
    })
    .await?;
    if let Terminal::Succeeded { pushed, .. } = end {
        use image_spec::Column;
        image_spec::Entity::update_many()
            .col_expr(Column::SuccessJobId, Expr::value(id))
            .col_expr(Column::SuccessNumber, Expr::value(number))
            .col_expr(Column::Image, Expr::value(pushed.image.canonical()))
            .col_expr(Column::Digest, Expr::value(pushed.digest.clone()))
            .filter(Column::Id.eq(spec))
            .filter(Column::SuccessNumber.lt(number))
            .exec(&tx.tx)
            .await?;
    }
    Ok(row)
}

/// Makes one step of the state machine, or refuses it.
pub(super) async fn change(
    tx: &Write,
    row: build_job::Model,
    next: JobStatus,
    fill: impl FnOnce(&mut build_job::ActiveModel),
) -> Result<build_job::Model, StoreError> {
    let from: JobStatus = word(&row.status)?;
    if !from.may_become(next) {
        return Err(StoreError::Transition { from, to: next });
    }
    let mut job = build_job::ActiveModel {
        id: Set(row.id),
        status: Set(next.as_str().to_owned()),
        updated_at: Set(now().timestamp_millis()),
        ..Default::default()
    };
    fill(&mut job);
    let row = job.update(&tx.tx).await?;
    follow(tx, &row).await?;
    Ok(row)
}

/// The spec's status is that of its latest job.
pub(super) async fn follow(tx: &Write, row: &build_job::Model) -> Result<(), StoreError> {
    use image_spec::Column;
    image_spec::Entity::update_many()
        .col_expr(Column::LatestStatus, Expr::value(row.status.clone()))
        .filter(Column::Id.eq(row.spec_id.clone()).and(Column::LatestJobId.eq(row.id.clone())))
        .exec(&tx.tx)
        .await?;
    Ok(())
}
