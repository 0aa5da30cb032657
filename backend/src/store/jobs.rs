//! Reading jobs.

use std::collections::HashMap;

use cooperage_shared::JobStatus;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::convert::{all, id, key, keys, word};
use super::entity::build_job::{Column, Entity, Model};
use super::paging::{Key, Ordering, page};
use super::{Job, Page, PageArgs, Store, StoreError};

/// The order of a spec's jobs: the newest first.
pub(super) const fn ordering() -> Ordering<Column> {
    Ordering { name: "jobs", column: Column::Number, id: Column::Id, descending: true }
}

/// Where a job stands in it.
pub(super) fn place(row: &Model) -> (Key, String) {
    (Key::Number(row.number), row.id.clone())
}

impl Store {
    /// One page of the jobs of a spec, the newest first.
    ///
    /// # Errors
    /// When the arguments do not fit together, or the database fails.
    pub async fn jobs_of_spec(&self, spec: Uuid, args: &PageArgs) -> Result<Page<Job>, StoreError> {
        let select = Entity::find().filter(Column::SpecId.eq(key(spec)));
        page(&self.db, select, ordering(), args, place).await?.try_map(Job::try_from)
    }

    /// The job of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job(&self, id: Uuid) -> Result<Option<Job>, StoreError> {
        Entity::find_by_id(key(id)).one(&self.db).await?.map(Job::try_from).transpose()
    }

    /// The jobs of these ids, in no particular order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jobs_by_ids(&self, ids: &[Uuid]) -> Result<Vec<Job>, StoreError> {
        all(Entity::find().filter(Column::Id.is_in(keys(ids))).all(&self.db).await?)
    }

    /// The places of these jobs in the queue, from 1. Jobs that are not queued have none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_positions(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, u64>, StoreError> {
        let queue: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Status.eq(JobStatus::Queued.as_str()))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .into_tuple()
            .all(&self.db)
            .await?;
        let mut places = HashMap::new();
        for (place, text) in (1..).zip(&queue) {
            let id = id(text)?;
            if ids.contains(&id) {
                places.insert(id, place);
            }
        }
        Ok(places)
    }

    /// The place of one job in the queue, from 1; none unless it is queued.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_position(&self, job: Uuid) -> Result<Option<u64>, StoreError> {
        Ok(self.queue_positions(&[job]).await?.remove(&job))
    }

    /// How many jobs there are of each status.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job_counts(&self) -> Result<Vec<(JobStatus, u64)>, StoreError> {
        let rows: Vec<(String, i64)> = Entity::find()
            .select_only()
            .column(Column::Status)
            .column_as(Column::Id.count(), "jobs")
            .group_by(Column::Status)
            .into_tuple()
            .all(&self.db)
            .await?;
        let found = rows
            .iter()
            .map(|(status, jobs)| Ok((word(status)?, super::convert::count(*jobs)?)))
            .collect::<Result<HashMap<JobStatus, u64>, StoreError>>()?;
        Ok(JobStatus::ALL.iter().map(|status| (*status, found.get(status).copied().unwrap_or(0))).collect())
    }

    /// The jobs whose status or phase has changed at `since` or later, the earliest change first; of one spec where one is
    /// given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jobs_changed_since(
        &self,
        since: chrono::DateTime<chrono::Utc>,
        spec: Option<Uuid>,
    ) -> Result<Vec<Job>, StoreError> {
        let mut select = Entity::find().filter(Column::UpdatedAt.gte(since.timestamp_millis()));
        if let Some(spec) = spec {
            select = select.filter(Column::SpecId.eq(key(spec)));
        }
        all(select.order_by_asc(Column::UpdatedAt).order_by_asc(Column::Id).all(&self.db).await?)
    }

    /// How many jobs run.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn running_count(&self) -> Result<u64, StoreError> {
        Ok(Entity::find().filter(Column::Status.eq(JobStatus::Running.as_str())).count(&self.db).await?)
    }

    /// The latest successful jobs of a revision hash, whatever their spec, whose images are at `push_host` and stand on
    /// `base_image_digest` where one is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reusable_jobs(
        &self,
        revision: cooperage_shared::RevisionHash,
        push_host: &str,
        base_image_digest: Option<&str>,
    ) -> Result<Vec<Job>, StoreError> {
        let mut select = Entity::find()
            .filter(Column::RevisionHash.eq(revision.to_string()))
            .filter(Column::PushHost.eq(push_host))
            .filter(Column::Status.eq(JobStatus::Succeeded.as_str()))
            .filter(Column::Digest.is_not_null());
        if let Some(digest) = base_image_digest {
            select = select.filter(Column::BaseImageDigest.eq(digest));
        }
        all(select.order_by_desc(Column::CreatedAt).limit(3).all(&self.db).await?)
    }
}
