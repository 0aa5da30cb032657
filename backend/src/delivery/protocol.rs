//! What the server and a builder say to each other, the same on every engine.
//!
//! A builder begins an *attempt* and is told how many lines the log has; it appends its log from the line after, is told
//! which line is wanted next, and at the end names line count and SHA-256 of its own lines, and the outcome. Every request may
//! be repeated; each names its attempt by the header [`ATTEMPT`], so that what a run of the builder still says after another
//! has begun is told apart. A log is complete when count and hash agree.

use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};
use std::path::PathBuf;

use cooperage_shared::{Failure, ImageName, ImageReference, Packages, Phase, RevisionHash};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// All that a builder must know of its job, and no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BuildPlan {
    /// The job's UUID.
    pub job_id: uuid::Uuid,
    /// The job's number within its spec, from 1.
    pub number: u64,
    /// The spec's name.
    pub spec_name: ImageName,
    /// The whole hash of the revision.
    pub revision: RevisionHash,
    /// The base image, as typed.
    pub base_image: ImageReference,
    /// The requirement lines, as typed.
    pub packages: Packages,
    /// Where the image goes: `host/repository:tag`.
    pub target: ImageReference,
    /// Registry hosts (`host[:port]`) that are spoken to by plain HTTP.
    pub insecure_registries: Vec<String>,
    /// Run every step anew, whatever the layer cache holds.
    pub fresh: bool,
    /// Seconds from the builder's start after which the job has failed.
    pub deadline_seconds: u64,
    /// The longest log in bytes; what comes after is left out, and a line says so.
    pub log_limit_bytes: u64,
    /// The longest line in bytes; what comes after is left out, and a line says so.
    pub line_limit_bytes: u64,
    /// Where to deliver, `http://host:port`; none where the builder works alone.
    pub deliver_to: Option<String>,
    /// The kept image store.
    pub store: PathBuf,
    /// The store's run-time state.
    pub run: PathBuf,
    /// The package caches.
    pub cache: PathBuf,
    /// What store and caches may take, where the builder sees to it itself: on a volume that one job at a time has, and
    /// where there is no server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<StoreLimits>,
    /// The uv program, where there is one.
    pub uv: Option<PathBuf>,
    /// The administrator's indexes, channels, proxies and certificates.
    pub settings: BuildSettings,
}

impl BuildPlan {
    /// The plan as compressed JSON, the form in which it reaches a builder by a file of limited size.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn pack(&self) -> io::Result<Vec<u8>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&serde_json::to_vec(self)?)?;
        packed.finish()
    }

    /// The plan of such a file.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn unpack(packed: impl Read) -> io::Result<Self> {
        Ok(serde_json::from_reader(io::BufReader::new(GzDecoder::new(packed)))?)
    }
}

/// What may be kept from job to job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreLimits {
    /// The most that the store may take, in bytes.
    pub store_bytes: u64,
    /// The most that the package caches may take, in bytes.
    pub cache_bytes: u64,
}

/// What the administrator sets for every build; it leaves no trace in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildSettings {
    /// Conda channels in order of priority, names or URLs.
    pub conda_channels: Vec<String>,
    /// The base URL of channels that are given by name.
    pub conda_channel_alias: Option<String>,
    /// The package index in place of the default one.
    pub pip_index_url: Option<String>,
    /// Further package indexes.
    pub pip_extra_index_urls: Vec<String>,
    /// `http_proxy`, as `http://host:port`.
    pub http_proxy: Option<String>,
    /// `https_proxy`.
    pub https_proxy: Option<String>,
    /// `no_proxy`, comma-separated.
    pub no_proxy: Option<String>,
    /// A file of PEM certificates that installers trust besides the base's own.
    pub ca_bundle: Option<PathBuf>,
    /// Lines for apt.conf.
    pub apt_conf: Vec<String>,
    /// Further variables for every install step.
    pub environment: BTreeMap<String, String>,
}

/// The credentials of one job. They reach the builder on its standard input and are nowhere else.
#[derive(Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// To read the base image; sent to its host only.
    pub pull: Option<RegistryLogin>,
    /// To write to the push registry; sent to its host only.
    pub push: Option<RegistryLogin>,
    /// What the delivery listener asks for.
    pub delivery_token: Option<Secret>,
}

/// A user name and password for one registry host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegistryLogin {
    /// `host[:port]`, the only one that these may be sent to.
    pub host: String,
    /// The user name.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

/// Where the builder is, and what it has found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What it does now.
    pub phase: Phase,
    /// The digest of the base image, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_image_digest: Option<String>,
    /// The Dockerfile that is built, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
}

/// The builder's last word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How many lines this attempt's log has.
    pub lines: u64,
    /// SHA-256 of this attempt's log, 64 hexadecimal digits.
    pub sha256: String,
    /// What came of the job.
    pub outcome: Outcome,
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The image is in the push registry.
    Succeeded(Pushed),
    /// There is no image, for this reason.
    Failed(Failure),
    /// The builder was told to stop.
    Cancelled,
}

/// An image in the push registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// `host/repository:tag`.
    pub image: ImageReference,
    /// `sha256:…` of its manifest.
    pub digest: String,
    /// Compressed layers and configuration, in bytes.
    pub size_bytes: u64,
    /// `sha256:…` that the registry answered for the base image.
    pub base_image_digest: String,
}

/// The last line of an attempt that ends before the job is done, and that had the time to deliver all of its log.
pub const TOLD_TO_END: &str = "[cooperage] The pod is told to end before the job is done.";

/// The header that names the attempt of a request.
pub const ATTEMPT: &str = "cooperage-attempt";

/// The longest name of an attempt, in bytes.
pub const ATTEMPT_LENGTH: usize = 100;

/// The beginning of an attempt. The same one may begin again: several processes in turn may carry it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// What the builder calls this run: 1 to 100 ASCII letters, digits, or `-_./:`.
    pub attempt: String,
}

impl Begin {
    /// Whether the name is one.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
        (1..=ATTEMPT_LENGTH).contains(&self.attempt.len()) && self.attempt.bytes().all(is_fine)
    }
}

/// The reply to a beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// How many lines the log had when the attempt began: its first line has the number after.
    pub lines: u64,
    /// The number of the line that is wanted next; greater where the attempt has begun before.
    pub next: u64,
    /// Whether somebody has asked for the job to stop.
    #[serde(default)]
    pub stop: bool,
}

/// The reply to an append: the number of the line that is wanted next, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// One more than the number of lines that are stored.
    pub next: u64,
    /// Whether somebody has asked for the job to stop.
    #[serde(default)]
    pub stop: bool,
}
