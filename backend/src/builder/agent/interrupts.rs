//! What ends a job before its phases are done.

use std::io;
use std::time::Duration;

use cooperage_shared::Failure;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use super::courier::Courier;
use crate::builder::failure;

/// Why a job stops before its phases are done.
pub(super) enum Stop {
    /// For this reason.
    Failed(Failure),
    /// The server says that somebody asked for it.
    Cancelled,
    /// This process was told to end; by whom and why is not said.
    Terminated,
    /// The server wants nothing of this attempt any more.
    Gone,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(failure::of_io(&error))
    }
}

/// The deadline, the signals and the server's wish.
pub(super) struct Interrupts {
    pub(super) deadline: Instant,
    /// What the deadline was, to say so.
    whole: Duration,
    terminated: watch::Receiver<bool>,
    cancelled: watch::Receiver<bool>,
}

impl Interrupts {
    pub(super) fn new(deadline: Instant, whole: Duration, cancelled: watch::Receiver<bool>) -> io::Result<Self> {
        Ok(Self { deadline, whole, terminated: watch_signals()?, cancelled })
    }

    /// Waits for the first of them.
    pub(super) async fn first(&mut self, courier: &mut Courier) -> Stop {
        tokio::select! {
            () = tokio::time::sleep_until(self.deadline) => Stop::Failed(failure::timed_out(self.whole)),
            () = is_true(&mut self.terminated) => Stop::Terminated,
            () = is_true(&mut self.cancelled) => Stop::Cancelled,
            ended = courier.ended() => match ended {
                Ok(_) => Stop::Gone,
                Err(error) => error.into(),
            },
        }
    }

    /// Waits until this process is told to end.
    pub(super) async fn terminated(&mut self) {
        is_true(&mut self.terminated).await;
    }
}

/// Waits for it; for ever where it can no longer come true.
async fn is_true(flag: &mut watch::Receiver<bool>) {
    if flag.wait_for(|is| *is).await.is_err() {
        std::future::pending().await
    }
}

/// Becomes true at SIGTERM or SIGINT.
fn watch_signals() -> io::Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sender.send_replace(true);
    });
    Ok(receiver)
}
