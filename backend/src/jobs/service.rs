//! What people ask for: written to the database, and told to whoever waits.

use cooperage_shared::{Content, ImageName};
use uuid::Uuid;

use super::JobsError;
use super::events::{Event, Events};
use crate::store::{Job, NewContent, Spec, StopReason, Store, StoreError};

/// A spec to be created. `shared` has judged name and content.
#[derive(Clone, Debug)]
pub struct CreateSpec {
    /// Its name.
    pub name: ImageName,
    /// What it wants.
    pub content: Content,
    /// The name of the pull secret to read the base image with.
    pub pull_secret: Option<String>,
    /// Makes a repetition harmless: it gives what the first request created.
    pub idempotency_key: Option<String>,
}

/// A spec to be changed.
#[derive(Clone, Debug)]
pub struct UpdateSpec {
    /// Its name.
    pub name: ImageName,
    /// The version that the change is based on.
    pub expected_version: u64,
    /// What it wants from now on.
    pub content: Content,
    /// The name of the pull secret to read the base image with.
    pub pull_secret: Option<String>,
}

/// Creates, changes and deletes specs, and makes and cancels jobs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JobService {
    store: Store,
    events: Events,
}

impl JobService {
    /// A service on `store` that tells its news to `events`.
    #[must_use]
    pub fn new(store: Store, events: Events) -> Self {
        Self { store, events }
    }

    /// Creates a spec and its first job.
    ///
    /// # Errors
    /// [`JobsError`].
    pub async fn create_spec(&self, new: &CreateSpec) -> Result<(Spec, Job), JobsError> {
        let content = content(&new.content, new.pull_secret.as_deref());
        let made = self.store.create_spec(&new.name, &content, new.idempotency_key.as_deref()).await?;
        Ok(self.made(made))
    }

    /// Changes a spec and makes a job, also where the content is what it was: the person has confirmed it, and an image
    /// that exists is reused in no time.
    ///
    /// # Errors
    /// [`JobsError`].
    pub async fn update_spec(&self, change: &UpdateSpec) -> Result<(Spec, Job), JobsError> {
        let content = content(&change.content, change.pull_secret.as_deref());
        let made = self.store.update_spec(&change.name, change.expected_version, &content).await?;
        Ok(self.made(made))
    }

    /// Makes a job that builds the spec's content anew, without reuse and without cached layers.
    ///
    /// # Errors
    /// [`JobsError`].
    pub async fn rebuild(&self, name: &ImageName, idempotency_key: Option<&str>) -> Result<(Spec, Job), JobsError> {
        let made = self.store.rebuild_spec(name, idempotency_key).await?;
        Ok(self.made(made))
    }

    /// Deletes a spec with its jobs and logs. What runs of it is stopped; images in the registry stay.
    ///
    /// # Errors
    /// [`JobsError`].
    pub async fn delete_spec(&self, name: &ImageName) -> Result<Spec, JobsError> {
        let (spec, open) = self.store.delete_spec(name).await?;
        self.events.send(Event::SpecDeleted { spec: spec.id });
        for job in &open {
            self.events.job_changed(job);
        }
        self.events.wake();
        Ok(spec)
    }

    /// Cancels a job. One that is queued is CANCELLED at once, one that runs within a few seconds.
    ///
    /// # Errors
    /// [`JobsError`].
    pub async fn cancel(&self, job: Uuid) -> Result<Job, JobsError> {
        let stopped = self.store.request_stop(job, StopReason::Cancelled).await.map_err(|error| match error {
            StoreError::NotFound => JobsError::JobNotFound,
            other => other.into(),
        })?;
        self.events.job_changed(&stopped);
        self.events.wake();
        Ok(stopped)
    }

    fn made(&self, (spec, job): (Spec, Job)) -> (Spec, Job) {
        self.events.job_changed(&job);
        self.events.wake();
        (spec, job)
    }
}

fn content(content: &Content, pull_secret: Option<&str>) -> NewContent {
    NewContent {
        hash: content.revision(),
        base_image: content.base_image.clone(),
        packages: content.packages.clone(),
        pull_secret: pull_secret.map(str::to_owned),
    }
}
