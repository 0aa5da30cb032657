//! Claims of work: each is one `UPDATE … RETURNING`, so that of several claimers one gets it.
//!
//! On PostgreSQL claimers pass over rows that another one is about to take, and take their turns where jobs are counted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use cooperage_shared::{JobStatus, Phase};
use sea_orm::sea_query::{
    Expr, ExprTrait as _, LockBehavior, LockType, Query, SelectStatement, SubQueryStatement, UpdateStatement,
};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, FromQueryResult as _, QueryFilter as _};
use uuid::Uuid;

use super::convert::{count, json, key, time};
use super::entity::build_job::{Column, Entity, Model};
use super::transitions::follow;
use super::{CLAIMING, Hold, Job, Store, StoreError, Write, now};
use crate::delivery::protocol::End;

/// Who claims jobs to run them.
#[derive(Clone, Copy, Debug)]
pub struct Claimer<'a> {
    /// Its name.
    pub owner: &'a str,
    /// How long a claim holds without a heartbeat. None: for good, because nobody else can see to the job.
    pub lease: Option<Duration>,
}

impl<'a> From<&'a str> for Claimer<'a> {
    /// One whose claims hold for good.
    fn from(owner: &'a str) -> Self {
        Self { owner, lease: None }
    }
}

impl Claimer<'_> {
    pub(super) fn lease_until(&self, now: DateTime<Utc>) -> Option<i64> {
        self.lease.map(|lease| (now + lease).timestamp_millis())
    }
}

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

    /// Claims the oldest queued job for which reuse has been tried, or is not wanted. It runs from now on, unless
    /// `max_parallel` jobs run already: of this claimer, or of all claimers where their claims are leases.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_next<'a>(
        &self,
        claimer: impl Into<Claimer<'a>>,
        max_parallel: usize,
        deadline: Duration,
    ) -> Result<Option<Claimed>, StoreError> {
        let claimer = claimer.into();
        // Most of the time there is nothing to claim: nobody queues up for the turn then.
        let waits = self.db.query_one(&ready(now())).await?.is_some();
        if waits { self.again(|| self.claim_next_once(claimer, max_parallel, deadline)).await } else { Ok(None) }
    }

    async fn claim_next_once(
        &self,
        claimer: Claimer<'_>,
        max_parallel: usize,
        deadline: Duration,
    ) -> Result<Option<Claimed>, StoreError> {
        let tx = self.write().await?;
        if self.is_shared() {
            // Before anything is counted: who comes next counts this job too.
            tx.tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({CLAIMING})")).await?;
        }
        let now = now();
        let until = now + deadline;
        let mut running = Query::select();
        running
            .expr(Expr::col(Column::Id).count())
            .from(Entity)
            .and_where(Column::Status.eq(JobStatus::Running.as_str()));
        match claimer.lease {
            Some(_) => running.and_where(Column::LeaseUntil.is_not_null()),
            None => running.and_where(Column::LeaseOwner.eq(claimer.owner)),
        };
        let places = i64::try_from(max_parallel).unwrap_or(i64::MAX);
        let mut update = claim(claimer.owner, ready(now));
        update
            .value(Column::Status, JobStatus::Running.as_str())
            .value(Column::Phase, Phase::Prepare.as_str())
            .value(Column::StartedAt, now.timestamp_millis())
            .value(Column::UpdatedAt, now.timestamp_millis())
            .value(Column::DeadlineAt, until.timestamp_millis())
            .value(Column::LeaseUntil, claimer.lease_until(now))
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
    pub async fn claim_reuse(&self, owner: &str, lease: Duration) -> Result<Option<Claimed>, StoreError> {
        let now = now();
        let candidates =
            || queued(now).and_where(Column::Fresh.eq(false)).and_where(Column::ReuseTried.eq(false)).to_owned();
        if self.db.query_one(&candidates()).await?.is_none() {
            return Ok(None);
        }
        let mut update = claim(owner, candidates());
        update.value(Column::ReuseTried, true).value(Column::LeaseUntil, (now + lease).timestamp_millis());
        let tx = self.write().await?;
        let Some(row) = one(&tx, &update).await? else { return Ok(None) };
        tx.commit().await?;
        Claimed::try_from(row).map(Some)
    }

    /// Gives a job that was claimed for reuse back to the queue.
    ///
    /// # Errors
    /// When the database fails. Where somebody else has the job by now, nothing happens.
    pub async fn release_reuse(&self, hold: impl Into<Hold>) -> Result<(), StoreError> {
        let Hold { job, fence } = hold.into();
        let tx = self.write().await?;
        let mut update = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(Option::<i64>::None))
            .filter(Column::Id.eq(key(job)))
            .filter(Column::Status.eq(JobStatus::Queued.as_str()));
        if let Some(fence) = fence {
            update = update.filter(Column::Fence.eq(super::convert::column(fence)?));
        }
        update.exec(&tx.tx).await?;
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

/// Those of them that are to be built: reuse was tried, or is not wanted.
fn ready(now: DateTime<Utc>) -> SelectStatement {
    queued(now).and_where(Column::ReuseTried.eq(true).or(Column::Fresh.eq(true))).to_owned()
}

fn claim(owner: &str, mut candidates: SelectStatement) -> UpdateStatement {
    candidates.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    // Compared with, not searched in: the one candidate is chosen once, whatever plan PostgreSQL makes.
    let candidate = Expr::SubQuery(None, Box::new(SubQueryStatement::SelectStatement(candidates)));
    Query::update()
        .table(Entity)
        .value(Column::LeaseOwner, owner)
        .value(Column::Fence, Expr::col(Column::Fence).add(1))
        .and_where(Expr::col(Column::Id).eq(candidate))
        // Asked again of the row itself: on PostgreSQL another claimer may have been faster.
        .and_where(Column::Status.eq(JobStatus::Queued.as_str()))
        .returning_all()
        .to_owned()
}

async fn one(tx: &Write, update: &UpdateStatement) -> Result<Option<Model>, StoreError> {
    let row = tx.tx.query_one(update).await?;
    Ok(row.map(|row| Model::from_query_result(&row, "")).transpose()?)
}
