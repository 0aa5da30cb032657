//! A build job: one attempt to turn a revision into an image.
//!
//! `QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED`; a terminal status is final.

use serde::{Deserialize, Serialize};

use crate::problem::Field;

words! {
    /// Where a job is in its life.
    JobStatus {
        /// Waits for a free place.
        Queued = "QUEUED",
        /// An engine carries it out; see [`Phase`].
        Running = "RUNNING",
        /// The registry answers for the digest of its image.
        Succeeded = "SUCCEEDED",
        /// It ended without an image; see [`Failure`].
        Failed = "FAILED",
        /// A person, or the deletion of its spec, ended it.
        Cancelled = "CANCELLED",
    }
}

impl JobStatus {
    /// Whether this status is final.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether the state machine has an arrow from `self` to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => matches!(next, Self::Running | Self::Failed | Self::Cancelled),
            Self::Running => next.is_terminal(),
            Self::Succeeded | Self::Failed | Self::Cancelled => false,
        }
    }
}

words! {
    /// What a running job is doing.
    Phase {
        /// Reads the plan, looks for an image to reuse, lays out the work.
        Prepare = "PREPARE",
        /// Brings the base image into the store.
        Pull = "PULL",
        /// Runs the requirements' install steps.
        Build = "BUILD",
        /// Sends the image to the push registry.
        Push = "PUSH",
    }
}

words! {
    /// Why a job failed. Each has a remedy that its message names.
    FailureCode {
        /// The registry has no such base image.
        BaseNotFound = "BASE_NOT_FOUND",
        /// A registry refused the credentials, or asks for some.
        AccessDenied = "ACCESS_DENIED",
        /// The pull secret that the spec names is gone.
        PullSecretMissing = "PULL_SECRET_MISSING",
        /// No push registry is configured.
        RegistryNotConfigured = "REGISTRY_NOT_CONFIGURED",
        /// A registry does not answer.
        RegistryUnreachable = "REGISTRY_UNREACHABLE",
        /// A package, or the version asked for, does not exist in the sources that were searched.
        PackageNotFound = "PACKAGE_NOT_FOUND",
        /// No set of versions meets all requirements.
        ResolverConflict = "RESOLVER_CONFLICT",
        /// The base has no package manager that serves APT requirements.
        NoApt = "NO_APT",
        /// Pip requirements, but no `python3` in the image's PATH.
        NoPython = "NO_PYTHON",
        /// A VCS requirement, but no `git` in the image.
        NoGit = "NO_GIT",
        /// A package must be compiled, but the image has no compiler.
        NoCompiler = "NO_COMPILER",
        /// The base has no shell to run install steps with.
        NoShell = "NO_SHELL",
        /// A package index, channel or mirror does not answer.
        IndexUnreachable = "INDEX_UNREACHABLE",
        /// A step ended with an error that has no reason of its own.
        CommandFailed = "COMMAND_FAILED",
        /// No space left where the build works, or in the registry.
        OutOfDisk = "OUT_OF_DISK",
        /// The build was killed for lack of memory.
        OutOfMemory = "OUT_OF_MEMORY",
        /// The job's deadline passed.
        TimedOut = "TIMED_OUT",
        /// The server was shut down while the job ran.
        Interrupted = "INTERRUPTED",
        /// The builder is gone and left no result.
        Lost = "LOST",
        /// The cluster did not start the builder: no node for it, no image of it, or a rule against it.
        NotStarted = "NOT_STARTED",
        /// A defect or a mis-set installation; the log and the message tell.
        Internal = "INTERNAL",
    }
}

/// Why a job failed, told so that a person can act on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The reason, for programs.
    pub code: FailureCode,
    /// One or two sentences: what happened and what to do next.
    pub message: String,
    /// The number of the log line that shows it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_line: Option<u64>,
    /// The field of the spec at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// The requirement at fault, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
}
