//! When the image store and the package caches of this machine are brought back within their limits: while no job runs.
//! Where jobs follow one another without a pause, and something is over its limit, the next ones wait until it was done.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

/// How often it is looked, while jobs run, whether something is over its limit.
const LOOK: Duration = Duration::from_secs(600);

/// How long it waits where a builder is still about to end.
const AGAIN: Duration = Duration::from_secs(1);

/// An answer that takes its time.
type Answer = Arc<dyn Fn() -> BoxFuture<'static, io::Result<bool>> + Send + Sync>;

/// Keeps image store and package caches within their limits.
#[derive(Clone)]
pub struct Tidy {
    /// Whether one of them is over its limit.
    pub is_over: Answer,
    /// Brings them back within their limits; false where it could not, for a builder uses them.
    pub run: Answer,
}

/// What is known of the state of store and caches.
pub(super) struct Upkeep {
    tidy: Option<Tidy>,
    /// Whether a job has ended since they were last tidied.
    untidy: AtomicBool,
    /// Whether no job may begin before they are tidied.
    is_due: AtomicBool,
    looked: Mutex<Option<Instant>>,
}

impl Upkeep {
    pub(super) fn new(tidy: Option<Tidy>) -> Self {
        Self { tidy, untidy: AtomicBool::new(true), is_due: AtomicBool::new(false), looked: Mutex::new(None) }
    }

    /// A job has ended, and may have left something.
    pub(super) fn job_ended(&self) {
        self.untidy.store(true, Ordering::Relaxed);
    }

    /// Whether no job may begin.
    pub(super) fn holds_jobs(&self) -> bool {
        self.is_due.load(Ordering::Relaxed)
    }

    /// What is to be done now, if anything.
    pub(super) fn next(self: &Arc<Self>, is_idle: bool) -> Option<BoxFuture<'static, io::Result<()>>> {
        let tidy = self.tidy.clone()?;
        let this = Arc::clone(self);
        if is_idle {
            let is_needed = self.untidy.swap(false, Ordering::Relaxed) || self.holds_jobs();
            return is_needed.then(|| -> BoxFuture<_> { Box::pin(async move { this.tidy(&tidy).await }) });
        }
        (self.untidy.load(Ordering::Relaxed) && !self.holds_jobs() && self.is_time_to_look())
            .then(|| -> BoxFuture<_> { Box::pin(async move { this.look(&tidy).await }) })
    }

    async fn tidy(&self, tidy: &Tidy) -> io::Result<()> {
        let done = (tidy.run)().await;
        if let Ok(false) = done {
            self.untidy.store(true, Ordering::Relaxed);
            tokio::time::sleep(AGAIN).await;
        } else {
            // Also where it failed: jobs that would fail for it say so themselves.
            self.is_due.store(false, Ordering::Relaxed);
        }
        done.map(drop)
    }

    async fn look(&self, tidy: &Tidy) -> io::Result<()> {
        if (tidy.is_over)().await? {
            tracing::info!(
                "image store or package caches are over their limit: no job begins before they are cleaned up"
            );
            self.is_due.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn is_time_to_look(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|at| at.elapsed() < LOOK) {
            return false;
        }
        *looked = Some(Instant::now());
        true
    }
}
