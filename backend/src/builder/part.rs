//! Which part of a job one process carries out, and how a container of a pod is told.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::job_folder::JobFolder;
use super::phases::PhaseName;
use crate::delivery::protocol::Begin;

/// The phases that one agent carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// All of them: one process on one machine.
    #[value(skip)]
    Whole,
    /// All but the push: the image stays in the store.
    #[value(skip)]
    WithoutPush,
    /// The first container of a pod.
    Pull,
    /// The second.
    Build,
    /// The third.
    Push,
}

impl Part {
    pub(super) const fn phases(self) -> &'static [PhaseName] {
        match self {
            Self::Whole => &[PhaseName::Pull, PhaseName::Build, PhaseName::Push],
            Self::WithoutPush => &[PhaseName::Pull, PhaseName::Build],
            Self::Pull => &[PhaseName::Pull],
            Self::Build => &[PhaseName::Build],
            Self::Push => &[PhaseName::Push],
        }
    }

    /// Whether it begins the job.
    pub(super) const fn begins(self) -> bool {
        matches!(self, Self::Whole | Self::WithoutPush | Self::Pull)
    }

    /// Whether it is one of several containers.
    pub(super) const fn is_container(self) -> bool {
        matches!(self, Self::Pull | Self::Build | Self::Push)
    }
}

/// What a container of a pod is told on its command line.
#[derive(clap::Args, Clone, Debug)]
pub struct PartArgs {
    /// The job's folder, which the containers share
    #[arg(long, value_name = "FOLDER")]
    pub job: PathBuf,
    /// The plan, packed
    #[arg(long, value_name = "FILE")]
    pub plan: PathBuf,
    /// The credentials of this part
    #[arg(long, value_name = "FILE")]
    pub credentials: PathBuf,
    /// The part
    #[arg(long = "phase", value_name = "PHASE")]
    pub part: Part,
    /// A name for this run of the job: another pod has another one
    #[arg(long, value_name = "NAME")]
    pub attempt: String,
    /// Where the last word goes besides, in a form that a pod's status holds
    #[arg(long, value_name = "FILE")]
    pub last_word: Option<PathBuf>,
}

/// What the first container leaves for the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// What the server knows this run by.
    pub(super) name: String,
    /// When the first container began: the deadline counts from here.
    pub(super) started_at: DateTime<Utc>,
    /// How often the first container began.
    runs: u32,
}

impl Attempt {
    /// Begins a run in the folder, or goes on with the one that is there.
    ///
    /// A node that was restarted runs all containers of a pod again, on the folder as it was. What the server has may then
    /// be more than what survived on disk: so that is a further attempt, with a log of its own.
    ///
    /// # Errors
    /// When the name is none, the folder cannot be written, or an earlier container did not begin.
    pub(super) fn enter(folder: &JobFolder, part: Part, name: &str) -> io::Result<Self> {
        if !(Begin { attempt: name.to_owned() }).is_valid() {
            return Err(io::Error::other(format!("{name:?} is no name of an attempt")));
        }
        let file = folder.attempt();
        if !part.begins() {
            return JobFolder::read(&file)
                .map_err(|error| io::Error::other(format!("no earlier container has begun here: {error}")));
        }
        let attempt = match JobFolder::read::<Self>(&file) {
            Ok(earlier) => {
                let runs = earlier.runs + 1;
                folder.forget()?;
                Self { name: format!("{name}/{runs}"), runs, ..earlier }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self { name: name.to_owned(), started_at: Utc::now(), runs: 1 }
            }
            Err(error) => return Err(error),
        };
        JobFolder::write(&file, &attempt)?;
        Ok(attempt)
    }
}

/// The folder that a file is in: it holds the credentials, and is hidden from install steps.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_containers_of_a_pod_are_one_attempt_and_a_second_round_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let folder = JobFolder::new(folder.path());
        assert!(Attempt::enter(&folder, Part::Build, "pod").is_err(), "nothing has begun");
        let first = Attempt::enter(&folder, Part::Pull, "pod").unwrap();
        std::fs::write(folder.log(), "a\n").unwrap();
        assert_eq!(Attempt::enter(&folder, Part::Build, "pod").unwrap(), first);
        assert_eq!(Attempt::enter(&folder, Part::Push, "pod").unwrap(), first);
        assert!(folder.log().exists());
        let second = Attempt::enter(&folder, Part::Pull, "pod").unwrap();
        assert_eq!((second.name.as_str(), second.started_at), ("pod/2", first.started_at));
        assert!(!folder.log().exists());
        assert_eq!(Attempt::enter(&folder, Part::Push, "pod").unwrap().name, "pod/2");
        assert!(Attempt::enter(&folder, Part::Pull, "").is_err());
    }
}
