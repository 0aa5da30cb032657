//! Claims of work: each is one `UPDATE … RETURNING`, so that of several claimers one gets it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use cooperage_shared::{JobStatus, Phase};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement, SubQueryStatement, UpdateStatement};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, FromQueryResult as _, QueryFilter as _};
use uuid::Uuid;

use super::convert::{count, json, key, time};
use super::entity::build_job::{Column, Entity, Model};
use super::transitions::follow;
use super::{Job, Store, StoreError, Write, now};
use crate::delivery::protocol::End;

/// A job that runs, with what only those who run it need to know.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub job: Job,
    /// Whether the engine has taken it.
    pub started_on_engine: bool,
    /// When it was asked to stop.
    pub stop_requested_at: Option<DateTime<Utc>>,
    /// The builder's last word, once its log is complete.
    pub end: Option<End>,
    /// When it must have ended.
    pub deadline_at: Option<DateTime<Utc>>,
    /// Grows with every claim; who holds an older one has lost the job.
    pub fence: u64,
}

impl TryFrom<Model> for Claimed {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            started_on_engine: row.started_on_engine,
            stop_requested_at: row.stop_requested_at.map(time).transpose()?,
            end: row.outcome.as_deref().map(json).transpose()?,
            deadline_at: row.deadline_at.map(time).transpose()?,
            fence: count(row.fence)?,
            job: Job::try_from(row)?,
        })
    }
}

impl Store {
    /// The job with what those who run it need to know. None where there is no such job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claimed(&self, job: Uuid) -> Result<Option<Claimed>, StoreError> {
        Entity::find_by_id(key(job)).one(&self.db).await?.map(Claimed::try_from).transpose()
    }

    /// Claims the oldest queued job for which reuse has been tried, or is not wanted. It runs from now on, unless `max_parallel` jobs run already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_next(
        &self,
        owner: &str,
        max_parallel: usize,
        deadline: Duration,
    ) -> Result<Option<Claimed>, StoreError> {
        let tx = self.write().await?;
        let now = now();
        let until = now + deadline;
        let running = Query::select()
            .expr(Expr::col(Column::Id).count())
            .from(Entity)
            .and_where(Column::Status.eq(JobStatus::Running.as_str()))
            .to_owned();
        let places = i64::try_from(max_parallel).unwrap_or(i64::MAX);
        let ready = queued(now).and_where(Column::ReuseTried.eq(true).or(Column::Fresh.eq(true))).to_owned();
        let mut update = claim(owner, ready);
        update
            .value(Column::Status, JobStatus::Running.as_str())
            .value(Column::Phase, Phase::Prepare.as_str())
            .value(Column::StartedAt, now.timestamp_millis())
            .value(Column::UpdatedAt, now.timestamp_millis())
            .value(Column::DeadlineAt, until.timestamp_millis())
            .value(Column::LeaseUntil, Option::<i64>::None)
            .and_where(Expr::SubQuery(None, Box::new(SubQueryStatement::SelectStatement(running))).lt(places));
        let Some(row) = one(&tx, &update).await? else { return Ok(None) };
        follow(&tx, &row).await?;
        tx.commit().await?;
        Claimed::try_from(row).map(Some)
    }

    /// Claims the oldest queued job for which reuse has not been tried. It stays queued; nobody else starts it while
    /// `lease` lasts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_reuse(&self, owner: &str, lease: Duration) -> Result<Option<Job>, StoreError> {
        let now = now();
        let candidates =
            queued(now).and_where(Column::Fresh.eq(false)).and_where(Column::ReuseTried.eq(false)).to_owned();
        let mut update = claim(owner, candidates);
        update.value(Column::ReuseTried, true).value(Column::LeaseUntil, (now + lease).timestamp_millis());
        let tx = self.write().await?;
        let Some(row) = one(&tx, &update).await? else { return Ok(None) };
        tx.commit().await?;
        Job::try_from(row).map(Some)
    }

    /// Gives a job that was claimed for reuse back to the queue.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_reuse(&self, job: Uuid) -> Result<(), StoreError> {
        let tx = self.write().await?;
        Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(Option::<i64>::None))
            .filter(Column::Id.eq(key(job)))
            .filter(Column::Status.eq(JobStatus::Queued.as_str()))
            .exec(&tx.tx)
            .await?;
        tx.commit().await
    }
}

/// The ids of the queued jobs that nobody holds, the oldest first; at most one.
fn queued(now: DateTime<Utc>) -> SelectStatement {
    Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::Status.eq(JobStatus::Queued.as_str()))
        .and_where(Column::LeaseUntil.is_null().or(Column::LeaseUntil.lt(now.timestamp_millis())))
        .order_by(Column::CreatedAt, sea_orm::Order::Asc)
        .order_by(Column::Id, sea_orm::Order::Asc)
        .limit(1)
        .to_owned()
}

fn claim(owner: &str, candidates: SelectStatement) -> UpdateStatement {
    Query::update()
        .table(Entity)
        .value(Column::LeaseOwner, owner)
        .value(Column::Fence, Expr::col(Column::Fence).add(1))
        .and_where(Expr::col(Column::Id).in_subquery(candidates))
        // Asked again of the row itself: on PostgreSQL another claimer may have been faster.
        .and_where(Column::Status.eq(JobStatus::Queued.as_str()))
        .returning_all()
        .to_owned()
}

async fn one(tx: &Write, update: &UpdateStatement) -> Result<Option<Model>, StoreError> {
    let row = tx.tx.query_one(update).await?;
    Ok(row.map(|row| Model::from_query_result(&row, "")).transpose()?)
}
