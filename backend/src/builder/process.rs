//! Programs that a job runs: what they see, and that none of them outlives it.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::{Signal, killpg};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getppid, mkfifo};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::job_folder::absent_is_fine;
use super::log::LineStream;
use crate::delivery::protocol::BuildSettings;

/// How long the output of an ended program is waited for: something that it left behind may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Asks the kernel to kill this process when its parent dies.
///
/// # Errors
/// When the kernel refuses, or the parent `expected` is gone already.
pub(super) fn die_with(expected: Option<u32>) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    match expected {
        Some(parent) if getppid().as_raw().unsigned_abs() != parent => {
            Err(io::Error::other("the program that started this phase is gone"))
        }
        _ => Ok(()),
    }
}

/// Lets no process of the same user look into this one: into its memory, its environment or its files.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn keep_to_itself() -> io::Result<()> {
    Ok(prctl::set_dumpable(false)?)
}

/// A command with an environment of its own: nothing of this process's reaches it but the search path.
pub(super) fn command(program: &Path, temporary: &Path, settings: &BuildSettings, ca_bundle: Option<&Path>) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var_os("PATH")
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
    command.env_clear().env("PATH", path).env("LANG", "C.UTF-8").env("HOME", temporary).env("TMPDIR", temporary);
    for (name, value) in
        [("http_proxy", &settings.http_proxy), ("https_proxy", &settings.https_proxy), ("no_proxy", &settings.no_proxy)]
    {
        if let Some(value) = value {
            command.env(name, value).env(name.to_ascii_uppercase(), value);
        }
    }
    if let Some(bundle) = ca_bundle {
        command.env("SSL_CERT_FILE", bundle);
    }
    command
}

/// A phase that runs: its own process group, its output in one pipe.
pub(super) struct Running {
    child: Child,
    group: Option<Pid>,
    output: pipe::Receiver,
    lines: LineStream,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Running {
    /// Starts `command` as the leader of a process group, with standard output and error in one pipe, in order. The pipe has
    /// the name `pipe`, so that what cannot inherit it can open it.
    pub(super) fn start(mut command: Command, pipe: &Path, lines: LineStream) -> io::Result<Self> {
        absent_is_fine(std::fs::remove_file(pipe))?;
        mkfifo(pipe, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let output = pipe::OpenOptions::new().open_receiver(pipe)?;
        let writer = OpenOptions::new().write(true).open(pipe)?;
        let second = writer.try_clone()?;
        let child =
            command.stdin(Stdio::piped()).stdout(writer).stderr(second).process_group(0).kill_on_drop(true).spawn()?;
        // The command holds the pipe's other end until it is dropped; only then can the pipe end.
        drop(command);
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Self { child, group, output, lines })
    }

    /// The pipe to its standard input, once.
    pub(super) fn stdin(&mut self) -> Option<tokio::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Reads its output to the end.
    ///
    /// # Errors
    /// When the pipe or the process cannot be waited for.
    pub(super) async fn finish(&mut self) -> io::Result<Ended> {
        let mut buffer = vec![0; 64 * 1024];
        let status = loop {
            tokio::select! {
                biased;
                read = self.output.read(&mut buffer) => match read? {
                    0 => break self.child.wait().await?,
                    count => self.lines.feed(&buffer[..count]),
                },
                status = self.child.wait() => {
                    self.drain(&mut buffer).await;
                    break status?;
                }
            }
        };
        Ok(ended(status))
    }

    /// Kills the whole group at once, and gives what it had still printed.
    pub(super) async fn kill(&mut self) {
        if let Some(group) = self.group {
            // An error means that nobody is left in the group.
            let _ = killpg(group, Signal::SIGKILL);
        }
        let _ = self.child.wait().await;
        self.drain(&mut vec![0; 64 * 1024]).await;
    }

    /// Takes what is left in the pipe. Its end also means that the last process which held it is gone.
    async fn drain(&mut self, buffer: &mut [u8]) {
        let rest = async {
            while let Ok(count) = self.output.read(buffer).await {
                if count == 0 {
                    break;
                }
                self.lines.feed(&buffer[..count]);
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, rest).await;
    }

    /// Ends the log stream: a last line without a line end is a line too.
    pub(super) fn close(self) {
        self.lines.finish();
    }
}

/// How a process with this status ended.
pub(super) fn ended(status: ExitStatus) -> Ended {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, Some(signal)) => Ended::Signal(signal),
        (None, None) => Ended::Code(-1),
    }
}
