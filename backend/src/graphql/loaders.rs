//! Rows that many objects of one answer ask for are fetched at once.

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::Error;
use async_graphql::dataloader::{DataLoader, Loader};
use uuid::Uuid;

use super::services::store_error;
use crate::store::{Job, Page, Revision, Spec, Store};

/// The loaders of one request. They keep nothing beyond it, so that no answer is older than its question.
pub struct Loaders {
    pub(super) specs: DataLoader<Specs>,
    pub(super) jobs: DataLoader<Jobs>,
    pub(super) revisions: DataLoader<Revisions>,
    pub(super) queue: DataLoader<QueuePositions>,
    pub(super) first_jobs: DataLoader<FirstJobs>,
}

impl Loaders {
    /// Loaders over `store`.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            specs: loader(Specs(store.clone())),
            jobs: loader(Jobs(store.clone())),
            revisions: loader(Revisions(store.clone())),
            queue: loader(QueuePositions(store.clone())),
            first_jobs: loader(FirstJobs(store.clone())),
        }
    }
}

/// It fetches once all objects of a list have asked: what they set going has its turn when they wait. A time to wait beside
/// that would only be added to each answer.
fn loader<T>(rows: T) -> DataLoader<T> {
    DataLoader::new(rows, tokio::spawn).delay(Duration::ZERO)
}

pub(super) struct Specs(Store);
pub(super) struct Jobs(Store);
pub(super) struct Revisions(Store);
pub(super) struct QueuePositions(Store);
pub(super) struct FirstJobs(Store);

impl Loader<Uuid> for Specs {
    type Value = Spec;
    type Error = Error;

    async fn load(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Spec>, Error> {
        let rows = self.0.specs_by_ids(ids).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<Uuid> for Jobs {
    type Value = Job;
    type Error = Error;

    async fn load(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Job>, Error> {
        let rows = self.0.jobs_by_ids(ids).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<Uuid> for Revisions {
    type Value = Revision;
    type Error = Error;

    async fn load(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Revision>, Error> {
        let rows = self.0.revisions_by_ids(ids).await.map_err(store_error)?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Loader<Uuid> for QueuePositions {
    type Value = u64;
    type Error = Error;

    async fn load(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, u64>, Error> {
        self.0.queue_positions(ids).await.map_err(store_error)
    }
}

/// The first so many jobs of a spec.
impl Loader<(Uuid, u64)> for FirstJobs {
    type Value = Page<Job>;
    type Error = Error;

    async fn load(&self, keys: &[(Uuid, u64)]) -> Result<HashMap<(Uuid, u64), Page<Job>>, Error> {
        let mut sizes: HashMap<u64, Vec<Uuid>> = HashMap::new();
        for (spec, first) in keys {
            sizes.entry(*first).or_default().push(*spec);
        }
        let mut pages = HashMap::new();
        for (first, specs) in sizes {
            let found = self.0.jobs_of_specs(&specs, first).await.map_err(store_error)?;
            pages.extend(found.into_iter().map(|(spec, page)| ((spec, first), page)));
        }
        Ok(pages)
    }
}
