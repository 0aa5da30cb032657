//! The enums of `cooperage_shared`, with their documentation for clients.

use async_graphql::Enum;
use cooperage_shared as shared;

/// Where a job is in its life: `QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED`. The last three are final.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "shared::JobStatus")]
pub enum JobStatus {
    /// Waits for a free place.
    Queued,
    /// Is carried out; see its phase.
    Running,
    /// Its image is in the push registry.
    Succeeded,
    /// It ended without an image; see its failure.
    Failed,
    /// A person, or the deletion of its spec, ended it.
    Cancelled,
}

/// What a running job is doing.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "shared::Phase")]
pub enum Phase {
    /// Reads the plan, looks for an image to reuse, lays out the work.
    Prepare,
    /// Brings the base image into the store.
    Pull,
    /// Runs the requirements' install steps.
    Build,
    /// Sends the image to the push registry.
    Push,
}

/// Why a job failed.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "shared::FailureCode")]
pub enum FailureCode {
    /// The registry has no such base image.
    BaseNotFound,
    /// A registry refused the credentials, or asks for some.
    AccessDenied,
    /// The pull secret that the spec names is gone.
    PullSecretMissing,
    /// No push registry is configured.
    RegistryNotConfigured,
    /// A registry does not answer.
    RegistryUnreachable,
    /// A package, or the version asked for, does not exist in the sources that were searched.
    PackageNotFound,
    /// No set of versions meets all requirements.
    ResolverConflict,
    /// The base has no package manager that serves APT requirements.
    NoApt,
    /// Pip requirements, but no `python3` in the image's PATH.
    NoPython,
    /// A VCS requirement, but no `git` in the image.
    NoGit,
    /// A package must be compiled, but the image has no compiler.
    NoCompiler,
    /// The base has no shell to run install steps with.
    NoShell,
    /// A package index, channel or mirror does not answer.
    IndexUnreachable,
    /// A step ended with an error that has no reason of its own.
    CommandFailed,
    /// No space left where the build works, or in the registry.
    OutOfDisk,
    /// The build was killed for lack of memory.
    OutOfMemory,
    /// The job's deadline passed.
    TimedOut,
    /// The server was shut down while the job ran.
    Interrupted,
    /// The builder is gone and left no result.
    Lost,
    /// The cluster did not start the builder: no node for it, no image of it, or a rule against it.
    NotStarted,
    /// A defect or a mis-set installation; the log and the message tell.
    Internal,
}

/// What kind of machine a base image is for.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseImageType {
    /// Machines without a GPU.
    Cpu,
    /// Machines with a GPU.
    Gpu,
    /// Both; `urlForGpu` may name another image for machines with a GPU.
    Universal,
}

/// Which way a list runs.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderDirection {
    /// Smallest, earliest or alphabetically first at the top.
    Asc,
    /// Largest, latest or alphabetically last at the top.
    Desc,
}

/// What a list of image specs is ordered by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageSpecOrderField {
    /// The name.
    Name,
    /// The status of the latest job.
    Status,
    /// When the spec was created.
    CreatedAt,
    /// When the spec was last changed.
    UpdatedAt,
}
