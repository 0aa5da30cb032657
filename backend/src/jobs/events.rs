//! News within this process: hints that something may have changed. Nothing depends on their arrival; whoever waits looks
//! at the database once a second anyway.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

/// What may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Status, phase or another part of a job.
    JobChanged {
        /// The job.
        job: Uuid,
        /// The spec that it belongs to.
        spec: Uuid,
    },
    /// A log has more lines.
    LogGrew {
        /// The job whose log it is.
        job: Uuid,
    },
    /// A spec and all its jobs are gone.
    SpecDeleted {
        /// The spec.
        spec: Uuid,
    },
}

/// Where news is told and heard. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Events {
    sender: broadcast::Sender<Event>,
    work: Arc<Notify>,
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl Events {
    /// How many events a slow listener may lag behind before it is told that it has missed some.
    const CAPACITY: usize = 1024;

    /// A new place for news.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: broadcast::channel(Self::CAPACITY).0, work: Arc::new(Notify::new()) }
    }

    /// Hears everything from now on. One that lags must look at the database.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// Tells everyone who listens; nobody may.
    pub fn send(&self, event: Event) {
        // An error means that nobody listens.
        let _ = self.sender.send(event);
    }

    /// Tells that a job has changed.
    pub fn job_changed(&self, job: &crate::store::Job) {
        self.send(Event::JobChanged { job: job.id, spec: job.spec_id });
    }

    /// Tells the reconciler that there may be work.
    pub fn wake(&self) {
        self.work.notify_one();
    }

    /// Waits for work; one call that came before is not lost.
    pub(crate) async fn work(&self) {
        self.work.notified().await;
    }
}
