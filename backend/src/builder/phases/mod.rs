//! The phases: processes of their own, each with the credentials that it needs and no more.
//!
//! A phase prints log lines, and leaves a [`Report`] in the job folder.

mod build;
mod labels;
mod layers;
mod pull;
mod push;
mod trim;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cooperage_shared::{Failure, Phase};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(super) use build::Built;
pub(super) use pull::Pulled;

use super::context;
use super::failure;
use super::job_folder::JobFolder;
use super::{process, rootless};
use crate::config::Secret;
use crate::delivery::protocol::{BuildPlan, Credentials, Pushed};

/// The variable that names the process which a phase must not outlive.
pub(super) const PARENT_VARIABLE: &str = "COOPERAGE_PHASE_PARENT";

/// A phase that is a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PhaseName {
    /// Brings a kept store within its limits, before the others.
    Trim,
    /// Brings the base image into the store.
    Pull,
    /// Runs the install steps.
    Build,
    /// Sends the image to the push registry.
    Push,
}

impl PhaseName {
    /// Its word on the command line and in file names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trim => "trim",
            Self::Pull => "pull",
            Self::Build => "build",
            Self::Push => "push",
        }
    }

    /// The phase of the job that it is.
    pub(super) const fn phase(self) -> Phase {
        match self {
            Self::Trim => Phase::Prepare,
            Self::Pull => Phase::Pull,
            Self::Build => Phase::Build,
            Self::Push => Phase::Push,
        }
    }
}

/// What came of a phase.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report<T> {
    /// It found or made this.
    Done(T),
    /// It failed for a reason that it knows.
    Failed(Failure),
    /// A program that it ran ended with this code; the log's last lines tell why.
    Exit(i32),
}

/// What every phase has at hand.
pub(super) struct Context {
    folder: JobFolder,
    plan: BuildPlan,
    credentials: Credentials,
    ca_bundle: Option<PathBuf>,
}

/// Runs one phase of the job in the folder `job`, with the credentials on standard input. The folder `hidden` is seen by
/// nothing that it starts.
pub async fn run_phase(name: PhaseName, job: &Path, hidden: Option<&Path>) -> ExitCode {
    let folder = JobFolder::new(job);
    let parent = std::env::var(PARENT_VARIABLE).ok().and_then(|pid| pid.parse().ok());
    let ready = process::die_with(parent)
        .and_then(|()| process::keep_to_itself())
        .and_then(|()| hidden.map_or(Ok(()), rootless::hide))
        .and_then(|()| Context::read(folder.clone()));
    let done = match ready {
        Ok(context) => match name {
            PhaseName::Trim => keep(&folder, name, trim::run(&context).await),
            PhaseName::Pull => keep(&folder, name, pull::run(&context).await),
            PhaseName::Build => keep(&folder, name, build::run(&context).await),
            PhaseName::Push => keep::<Pushed>(&folder, name, push::run(&context).await),
        },
        Err(error) => keep::<()>(&folder, name, Err(error)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("[cooperage] The result of this phase cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Leaves the report in the job folder.
fn keep<T: Serialize>(folder: &JobFolder, name: PhaseName, report: io::Result<Report<T>>) -> io::Result<bool> {
    let report = report.unwrap_or_else(|error| Report::Failed(failure::of_io(&error)));
    if let Report::Failed(failure) = &report {
        println!("[cooperage] {}", failure.message);
    }
    JobFolder::write(&folder.result(name.as_str()), &report)?;
    Ok(matches!(report, Report::Done(_)))
}

impl Context {
    fn read(folder: JobFolder) -> io::Result<Self> {
        let mut input = zeroize::Zeroizing::new(Vec::new());
        io::stdin().lock().read_to_end(&mut input)?;
        let credentials = match input.is_empty() {
            true => Credentials { pull: None, push: None, delivery_token: None },
            false => serde_json::from_slice(&input).map_err(io::Error::other)?,
        };
        let plan: BuildPlan = JobFolder::read(&folder.plan())?;
        let ca_bundle = certificates(&folder, &plan)?;
        Ok(Self { folder, plan, credentials, ca_bundle })
    }

    fn earlier<T: DeserializeOwned>(&self, name: PhaseName) -> io::Result<T> {
        found(&self.folder, name)
    }

    fn is_insecure(&self, host: &str) -> bool {
        crate::registry::RegistryClient::new(&self.plan.insecure_registries).is_insecure(host)
    }
}

/// What an earlier phase found.
pub(super) fn found<T: DeserializeOwned>(folder: &JobFolder, name: PhaseName) -> io::Result<T> {
    match JobFolder::read(&folder.result(name.as_str()))? {
        Report::Done(found) => Ok(found),
        Report::Failed(_) | Report::Exit(_) => Err(io::Error::other(format!("phase {} failed", name.as_str()))),
    }
}

/// The file of certificates that programs of this job trust, where the administrator has set some.
pub(super) fn certificates(folder: &JobFolder, plan: &BuildPlan) -> io::Result<Option<PathBuf>> {
    std::fs::create_dir_all(folder.scratch())?;
    let Some(bundle) = &plan.settings.ca_bundle else { return Ok(None) };
    let joined = folder.scratch().join("ca.pem");
    context::join_certificates(bundle, &joined)?;
    Ok(Some(joined))
}

/// A secret as bytes for a file that only memory holds.
fn auth_file(host: &str, username: &str, password: &Secret) -> zeroize::Zeroizing<Vec<u8>> {
    use base64::Engine as _;
    let pair = zeroize::Zeroizing::new(format!("{username}:{}", password.expose()));
    let auth = zeroize::Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes()));
    let text = serde_json::json!({ "auths": { host: { "auth": auth.as_str() } } }).to_string();
    zeroize::Zeroizing::new(text.into_bytes())
}
