//! Processes as `/proc` shows them: told apart by pid *and* start time, for pids are used again.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// One process, and no later one with the same pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    /// The process id, which is that of its session too.
    pub(crate) pid: i32,
    /// Clock ticks from the machine's start to the process's; field 22 of `/proc/PID/stat`.
    pub(crate) start_time: u64,
}

/// What `/proc/PID/stat` tells of a process.
#[derive(Clone, Copy, Debug)]
struct Stat {
    pid: i32,
    state: char,
    parent: i32,
    session: i32,
    start_time: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name stands in brackets and may hold anything, brackets too: what follows the last one is read.
    fn parse(pid: i32, text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Self {
            pid,
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }

    const fn lives(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }
}

impl ProcessId {
    /// The process that has this pid now.
    pub(crate) fn now(pid: i32) -> Option<Self> {
        Stat::of(pid).map(|stat| Self { pid, start_time: stat.start_time })
    }

    /// Whether it still runs. A zombie does not.
    pub(crate) fn lives(self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| stat.start_time == self.start_time && stat.lives())
    }

    /// Asks it to end.
    pub(crate) fn terminate(self) {
        if self.lives() {
            send(self.pid, Signal::SIGTERM);
        }
    }

    /// The living processes of its session, and all that descend from it. `marker` is a path that only the job's processes
    /// have in their command lines: it finds those of a builder that is gone already.
    pub(crate) fn tree(self, marker: &Path) -> Vec<i32> {
        let all = processes();
        // The session is not ours where the pid was given to somebody else meanwhile.
        let ours = Stat::of(self.pid).is_none_or(|stat| stat.start_time == self.start_time);
        let mut tree: HashSet<i32> = all
            .iter()
            .filter(|stat| {
                (ours && stat.session == self.pid && stat.start_time >= self.start_time) || has(stat.pid, marker)
            })
            .map(|stat| stat.pid)
            .collect();
        loop {
            let before = tree.len();
            let children: Vec<i32> = all.iter().filter(|s| tree.contains(&s.parent)).map(|s| s.pid).collect();
            tree.extend(children);
            if tree.len() == before {
                break;
            }
        }
        tree.remove(&i32::try_from(std::process::id()).unwrap_or(0));
        tree.into_iter().collect()
    }

    /// Kills its tree at once. Whether anything was there to be killed.
    pub(crate) fn kill_tree(self, marker: &Path) -> bool {
        let tree = self.tree(marker);
        for pid in &tree {
            send(*pid, Signal::SIGKILL);
        }
        !tree.is_empty()
    }
}

fn send(pid: i32, signal: Signal) {
    if let Err(error) = kill(Pid::from_raw(pid), signal)
        && error != nix::errno::Errno::ESRCH
    {
        tracing::warn!(pid, %signal, %error, "cannot signal a process of a job");
    }
}

fn processes() -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Stat::of).filter(Stat::lives).collect()
}

fn has(pid: i32, marker: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    line.split(|byte| *byte == 0).any(|word| word == marker.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_is_no_trouble() {
        let rest = "R 10 11 12 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0";
        let stat = Stat::parse(7, &format!("7 (a) b (c) {rest}")).unwrap();
        assert_eq!((stat.parent, stat.session, stat.start_time, stat.lives()), (10, 12, 777, true));
        assert!(Stat::parse(7, "7 (a").is_none());
    }

    #[test]
    fn a_pid_with_another_start_time_is_another_process() {
        let own = ProcessId::now(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(own.lives());
        assert!(!ProcessId { start_time: own.start_time + 1, ..own }.lives());
    }
}
