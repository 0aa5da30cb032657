//! What is learned about a job while it runs.

use cooperage_shared::JobStatus;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use uuid::Uuid;

use super::convert::{key, to_json, word};
use super::entity::build_job::{ActiveModel, Column, Entity, Model};
use super::transitions::finish_in;
use super::{Job, StopReason, Store, StoreError, Terminal, Write, now};
use crate::delivery::protocol::{End, Progress};

impl Store {
    /// Notes what a builder has found out.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the job is gone, [`StoreError::Transition`] where it does not run.
    pub async fn set_progress(&self, job: Uuid, progress: &Progress) -> Result<Job, StoreError> {
        let tx = self.write().await?;
        let row = running(&tx, job).await?;
        let mut change = ActiveModel {
            id: Set(row.id),
            phase: Set(Some(progress.phase.as_str().to_owned())),
            updated_at: Set(now().timestamp_millis()),
            ..Default::default()
        };
        if let Some(digest) = &progress.base_image_digest {
            change.base_image_digest = Set(Some(digest.clone()));
        }
        if let Some(dockerfile) = &progress.dockerfile {
            change.dockerfile = Set(Some(dockerfile.clone()));
        }
        let row = change.update(&tx.tx).await?;
        tx.commit().await?;
        Job::try_from(row)
    }

    /// Keeps a builder's last word. The first one counts.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the job is gone, [`StoreError::Transition`] where it does not run.
    pub async fn set_end(&self, job: Uuid, end: &End) -> Result<Job, StoreError> {
        let tx = self.write().await?;
        let row = running(&tx, job).await?;
        if row.outcome.is_some() {
            return Job::try_from(row);
        }
        let change = ActiveModel { id: Set(row.id), outcome: Set(Some(to_json(end)?)), ..Default::default() };
        let row = change.update(&tx.tx).await?;
        tx.commit().await?;
        Job::try_from(row)
    }

    /// Asks for a job to end. One that is queued and cancelled ends at once; of one that runs the first reason counts.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such job, [`StoreError::Transition`] where it has ended.
    pub async fn request_stop(&self, job: Uuid, reason: StopReason) -> Result<Job, StoreError> {
        let tx = self.write().await?;
        let row = Entity::find_by_id(key(job)).one(&tx.tx).await?.ok_or(StoreError::NotFound)?;
        let from: JobStatus = word(&row.status)?;
        let row = match from {
            JobStatus::Queued if reason == StopReason::Cancelled => finish_in(&tx, row, &Terminal::Cancelled).await?,
            JobStatus::Running if row.stop_reason.is_some() => row,
            JobStatus::Running => {
                let change = ActiveModel {
                    id: Set(row.id),
                    stop_reason: Set(Some(reason.as_str().to_owned())),
                    stop_requested_at: Set(Some(now().timestamp_millis())),
                    ..Default::default()
                };
                change.update(&tx.tx).await?
            }
            from => return Err(StoreError::Transition { from, to: JobStatus::Cancelled }),
        };
        tx.commit().await?;
        Job::try_from(row)
    }

    /// Keeps the SHA-256 of the token by which the job's builder will be known, and the longest log that it may deliver.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the job is gone, [`StoreError::Transition`] where it does not run.
    pub async fn set_token(&self, job: Uuid, token_sha256: &str, log_limit_bytes: u64) -> Result<(), StoreError> {
        let tx = self.write().await?;
        let row = running(&tx, job).await?;
        let change = ActiveModel {
            id: Set(row.id),
            token_hash: Set(Some(token_sha256.to_owned())),
            log_limit_bytes: Set(i64::try_from(log_limit_bytes).ok()),
            ..Default::default()
        };
        change.update(&tx.tx).await?;
        tx.commit().await
    }

    /// Notes that the engine has a job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_started(&self, job: Uuid) -> Result<(), StoreError> {
        let tx = self.write().await?;
        Entity::update_many()
            .col_expr(Column::StartedOnEngine, Expr::value(true))
            .filter(Column::Id.eq(key(job)))
            .exec(&tx.tx)
            .await?;
        tx.commit().await
    }
}

pub(super) async fn running(tx: &Write, job: Uuid) -> Result<Model, StoreError> {
    let row = Entity::find_by_id(key(job)).one(&tx.tx).await?.ok_or(StoreError::NotFound)?;
    match word(&row.status)? {
        JobStatus::Running => Ok(row),
        from => Err(StoreError::Transition { from, to: JobStatus::Running }),
    }
}
