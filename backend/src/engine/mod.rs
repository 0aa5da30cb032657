//! Where jobs run. An engine starts, stops and observes; it decides nothing and writes nothing to the database.
//!
//! What must stay true:
//! - What runs derives its name from the job's id, so starting a job twice starts it once.
//! - An engine survives the server: a new process observes what an old one started.
//! - What a job leaves behind stays until it is told to [`clear`](Engine::clear) it.

pub mod kubernetes;
pub mod local;
mod process;

use async_trait::async_trait;
use cooperage_shared::Failure;
use uuid::Uuid;

use crate::delivery::protocol::{BuildPlan, Credentials, End};

/// Why an engine did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No space left where jobs run.
    #[error("no space left: {0}")]
    OutOfDisk(String),
    /// What carries the jobs cannot be asked now. Nothing is wrong with the job: it is to be tried again.
    #[error("{0}")]
    Unavailable(String),
    /// The server lacks a right. It may be that what judges this has just started and does not know yet.
    #[error("{0}")]
    Denied(String),
    /// Anything else; the text tells what.
    #[error("{0}")]
    Other(String),
}

impl From<std::io::Error> for EngineError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::OutOfDisk(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}

/// A job that an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The job.
    pub job: Uuid,
    /// What it does there.
    pub state: EngineState,
}

/// What a job does on an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// It was laid out but never began, because the server ended in between: it may be started again.
    Unstarted,
    /// Its builder runs, or will.
    Running,
    /// It will never begin, or never end well, by itself, though something of it may still be there.
    /// [`Salvage::verdict`] tells why.
    Doomed,
    /// Nothing of it runs any more.
    Ended,
}

/// What a builder that is gone has left: its log as far as it came, and its last word if it had one.
#[derive(Debug, Default)]
pub struct Salvage {
    /// The attempt that this is of, by the name that its builder begins it with; none where an engine has one only.
    pub attempt: Option<String>,
    /// The log of the last attempt, read from its beginning. Its last line may be cut off.
    pub log: Option<tokio::fs::File>,
    /// Whether `log` is all that the builder printed. Where there is none: whether it never printed a line.
    pub log_is_whole: bool,
    /// The last word.
    pub end: Option<End>,
    /// Why it is gone, where the engine can tell. A last word says more, and wins.
    pub verdict: Option<Failure>,
    /// What the builder said besides, for the server's own log: the end of its standard error.
    pub stderr_tail: String,
}

/// A place where jobs run.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Starts a job. One that runs already goes on: that is success.
    ///
    /// # Errors
    /// When it cannot be started; nothing of it runs then.
    async fn start(&self, plan: &BuildPlan, credentials: &Credentials) -> Result<(), EngineError>;

    /// Ends all processes of a job, within 5 seconds, first asking its builder. Returns when nothing of it runs.
    ///
    /// # Errors
    /// When something of it still runs.
    async fn stop(&self, job: Uuid) -> Result<(), EngineError>;

    /// Every job that the engine has.
    ///
    /// # Errors
    /// When that cannot be told.
    async fn observe(&self) -> Result<Vec<Observed>, EngineError>;

    /// What a job that has ended left behind.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn salvage(&self, job: Uuid) -> Result<Salvage, EngineError>;

    /// Removes what a job that has ended left behind. A job that the engine does not have is success.
    ///
    /// # Errors
    /// When it cannot be removed.
    async fn clear(&self, job: Uuid) -> Result<(), EngineError>;

    /// Waits until a job may have changed its state. A hint; it may never come.
    async fn changed(&self);

    /// Whether every replica of the server sees the same jobs; else only the one on this machine sees those that it has.
    fn is_shared(&self) -> bool;
}
