//! Reasons that lie in the machine: disk, memory, time, a missing shell.

use std::io;
use std::time::Duration;

use cooperage_shared::{Failure, FailureCode};

use super::{failure, last_line};
use crate::builder::log::LogLine;

/// A failure of this program's own work.
pub(in crate::builder) fn of_io(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => out_of_disk(None),
        _ => failure(
            FailureCode::Internal,
            format!("The builder could not go on: {error}. Tell the administrator, or rebuild to try again."),
        ),
    }
}

/// The job's deadline passed.
pub(in crate::builder) fn timed_out(deadline: Duration) -> Failure {
    let seconds = deadline.as_secs();
    let text = match seconds {
        s if s >= 3600 && s % 3600 == 0 => format!("{} h", s / 3600),
        s if s >= 60 && s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    };
    failure(
        FailureCode::TimedOut,
        format!(
            "The build was ended because it took longer than {text}. Ask for less, or ask the administrator for a longer \
             deadline."
        ),
    )
}

/// A phase was killed, and not by the builder.
pub(in crate::builder) fn interrupted_by_signal(signal: i32) -> Failure {
    match signal {
        9 => out_of_memory(None),
        _ => failure(
            FailureCode::Interrupted,
            format!("The build was ended from outside (signal {signal}). Rebuild to run it again."),
        ),
    }
}

/// A phase that did not begin, because a builder that is not root may not have a user namespace here.
pub(in crate::builder) fn no_namespace(lines: &[LogLine]) -> Option<Failure> {
    let line = last_line(lines, |text| {
        ["unshare: ", "newuidmap: ", "newgidmap: "].iter().any(|program| text.starts_with(program))
    })?;
    Some(Failure {
        log_line: Some(line.number),
        ..failure(
            FailureCode::NotStarted,
            format!(
                "The machine does not let the builder make a user namespace, without which nothing is built here: {}. Tell \
                 the administrator: its kernel settings, or the container's seccomp or AppArmor profile or SELinux type \
                 (COOPERAGE_KUBERNETES_SECCOMP_PROFILE, …_APPARMOR_PROFILE, …_SELINUX_TYPE), must allow it.",
                line.text.trim_end()
            ),
        )
    })
}

/// What the exit code and lines of any program tell about the machine.
pub(super) fn of_lines(exit: i32, lines: &[LogLine]) -> Option<Failure> {
    let full = last_line(lines, |text| {
        let text = text.to_ascii_lowercase();
        text.contains("no space left on device")
            || text.contains("disk quota exceeded")
            || text.contains("os error 28")
            || text.contains("don't have enough free space in")
    });
    if let Some(line) = full {
        return Some(out_of_disk(Some(line.number)));
    }
    // A shell's word for a command of its own that was killed, whatever came of it further up.
    let starved =
        |text: &str| text.contains("Out of memory") || text.contains("MemoryError") || text.trim_end() == "Killed";
    if exit == 137 || last_line(lines, starved).is_some() {
        return Some(out_of_memory(last_line(lines, |text| text.contains("Killed")).map(|line| line.number)));
    }
    let no_shell = last_line(lines, |text| {
        (text.contains("executable file not found") || text.contains("no such file or directory"))
            && (text.contains("\"/bin/sh\"") || text.contains("/bin/sh:") || text.contains("exec: \"sh\""))
    });
    no_shell.map(|line| Failure {
        log_line: Some(line.number),
        ..failure(
            FailureCode::NoShell,
            "The base image has no shell (/bin/sh), so nothing can be installed into it. Choose a base image that has one."
                .to_owned(),
        )
    })
}

fn out_of_disk(log_line: Option<u64>) -> Failure {
    Failure {
        log_line,
        ..failure(
            FailureCode::OutOfDisk,
            "There is no space left on the disk where images are built. Ask the administrator to free some, then rebuild."
                .to_owned(),
        )
    }
}

fn out_of_memory(log_line: Option<u64>) -> Failure {
    Failure {
        log_line,
        ..failure(
            FailureCode::OutOfMemory,
            "The build was killed, most likely for lack of memory. Ask for less at once, or ask the administrator for more \
             memory."
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::failure::fixtures::lines;

    #[test]
    fn a_full_disk_is_told_whoever_reports_it() {
        for text in [
            "E: Write error - write (28: No space left on device)",
            "error: Failed to install: x.whl\n  Caused by: No space left on device (os error 28)",
            "tar: usr/lib/x: Cannot write: No space left on device\nError: exit status 2",
        ] {
            assert_eq!(of_lines(1, &lines(text)).unwrap().code, FailureCode::OutOfDisk, "{text}");
        }
        let error = io::Error::from_raw_os_error(28);
        assert_eq!(of_io(&error).code, FailureCode::OutOfDisk);
    }

    #[test]
    fn a_killed_step_is_out_of_memory() {
        let failure = of_lines(137, &lines("compiling\nKilled")).unwrap();
        assert_eq!((failure.code, failure.log_line), (FailureCode::OutOfMemory, Some(2)));
        let further_down = of_lines(1, &lines("Killed\nE: Sub-process returned an error code")).unwrap();
        assert_eq!((further_down.code, further_down.log_line), (FailureCode::OutOfMemory, Some(1)));
        assert!(of_lines(1, &lines("all is well")).is_none());
    }

    #[test]
    fn deadlines_are_told_in_readable_units() {
        assert!(timed_out(Duration::from_secs(3600)).message.contains("1 h"));
        assert!(timed_out(Duration::from_secs(90)).message.contains("90 s"));
        assert!(timed_out(Duration::from_secs(120)).message.contains("2 min"));
    }
}
