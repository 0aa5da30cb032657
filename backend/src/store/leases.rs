//! Leases: who sees to a job that runs, and who takes it over when that one is gone.
//!
//! A server whose engine every server can see holds its jobs by leases, and renews them by heartbeats. Jobs on one machine
//! have no lease that runs out: only the server on that machine can see to them, and it knows them by its name after a
//! restart. What nobody has ended long after its deadline is taken over by whoever comes, so that it ends.

use std::time::Duration;

use cooperage_shared::JobStatus;
use sea_orm::sea_query::{Cond, Expr, ExprTrait as _, LockBehavior, LockType, Query, UpdateStatement};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use super::convert::all;
use super::entity::build_job::{Column, Entity};
use super::{Claimed, Claimer, Store, StoreError, now};

/// How long after its deadline a job is given up that no server holds by a lease.
const GIVEN_UP: Duration = Duration::from_secs(300);

impl Store {
    /// Every job that runs and is this owner's, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_jobs(&self, owner: &str) -> Result<Vec<Claimed>, StoreError> {
        let held = Entity::find()
            .filter(Column::Status.eq(JobStatus::Running.as_str()))
            .filter(Column::LeaseOwner.eq(owner))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id);
        all(held.all(&self.db).await?)
    }

    /// Claims again, by a new fence, what an earlier process of the same owner has left running.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_over(&self, owner: &str) -> Result<u64, StoreError> {
        let mut update = Query::update();
        update.and_where(Column::LeaseOwner.eq(owner));
        self.reclaim(owner.into(), update).await
    }

    /// Claims the jobs whose server is gone, as far as this claimer can see to them; tells how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn adopt(&self, claimer: Claimer<'_>) -> Result<u64, StoreError> {
        let now = now();
        let ran_out = || Expr::col(Column::LeaseUntil).lt(now.timestamp_millis());
        // Of another engine, it may be: a database that has moved from one machine to a cluster.
        let given_up = Cond::all()
            .add(Expr::col(Column::DeadlineAt).lt((now - GIVEN_UP).timestamp_millis()))
            .add(Cond::any().add(Expr::col(Column::LeaseUntil).is_null()).add(ran_out()));
        let mut is_orphan = Cond::any().add(given_up);
        if claimer.lease.is_some() {
            is_orphan = is_orphan.add(ran_out());
        }
        let mut orphans = Query::select();
        orphans
            .column(Column::Id)
            .from(Entity)
            .and_where(Column::Status.eq(JobStatus::Running.as_str()))
            .and_where(Column::LeaseOwner.ne(claimer.owner))
            .cond_where(is_orphan);
        if self.db.query_one(orphans.clone().limit(1)).await?.is_none() {
            return Ok(0);
        }
        orphans.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
        let mut update = Query::update();
        update.and_where(Expr::col(Column::Id).in_subquery(orphans));
        self.reclaim(claimer, update).await
    }

    async fn reclaim(&self, claimer: Claimer<'_>, mut update: UpdateStatement) -> Result<u64, StoreError> {
        update
            .table(Entity)
            .value(Column::LeaseOwner, claimer.owner)
            .value(Column::LeaseUntil, claimer.lease_until(now()))
            .value(Column::Fence, Expr::col(Column::Fence).add(1))
            .and_where(Column::Status.eq(JobStatus::Running.as_str()));
        self.again(|| async {
            let tx = self.write().await?;
            let claimed = tx.tx.execute(&update).await?.rows_affected();
            tx.commit().await?;
            Ok(claimed)
        })
        .await
    }

    /// Renews every lease of a claimer. What another one has taken over by now stays with that one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn heartbeat(&self, claimer: Claimer<'_>) -> Result<(), StoreError> {
        self.set_leases(claimer.owner, claimer.lease_until(now())).await
    }

    /// Ends every lease of an owner, so that others take its jobs over at once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn release_leases(&self, owner: &str) -> Result<(), StoreError> {
        self.set_leases(owner, Some(0)).await
    }

    async fn set_leases(&self, owner: &str, until: Option<i64>) -> Result<(), StoreError> {
        self.again(|| async {
            let tx = self.write().await?;
            Entity::update_many()
                .col_expr(Column::LeaseUntil, Expr::value(until))
                .filter(Column::LeaseOwner.eq(owner))
                .filter(Column::Status.eq(JobStatus::Running.as_str()))
                .filter(Column::LeaseUntil.is_not_null())
                .exec(&tx.tx)
                .await?;
            tx.commit().await
        })
        .await
    }
}
