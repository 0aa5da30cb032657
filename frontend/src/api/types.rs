//! The words and small shapes that several features read.

use cynic::{Enum, InputObject, QueryFragment, Scalar};

use super::schema;

/// A moment, as RFC 3339 text in UTC.
#[derive(Scalar, Clone, Debug, PartialEq, Eq)]
pub struct DateTime(pub String);

/// Where a job is in its life.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// Waits for a free place.
    Queued,
    /// Is being carried out.
    Running,
    /// Its image is in the registry.
    Succeeded,
    /// Ended without an image.
    Failed,
    /// Was ended by a person.
    Cancelled,
}

impl JobStatus {
    /// Whether the job has ended.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// What a running job is doing.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reads the plan, looks for an image to reuse.
    Prepare,
    /// Brings the base image.
    Pull,
    /// Installs the requirements.
    Build,
    /// Sends the image.
    Push,
}

/// What kind of problem it is; only those that the app treats in a way of their own.
#[derive(Enum, Clone, Debug, PartialEq, Eq)]
#[cynic(non_exhaustive)]
pub enum ProblemCode {
    /// The object has changed in the meantime.
    Conflict,
    /// There is no such object.
    NotFound,
    /// Every other: its message says all.
    #[cynic(fallback)]
    Other(String),
}

/// Why a job failed, for programs; shown as it is.
#[derive(Enum, Clone, Debug, PartialEq, Eq)]
#[cynic(non_exhaustive)]
pub enum FailureCode {
    /// A defect or a mis-set installation.
    Internal,
    /// Every other.
    #[cynic(fallback)]
    Other(String),
}

impl FailureCode {
    /// The word that the API has for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Internal => "INTERNAL",
            Self::Other(word) => word,
        }
    }
}

/// What a person typed wrong, and where.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
pub struct UserError {
    /// The kind.
    pub code: ProblemCode,
    /// What is wrong and what to type instead.
    pub message: String,
    /// The field at fault, such as `packages.pip`; none where no field is.
    pub field: Option<String>,
    /// The line in the field's list, from 1.
    pub line: Option<i32>,
    /// The character in that line, from 1.
    pub column: Option<i32>,
}

/// Where a page of a connection stands.
#[derive(QueryFragment, Clone, Debug, PartialEq, Eq)]
pub struct PageInfo {
    /// Whether there is more after it.
    pub has_next_page: bool,
    /// Whether there is more before it.
    pub has_previous_page: bool,
    /// The cursor of its first entry.
    pub start_cursor: Option<String>,
    /// The cursor of its last entry.
    pub end_cursor: Option<String>,
}

/// The three lists of requirement lines, as typed.
#[derive(QueryFragment, Clone, Debug, Default, PartialEq, Eq)]
#[cynic(graphql_type = "Packages")]
pub struct PackageLists {
    /// Debian packages.
    pub apt: Vec<String>,
    /// Conda match specifications.
    pub conda: Vec<String>,
    /// Python packages.
    pub pip: Vec<String>,
}

/// The three lists of requirement lines, to send.
#[derive(InputObject, Clone, Debug, PartialEq, Eq)]
pub struct PackagesInput {
    /// Debian packages.
    pub apt: Vec<String>,
    /// Conda match specifications.
    pub conda: Vec<String>,
    /// Python packages.
    pub pip: Vec<String>,
}
