//! What is kept: image specs, revisions, jobs, logs, base images and pull secrets. The only place with SQL.
//!
//! What must stay true:
//! - A spec, its revision and its QUEUED job are written in one transaction.
//! - Every change of a job's status goes through [`transitions`], which knows the state machine; terminal is final.
//! - Everything works the same on SQLite and PostgreSQL: work is claimed by one `UPDATE … RETURNING`.

mod attempts;
mod base_images;
mod claims;
mod convert;
mod entity;
mod error;
mod job_writes;
mod jobs;
mod jobs_of_specs;
mod log_chunks;
mod paging;
mod pull_secrets;
mod spec_writes;
mod specs;
mod transitions;
mod types;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use cooperage_migrations::Migrator;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use sea_orm_migration::MigratorTrait as _;
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use attempts::{Attempt, Begun, Delivering};
pub use claims::Claimed;
pub use error::StoreError;
pub(crate) use log_chunks::skip_lines;
pub use log_chunks::{Appended, Chunk, LogState};
pub use paging::{DEFAULT_PAGE, Edge, MAX_PAGE, Page, PageArgs};
pub use transitions::Terminal;
pub use types::{
    BaseImage, BaseImageKind, Job, NewBaseImage, NewContent, NewPullSecret, PullSecret, Revision, Spec, SpecOrder,
    SpecOrderField, StopReason,
};

/// The most connections to the database.
const CONNECTIONS: u32 = 8;

/// How long a writer waits for another process's writer.
const BUSY: Duration = Duration::from_secs(15);

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    db: DatabaseConnection,
    /// SQLite has one writer at a time: those of this process line up here, where waiting costs nothing.
    writer: Arc<Mutex<()>>,
}

/// A transaction that writes. It is rolled back unless it is committed.
pub(crate) struct Write {
    tx: DatabaseTransaction,
    _turn: OwnedMutexGuard<()>,
}

impl Write {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}

impl std::ops::Deref for Write {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &Self::Target {
        &self.tx
    }
}

impl Store {
    /// Opens the database at `url`, as `sqlite://…?mode=rwc` or `postgres://…`.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
        let mut options = ConnectOptions::new(url);
        options.max_connections(CONNECTIONS).acquire_timeout(Duration::from_secs(20)).sqlx_logging(false);
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                // What was acknowledged to a builder survives a power failure.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(BUSY)
                .foreign_keys(true)
        });
        let db = Database::connect(options).await?;
        Ok(Self { db, writer: Arc::new(Mutex::new(())) })
    }

    /// Counts the statements that this store and its later clones send: so a test sees that a list takes no more of them
    /// than one item does.
    pub fn count_statements(&mut self) -> Arc<AtomicU64> {
        let count = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&count);
        self.db.set_metric_callback(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        count
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// When a migration fails; those before it stay applied.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let _turn = self.writer.lock().await;
        Ok(Migrator::up(&self.db, None).await?)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.db.ping().await?)
    }

    /// Closes every connection, so that SQLite folds its write-ahead log into the file.
    ///
    /// # Errors
    /// When a connection cannot be closed.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.db.close().await?)
    }

    pub(crate) async fn write(&self) -> Result<Write, StoreError> {
        let turn = Arc::clone(&self.writer).lock_owned().await;
        let options = TransactionOptions {
            // A transaction that reads first and writes then would otherwise fail at once where another one writes.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Write { tx: self.db.begin_with_options(options).await?, _turn: turn })
    }
}

/// Now, as the database keeps it: in milliseconds.
fn now() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
}
