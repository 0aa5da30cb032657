//! Everything from one database to another.

use futures_util::TryStreamExt as _;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, PaginatorTrait as _,
    TransactionTrait as _,
};

use super::entity::{base_image, build_job, image_spec, log_chunk, pull_secret, revision};
use super::{Store, StoreError};

/// Rows that are written by one statement, of tables with small rows.
const ROWS: usize = 500;
/// The same of logs, whose rows are large.
const CHUNKS: usize = 50;

/// How many rows of a table were copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The table, in words.
    pub table: &'static str,
    /// The rows.
    pub rows: u64,
}

/// Why a database was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the two databases failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is something in the database that is to be written to.
    #[error("the database to copy to holds {rows} {table} already: it must be empty. Nothing was copied")]
    NotEmpty {
        /// The table, in words.
        table: &'static str,
        /// The rows in it.
        rows: u64,
    },
    /// The copy is not what it was copied from.
    #[error("{wanted} {table} were to be copied, but {found} arrived. Nothing was kept: start again")]
    Differs {
        /// The table, in words.
        table: &'static str,
        /// The rows that there are.
        wanted: u64,
        /// The rows that arrived.
        found: u64,
    },
}

impl From<sea_orm::DbErr> for CopyError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Copies everything to `target`, which has its tables and nothing in them. All of it arrives or nothing, and this
    /// database stays as it is.
    ///
    /// # Errors
    /// [`CopyError`].
    pub async fn copy_to(&self, target: &Self) -> Result<Vec<Copied>, CopyError> {
        // One moment of the source, and one transaction of the target.
        let from = self.db.begin().await?;
        if self.is_shared() {
            from.execute_unprepared(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; \
                 SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
            )
            .await?;
        }
        let to = target.write().await?;
        if target.is_shared() {
            to.tx.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
        }
        empty::<pull_secret::Entity>(&to.tx, "pull secrets").await?;
        empty::<base_image::Entity>(&to.tx, "base images").await?;
        empty::<image_spec::Entity>(&to.tx, "image specs").await?;
        let copied = vec![
            table::<pull_secret::Entity>(&from, &to.tx, "pull secrets", ROWS).await?,
            table::<base_image::Entity>(&from, &to.tx, "base images", ROWS).await?,
            table::<image_spec::Entity>(&from, &to.tx, "image specs", ROWS).await?,
            table::<revision::Entity>(&from, &to.tx, "revisions", ROWS).await?,
            table::<build_job::Entity>(&from, &to.tx, "jobs", ROWS).await?,
            table::<log_chunk::Entity>(&from, &to.tx, "pieces of logs", CHUNKS).await?,
        ];
        to.commit().await?;
        Ok(copied)
    }
}

async fn empty<E>(to: &DatabaseTransaction, name: &'static str) -> Result<(), CopyError>
where
    E: EntityTrait,
    E::Model: Sync,
{
    match E::find().count(to).await? {
        0 => Ok(()),
        rows => Err(CopyError::NotEmpty { table: name, rows }),
    }
}

async fn table<E>(
    from: &DatabaseTransaction,
    to: &DatabaseTransaction,
    name: &'static str,
    at_once: usize,
) -> Result<Copied, CopyError>
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel> + Sync,
    E::ActiveModel: ActiveModelTrait<Entity = E> + Send,
{
    let wanted = E::find().count(from).await?;
    let mut rows = E::find().stream(from).await?.try_chunks(at_once);
    while let Some(some) = rows.try_next().await.map_err(|error| error.1)? {
        let some = some.into_iter().map(IntoActiveModel::into_active_model);
        E::insert_many(some).exec_without_returning(to).await?;
    }
    drop(rows);
    let found = E::find().count(to).await?;
    if found == wanted {
        Ok(Copied { table: name, rows: found })
    } else {
        Err(CopyError::Differs { table: name, wanted, found })
    }
}
