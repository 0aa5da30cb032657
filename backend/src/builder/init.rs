//! The first process of a container: it passes signals on, and buries the orphans that come to it.

use std::io;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};

/// Whether this process is the first of its container. The kernel gives such a process no default action for signals, and
/// makes it the parent of all orphans.
#[must_use]
pub fn is_first() -> bool {
    std::process::id() == 1
}

/// Runs this program again with the same arguments, as a child, until that ends; its exit code is the answer. It holds no
/// secret and starts nothing else.
///
/// # Errors
/// When the program cannot be started or waited for.
pub async fn supervise() -> io::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut ended = signal(SignalKind::child())?;
    let child = Command::new(std::env::current_exe()?).args(std::env::args_os().skip(1)).spawn()?;
    let child = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    loop {
        tokio::select! {
            _ = terminate.recv() => pass_on(child, Signal::SIGTERM)?,
            _ = interrupt.recv() => pass_on(child, Signal::SIGINT)?,
            _ = ended.recv() => if let Some(code) = bury(child)? {
                return Ok(code);
            },
        }
    }
}

fn pass_on(child: Pid, signal: Signal) -> io::Result<()> {
    match kill(child, signal) {
        // It has just ended; its end is on its way.
        Err(Errno::ESRCH) => Ok(()),
        other => Ok(other?),
    }
}

/// Waits for all children that have ended; the exit code of `child`, once it is among them.
fn bury(child: Pid) -> io::Result<Option<ExitCode>> {
    loop {
        let code = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => code,
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => 128 + signal as i32,
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(None),
            Err(Errno::EINTR) | Ok(_) => continue,
            Err(error) => return Err(error.into()),
        };
        return Ok(Some(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))));
    }
}
