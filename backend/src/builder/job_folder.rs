//! The folder of one job: the plan, the spool, and what each phase found.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A job's folder, mode 0700. It never holds a credential.
#[derive(Clone, Debug)]
pub struct JobFolder(PathBuf);

/// Which process is a job's agent: the number alone may have been given to another process since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct AgentIdentity {
    /// The process number.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did (field 22 of `/proc/PID/stat`).
    pub start_time: u64,
}

impl AgentIdentity {
    /// The identity of a running process.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
        let start_time = stat
            .rsplit_once(')')
            .and_then(|(_, fields)| fields.split_whitespace().nth(19))
            .and_then(|field| field.parse().ok())
            .ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat cannot be understood")))?;
        Ok(Self { pid, start_time })
    }
}

impl JobFolder {
    /// The folder at `path`, which exists.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The plan: [`BuildPlan`](crate::delivery::protocol::BuildPlan).
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }

    /// Who the agent is: [`AgentIdentity`]. The agent writes it before all else.
    #[must_use]
    pub fn agent(&self) -> PathBuf {
        self.0.join("agent.json")
    }

    /// What the first container of a pod leaves for the others.
    pub(super) fn attempt(&self) -> PathBuf {
        self.0.join("attempt.json")
    }

    /// The spool: exactly the bytes that are delivered.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    /// The builder's last word: [`End`](crate::delivery::protocol::End).
    #[must_use]
    pub fn end(&self) -> PathBuf {
        self.0.join("end.json")
    }

    /// Empty; there once the server has acknowledged the end.
    #[must_use]
    pub fn delivered(&self) -> PathBuf {
        self.0.join("delivered")
    }

    /// What the phase `name` found.
    pub(super) fn result(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }

    /// The named pipe that takes what a phase prints; each has a new one.
    pub(super) fn output(&self) -> PathBuf {
        self.0.join("output")
    }

    /// The build context; removed after the build.
    pub(super) fn context(&self) -> PathBuf {
        self.0.join("context")
    }

    /// Files that do not outlive their phase.
    pub(super) fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }

    /// Removes what an earlier run has left: the spool, the last word and what each phase found.
    pub(super) fn forget(&self) -> io::Result<()> {
        let files = [self.log(), self.end(), self.delivered()];
        for file in files.into_iter().chain(["trim", "pull", "build", "push"].map(|name| self.result(name))) {
            absent_is_fine(fs::remove_file(file))?;
        }
        Ok(())
    }

    /// Reads a file of the folder.
    pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
        serde_json::from_slice(&fs::read(path)?)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    }

    /// Writes a file of the folder whole or not at all.
    pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
        // Its own name: some files are of a cache that several jobs write.
        let temporary = path.with_extension(format!("{}.partial", std::process::id()));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec(value).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    }
}

/// Something that is gone already need not be removed.
pub(super) fn absent_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_a_later_one_of_the_same_number() {
        let me = AgentIdentity::of(std::process::id()).unwrap();
        assert_eq!(me, AgentIdentity::of(std::process::id()).unwrap());
        assert!(me.start_time > 0);
        assert!(AgentIdentity::of(u32::MAX).is_err());
    }

    #[test]
    fn files_are_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let folder = JobFolder::new(folder.path());
        JobFolder::write(&folder.agent(), &AgentIdentity { pid: 7, start_time: 9 }).unwrap();
        let read: AgentIdentity = JobFolder::read(&folder.agent()).unwrap();
        assert_eq!(read, AgentIdentity { pid: 7, start_time: 9 });
    }
}
