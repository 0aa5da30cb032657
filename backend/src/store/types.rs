//! What the store gives out and takes: plain values.

use chrono::{DateTime, Utc};
use cooperage_shared::{Failure, ImageName, ImageReference, JobStatus, Packages, Phase, RevisionHash};
use uuid::Uuid;

/// An image spec as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its id; a spec that is made anew under the same name has another.
    pub id: Uuid,
    /// Its name.
    pub name: ImageName,
    /// Grows by one with every edit.
    pub version: u64,
    /// What it wants now; see [`Revision`].
    pub revision_id: Uuid,
    /// The name of the pull secret that its base image is read with.
    pub pull_secret: Option<String>,
    /// The job that was made last.
    pub latest_job_id: Uuid,
    /// The status of that job.
    pub latest_status: JobStatus,
    /// The latest job that succeeded.
    pub latest_successful_job_id: Option<Uuid>,
    /// The image of that job, `host/repository:tag`.
    pub image: Option<ImageReference>,
    /// The digest of that image.
    pub digest: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// A spec's content at one moment. Never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its id.
    pub id: Uuid,
    /// The spec that it belongs to.
    pub spec_id: Uuid,
    /// The hash of its canonical form. Two revisions that differ in spelling only share it.
    pub hash: RevisionHash,
    /// The base image, as typed.
    pub base_image: ImageReference,
    /// The requirement lines, as typed.
    pub packages: Packages,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// One attempt to turn a revision into an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// The spec that it belongs to.
    pub spec_id: Uuid,
    /// What it builds.
    pub revision_id: Uuid,
    /// The hash of that revision.
    pub revision: RevisionHash,
    /// Its number within the spec, from 1.
    pub number: u64,
    /// Where it is in its life.
    pub status: JobStatus,
    /// What it is doing, or did last. None before it runs.
    pub phase: Option<Phase>,
    /// Whether every step is to be run anew.
    pub fresh: bool,
    /// The name of the pull secret that it was made with.
    pub pull_secret: Option<String>,
    /// The digest of the base image, once known.
    pub base_image_digest: Option<String>,
    /// The Dockerfile that is built, once known.
    pub dockerfile: Option<String>,
    /// The image that it pushed, `host/repository:tag`.
    pub image: Option<ImageReference>,
    /// The digest of that image.
    pub digest: Option<String>,
    /// The compressed size of that image.
    pub size_bytes: Option<u64>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The job whose image it reused instead of building.
    pub reused_from: Option<Uuid>,
    /// Whether somebody has asked for it to end.
    pub stop: Option<StopReason>,
    /// How many log lines are stored.
    pub log_lines: u64,
    /// How many bytes these have.
    pub log_bytes: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it began to run.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When status or phase last changed.
    pub updated_at: DateTime<Utc>,
}

/// Why a job is to end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A person cancelled it.
    Cancelled,
    /// Its deadline passed.
    TimedOut,
    /// The server was shut down.
    Interrupted,
}

impl StopReason {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "CANCELLED",
            Self::TimedOut => "TIMED_OUT",
            Self::Interrupted => "INTERRUPTED",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Cancelled, Self::TimedOut, Self::Interrupted].into_iter().find(|reason| reason.as_str() == word)
    }
}

/// The kind of machine that a base image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseImageKind {
    /// Machines without a GPU.
    Cpu,
    /// Machines with a GPU.
    Gpu,
    /// Both.
    Universal,
}

impl BaseImageKind {
    /// The word in the database and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Gpu => "GPU",
            Self::Universal => "UNIVERSAL",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Cpu, Self::Gpu, Self::Universal].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// An entry of the catalogue of base images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseImage {
    /// Its id.
    pub id: Uuid,
    /// Its name, unique.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is.
    pub description: String,
    /// What machines it is for.
    pub kind: BaseImageKind,
    /// The image.
    pub url: String,
    /// The image for machines with a GPU, where that is another.
    pub url_for_gpu: Option<String>,
    /// The name of the pull secret that it is read with.
    pub pull_secret: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// What a base image is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBaseImage {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is.
    pub description: String,
    /// What machines it is for.
    pub kind: BaseImageKind,
    /// The image.
    pub url: String,
    /// The image for machines with a GPU, where that is another.
    pub url_for_gpu: Option<String>,
    /// The name of the pull secret that it is read with.
    pub pull_secret: Option<String>,
}

/// Credentials to read from one registry host. The password is sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct PullSecret {
    /// Its id.
    pub id: Uuid,
    /// Its name, unique.
    pub name: String,
    /// The registry host, `host[:port]`, that it may be sent to.
    pub host: String,
    /// The user name.
    pub username: String,
    /// The encrypted password; `secrets` opens it.
    pub sealed: Vec<u8>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl std::fmt::Debug for PullSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PullSecret").field("name", &self.name).field("host", &self.host).finish_non_exhaustive()
    }
}

/// What a pull secret is to be.
#[derive(Clone)]
pub struct NewPullSecret {
    /// Its name.
    pub name: String,
    /// The registry host, `host[:port]`.
    pub host: String,
    /// The user name.
    pub username: String,
    /// The encrypted password; none leaves the one that is there.
    pub sealed: Option<Vec<u8>>,
}

/// A new spec: checked by `shared` already.
#[derive(Clone, Debug)]
pub struct NewContent {
    /// The hash of the content's canonical form.
    pub hash: RevisionHash,
    /// The base image, as typed.
    pub base_image: ImageReference,
    /// The requirement lines, as typed.
    pub packages: Packages,
    /// The name of the pull secret to read the base image with.
    pub pull_secret: Option<String>,
}

/// By what a list of specs is ordered. Ties are broken by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecOrderField {
    /// The name.
    Name,
    /// The status of the latest job, by its word.
    Status,
    /// The time of creation.
    CreatedAt,
    /// The time of the last edit.
    UpdatedAt,
}

/// The order of a list of specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecOrder {
    /// By what.
    pub field: SpecOrderField,
    /// From the greatest to the least.
    pub descending: bool,
}

impl Default for SpecOrder {
    /// Newest first.
    fn default() -> Self {
        Self { field: SpecOrderField::CreatedAt, descending: true }
    }
}
