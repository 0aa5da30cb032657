//! What can go wrong between this program and its database.

use sea_orm::{DbErr, RuntimeErr};

/// Why the store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not do what it was asked for.
    #[error("the database failed: {0}")]
    Database(sea_orm::DbErr),
    /// The database cannot be reached, or has no connection to spare: what was asked for may be tried again.
    #[error("the database cannot be reached: {0}")]
    Unavailable(sea_orm::DbErr),
    /// A text that the database cannot keep: it holds the character U+0000.
    #[error("a text holds the character U+0000, which cannot be kept")]
    Unkeepable,
    /// The job is in other hands: its lease ran out, and another server has claimed it.
    #[error("another server has taken this job over")]
    Fenced,
    /// A row holds something that this program never writes.
    #[error("the database holds something unexpected: {0}")]
    Corrupt(String),
    /// A cursor that no page gave out, or that belongs to another order.
    #[error("the cursor is not one of this list: start again from its first page")]
    InvalidCursor,
    /// `first` and `last` together, or a page size that is not offered.
    #[error("{0}")]
    InvalidPage(&'static str),
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// The name is in use.
    #[error("the name is taken")]
    NameTaken,
    /// The idempotency key belongs to another request.
    #[error("the idempotency key was used for another request")]
    KeyTaken,
    /// The object has been changed since it was read.
    #[error("the object was changed meanwhile: it is at version {current}")]
    Conflict {
        /// Its version now.
        current: u64,
    },
    /// The state machine has no such arrow; a terminal status is final.
    #[error("a job that is {from} cannot become {to}")]
    Transition {
        /// The status that it has.
        from: cooperage_shared::JobStatus,
        /// The status that was asked for.
        to: cooperage_shared::JobStatus,
    },
    /// The pull secret that a spec or a base image names does not exist.
    #[error("there is no pull secret {0:?}")]
    PullSecretUnknown(String),
}

impl From<sea_orm::DbErr> for StoreError {
    fn from(error: sea_orm::DbErr) -> Self {
        match code(&error) {
            Some(code) if code == "22021" => Self::Unkeepable,
            // Connection lost, none left, shut down or not up yet; a session that was ended for being idle in a transaction.
            Some(code) if code.starts_with("08") || code.starts_with("57P") || matches!(&*code, "53300" | "25P03") => {
                Self::Unavailable(error)
            }
            _ if is_cut(&error) => Self::Unavailable(error),
            _ => Self::Database(error),
        }
    }
}

/// The database's own code of an error, on PostgreSQL five characters.
fn code(error: &sea_orm::DbErr) -> Option<String> {
    let (DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error)) = error else { return None };
    let RuntimeErr::SqlxError(error) = error else { return None };
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Whether there is no connection, or the one there was is gone.
fn is_cut(error: &sea_orm::DbErr) -> bool {
    use sea_orm::sqlx::Error;
    match error {
        DbErr::ConnectionAcquire(_) => true,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            matches!(
                **error,
                Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::PoolTimedOut | Error::PoolClosed
            )
        }
        _ => false,
    }
}

impl StoreError {
    /// Whether the transaction was broken off for the sake of another one, and does what it should when it is run again.
    pub(crate) fn is_conflict(&self) -> bool {
        // Deadlock, serialisation, and a lock that was waited for too long.
        matches!(self, Self::Database(error) if code(error).is_some_and(|code| matches!(&*code, "40P01" | "40001" | "55P03")))
    }

    /// Whether a unique key refused the row.
    pub(crate) fn is_unique_violation(error: &sea_orm::DbErr) -> bool {
        matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
    }
}
