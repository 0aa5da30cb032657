//! What is learned about a job while it runs.

use cooperage_shared::JobStatus;
use sea_orm::{ActiveModelTrait as _, Set};
use uuid::Uuid;

use super::convert::{to_json, word};
use super::entity::build_job::{ActiveModel, Model};
use super::hold::locked;
use super::transitions::finish_in;
use super::{Hold, Job, StopReason, Store, StoreError, Terminal, Write, now};
use crate::delivery::protocol::{End, Progress};

impl Store {
    /// Notes what a builder has found out.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the job is gone, [`StoreError::Transition`] where it does not run.
    pub async fn set_progress(&self, job: Uuid, progress: &Progress) -> Result<Job, StoreError> {
        let tx = self.write().await?;
        let row = running(&tx, job.into()).await?;
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
        let row = running(&tx, job.into()).await?;
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
    /// [`StoreError::NotFound`] where there is no such job, [`StoreError::Transition`] where it has ended,
    /// [`StoreError::Fenced`] where it is in other hands.
    pub async fn request_stop(&self, hold: impl Into<Hold>, reason: StopReason) -> Result<Job, StoreError> {
        let hold = hold.into();
        self.again(|| self.request_stop_once(hold, reason)).await
    }

    async fn request_stop_once(&self, hold: Hold, reason: StopReason) -> Result<Job, StoreError> {
        let tx = self.write().await?;
        let row = locked(&tx, hold.job).await?;
        let from: JobStatus = word(&row.status)?;
        if !from.is_terminal() {
            hold.check(&row)?;
        }
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
    /// [`StoreError::NotFound`] where the job is gone, [`StoreError::Transition`] where it does not run,
    /// [`StoreError::Fenced`] where it is in other hands.
    pub async fn set_token(
        &self,
        hold: impl Into<Hold>,
        token_sha256: &str,
        log_limit_bytes: u64,
    ) -> Result<(), StoreError> {
        let hold = hold.into();
        let tx = self.write().await?;
        let row = running(&tx, hold).await?;
        let change = ActiveModel {
            id: Set(row.id),
            token_hash: Set(Some(token_sha256.to_owned())),
            log_limit_bytes: Set(i64::try_from(log_limit_bytes).ok()),
            ..Default::default()
        };
        change.update(&tx.tx).await?;
        tx.commit().await
    }

    /// Notes that the engine has a job. One that has ended or is gone by now needs no note.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] where it is in other hands.
    pub async fn mark_started(&self, hold: impl Into<Hold>) -> Result<(), StoreError> {
        let hold = hold.into();
        let tx = self.write().await?;
        match running(&tx, hold).await {
            Ok(row) => {
                let change = ActiveModel { id: Set(row.id), started_on_engine: Set(true), ..Default::default() };
                change.update(&tx.tx).await?;
                tx.commit().await
            }
            Err(StoreError::NotFound | StoreError::Transition { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

pub(super) async fn running(tx: &Write, hold: Hold) -> Result<Model, StoreError> {
    let row = locked(tx, hold.job).await?;
    match word(&row.status)? {
        JobStatus::Running => hold.check(&row).map(|()| row),
        from => Err(StoreError::Transition { from, to: JobStatus::Running }),
    }
}
