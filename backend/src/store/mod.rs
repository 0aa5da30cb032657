//! What is kept: image specs, revisions, jobs, logs, base images and pull secrets. The only place with SQL.
//!
//! What must stay true:
//! - A spec, its revision and its QUEUED job are written in one transaction.
//! - Every change of a job's status goes through [`transitions`], which knows the state machine; terminal is final.
//! - Everything works the same on SQLite and PostgreSQL: work is claimed by one `UPDATE … RETURNING`.
//! - Many servers may share a database. What is read in order to be changed is locked; job before spec, so that two
//!   transactions do not wait for each other, and where they do all the same, one is run again.

mod attempts;
mod base_images;
mod claims;
mod convert;
mod copy;
mod entity;
mod error;
mod hold;
mod job_writes;
mod jobs;
mod jobs_of_specs;
mod leases;
mod log_chunks;
mod news;
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
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
};
use sea_orm_migration::MigratorTrait as _;
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use attempts::{Attempt, Begun, Delivering};
pub use claims::{Claimed, Claimer};
pub use copy::{Copied, CopyError};
pub use error::StoreError;
pub use hold::Hold;
pub(crate) use log_chunks::skip_lines;
pub use log_chunks::{Appended, Chunk, LogState};
pub use news::Listener;
pub use paging::{DEFAULT_PAGE, Edge, MAX_PAGE, Page, PageArgs};
pub use transitions::Terminal;
pub use types::{
    BaseImage, BaseImageKind, Job, NewBaseImage, NewContent, NewPullSecret, PullSecret, Revision, Spec, SpecOrder,
    SpecOrderField, StopReason,
};

/// The most connections to the database, of one server.
const CONNECTIONS: u32 = 16;

/// How long a request waits for a connection. PostgreSQL that restarts is asked at least every fifth of this.
const ACQUIRE: Duration = Duration::from_secs(5);

/// After so many milliseconds PostgreSQL ends a transaction that waits: for its client, which may be frozen and holds locks
/// that others need; or for a lock. What it ends is rolled back and tried again.
const PATIENCE: &str = "10000";

/// After so many milliseconds PostgreSQL ends a statement.
const STATEMENT: &str = "30000";

/// How often a transaction is run again that was broken off for the sake of another one.
const ATTEMPTS: u32 = 8;

/// PostgreSQL's advisory locks, which the servers of one database share. The numbers mean nothing.
const MIGRATING: i64 = 0x636f_6f70_0001;
const CLAIMING: i64 = 0x636f_6f70_0002;

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
    _turn: Option<OwnedMutexGuard<()>>,
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
        let patience = if url.starts_with("sqlite:") { BUSY } else { ACQUIRE };
        options.max_connections(CONNECTIONS).acquire_timeout(patience).sqlx_logging(false);
        options.map_sqlx_postgres_opts(|postgres| {
            postgres.application_name("cooperage").options([
                ("idle_in_transaction_session_timeout", PATIENCE),
                ("lock_timeout", PATIENCE),
                ("statement_timeout", STATEMENT),
                ("default_transaction_isolation", "read committed"),
            ])
        });
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
        if !self.is_shared() {
            let _turn = self.writer.lock().await;
            return Ok(Migrator::up(&self.db, None).await?);
        }
        let tx = self.db.begin().await?;
        // One server migrates, the others wait, however long it takes; then they find nothing to do. One that was frozen
        // meanwhile keeps them waiting no longer than a minute.
        tx.execute_unprepared(
            "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
             SET LOCAL idle_in_transaction_session_timeout = 60000",
        )
        .await?;
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATING})")).await?;
        Migrator::up(&tx, None).await?;
        Ok(tx.commit().await?)
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

    /// Whether other servers may use the database at the same time: it is PostgreSQL.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.db.get_database_backend() == DbBackend::Postgres
    }

    /// Runs a transaction, and runs it again where it was broken off for the sake of another one.
    pub(crate) async fn again<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut number = 1;
        loop {
            match attempt().await {
                Err(error) if error.is_conflict() && number < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(rand::random_range(1..20_u64) * u64::from(number))).await;
                    number += 1;
                }
                done => return done,
            }
        }
    }

    pub(crate) async fn write(&self) -> Result<Write, StoreError> {
        let turn = if self.is_shared() { None } else { Some(Arc::clone(&self.writer).lock_owned().await) };
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
