//! News: hints that something may have changed. Nothing depends on their arrival; whoever waits looks at the database once
//! a second anyway. Where other servers share the database, a [`bridge`](super::bridge) tells them too.

use std::sync::{Arc, OnceLock};

use tokio::sync::{Notify, broadcast, mpsc};
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
        /// How many lines it has at least.
        lines: u64,
    },
    /// A spec and all its jobs are gone.
    SpecDeleted {
        /// The spec.
        spec: Uuid,
    },
    /// News may have been missed: look at everything.
    Missed,
}

/// What is passed on to other servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Something has changed.
    Event(Event),
    /// There may be work.
    Work,
}

/// Where news is told and heard. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Events {
    sender: broadcast::Sender<Event>,
    work: Arc<Notify>,
    others: Arc<OnceLock<mpsc::UnboundedSender<News>>>,
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
        Self { sender: broadcast::channel(Self::CAPACITY).0, work: Arc::new(Notify::new()), others: Arc::default() }
    }

    /// Hears everything from now on. One that lags must look at the database.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// Tells everyone who listens; nobody may.
    pub fn send(&self, event: Event) {
        self.send_here(event);
        self.pass_on(News::Event(event));
    }

    /// Tells those who listen in this process.
    pub(super) fn send_here(&self, event: Event) {
        // An error means that nobody listens.
        let _ = self.sender.send(event);
    }

    /// Tells that a job has changed.
    pub fn job_changed(&self, job: &crate::store::Job) {
        self.send(Event::JobChanged { job: job.id, spec: job.spec_id });
    }

    /// Tells the reconcilers that there may be work: for this one, or for the one that runs the job.
    pub fn wake(&self) {
        self.wake_here();
        self.pass_on(News::Work);
    }

    /// Tells the reconciler of this process.
    pub(super) fn wake_here(&self) {
        self.work.notify_one();
    }

    /// Passes news on to other servers from now on. None where somebody does so already.
    pub(super) fn outgoing(&self) -> Option<mpsc::UnboundedReceiver<News>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.others.set(sender).is_ok().then_some(receiver)
    }

    fn pass_on(&self, news: News) {
        if let Some(others) = self.others.get() {
            // An error means that the server ends.
            let _ = others.send(news);
        }
    }

    /// Waits for work; one call that came before is not lost.
    pub(crate) async fn work(&self) {
        self.work.notified().await;
    }
}
