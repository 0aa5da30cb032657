//! What can go wrong between this program and its database.

/// Why the store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed, or cannot be reached.
    #[error("the database failed: {0}")]
    Database(#[from] sea_orm::DbErr),
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

impl StoreError {
    /// Whether a unique key refused the row.
    pub(crate) fn is_unique_violation(error: &sea_orm::DbErr) -> bool {
        matches!(error.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_)))
    }
}
