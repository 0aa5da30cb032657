//! How a job ends: from the builder's last word, or from what it left behind.

use std::time::Duration;

use cooperage_shared::{Failure, FailureCode};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use uuid::Uuid;

use super::plan::failure;
use super::reconciler::Inner;
use crate::delivery::protocol::{End, Outcome, Pushed};
use crate::engine::EngineError;
use crate::registry::{RegistryCredential, RegistryError};
use crate::store::{Claimed, StopReason, StoreError, Terminal};

/// How often, and with what waits between, the registry is asked for an image that a builder says it has pushed.
const ASK: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(4)];

/// How much of a spooled log is read at once. Longer lines are taken whole.
const BLOCK: usize = 1 << 20;

/// Why a job could not be ended now; it is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConcludeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the spooled log cannot be read: {0}")]
    Spool(#[from] std::io::Error),
}

impl Inner {
    /// Ends a job of which nothing runs any more, or whose last word is there.
    pub(super) async fn settle(&self, job: Uuid) -> Result<(), ConcludeError> {
        let Some(claimed) = self.store.claimed(job).await? else { return Ok(()) };
        if claimed.job.status.is_terminal() {
            return Ok(());
        }
        let end = match claimed.end.clone() {
            Some(end) => Some(end),
            None => self.salvage(job).await?,
        };
        let terminal = match end {
            Some(end) => self.terminal(&claimed, end.outcome).await,
            None => {
                let (terminal, marker) = gone(claimed.job.stop);
                self.logs.say(job, marker).await?;
                terminal
            }
        };
        self.finish(job, &terminal).await?;
        Ok(())
    }

    /// What a last word makes of a job.
    async fn terminal(&self, claimed: &Claimed, outcome: Outcome) -> Terminal {
        match (outcome, claimed.job.stop) {
            // A cancellation that comes after the push comes too late: the image is there.
            (Outcome::Succeeded(pushed), _) => self.pushed(claimed.job.id, pushed).await,
            (Outcome::Failed(failure), None) => Terminal::Failed(failure),
            (Outcome::Failed(failure), Some(StopReason::TimedOut)) if failure.code == FailureCode::TimedOut => {
                Terminal::Failed(failure)
            }
            (Outcome::Failed(_) | Outcome::Cancelled, Some(reason)) => stopped(reason),
            (Outcome::Cancelled, None) => Terminal::Failed(failure(
                FailureCode::Lost,
                "The builder was told to stop by something other than Cooperage, such as a shutdown of the machine: \
                 rebuild.",
            )),
        }
    }

    /// SUCCEEDED only where the registry answers for the digest.
    async fn pushed(&self, job: Uuid, pushed: Pushed) -> Terminal {
        let mut error = RegistryError::NotFound;
        for wait in [Duration::ZERO].into_iter().chain(ASK) {
            tokio::time::sleep(wait).await;
            let exact = match pushed.image.with_digest(&pushed.digest) {
                Ok(exact) => exact,
                Err(problem) => {
                    return Terminal::Failed(failure(FailureCode::Internal, problem.message));
                }
            };
            match self.registry.resolve(&exact, self.push_credential().as_ref()).await {
                Ok(digest) if digest == pushed.digest => {
                    return Terminal::Succeeded { pushed, reused_from: None };
                }
                Ok(digest) => error = RegistryError::Other(format!("it answered with {digest}")),
                Err(other) => error = other,
            }
        }
        tracing::warn!(%job, %error, "the registry does not answer for a pushed image");
        Terminal::Failed(failure(
            FailureCode::RegistryUnreachable,
            format!(
                "The image was pushed, but the registry {} does not answer for its digest {}: {error}. See that the \
                 registry is well, then rebuild.",
                pushed.image.host(),
                pushed.digest
            ),
        ))
    }

    fn push_credential(&self) -> Option<RegistryCredential> {
        super::plan::push_login(&self.settings)
    }

    /// Takes over what the spool holds beyond what was delivered, and gives the last word if there is one.
    async fn salvage(&self, job: Uuid) -> Result<Option<End>, ConcludeError> {
        let salvage = self.engine.salvage(job).await?;
        if salvage.end.is_none() && !salvage.stderr_tail.is_empty() {
            tracing::warn!(%job, output = salvage.stderr_tail, "a builder ended without a result");
        }
        if let Some(mut spool) = salvage.log {
            self.take_spool(job, &mut spool).await?;
        }
        let Some(end) = salvage.end else { return Ok(None) };
        let (lines, sha256) = self.logs.checksum(job).await?;
        if (lines, &sha256) != (end.lines, &end.sha256) {
            let text = format!("[cooperage] {lines} of {} lines of this log could be kept.", end.lines);
            self.logs.say(job, &text).await?;
        }
        Ok(Some(end))
    }

    async fn take_spool(&self, job: Uuid, spool: &mut tokio::fs::File) -> Result<(), ConcludeError> {
        // The spool begins with what is stored already, byte for byte.
        let Some(state) = self.store.log_state(job).await? else { return Ok(()) };
        spool.seek(std::io::SeekFrom::Start(state.bytes)).await?;
        let mut next = state.lines + 1;
        let mut pending = Vec::new();
        loop {
            let read = (&mut *spool).take(BLOCK as u64).read_to_end(&mut pending).await?;
            let is_end = read == 0;
            if is_end && !pending.is_empty() {
                pending.extend_from_slice(b" [cut off]\n");
            }
            let whole = pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            if whole > 0 {
                let appended = self.logs.append(job, next, &pending[..whole]).await?;
                match appended {
                    crate::store::Appended::Stored { next: wanted, .. } => next = wanted,
                    other => {
                        tracing::warn!(%job, ?other, "the spooled log does not fit the stored one");
                        return Ok(());
                    }
                }
                pending.drain(..whole);
            }
            if is_end {
                return Ok(());
            }
        }
    }
}

/// What a job becomes that was stopped for a reason.
fn stopped(reason: StopReason) -> Terminal {
    let failed = |code, message: &str| Terminal::Failed(Failure { ..failure(code, message) });
    match reason {
        StopReason::Cancelled => Terminal::Cancelled,
        StopReason::TimedOut => failed(
            FailureCode::TimedOut,
            "The build took longer than it may and was ended. See in the log what it waited for; the administrator can \
             raise COOPERAGE_BUILD_DEADLINE.",
        ),
        StopReason::Interrupted => {
            failed(FailureCode::Interrupted, "The server was shut down while this job ran. Rebuild to run it again.")
        }
    }
}

/// What a job becomes whose builder left no last word, and the line that says so in its log.
fn gone(stop: Option<StopReason>) -> (Terminal, &'static str) {
    match stop {
        Some(reason) => {
            let marker = match reason {
                StopReason::Cancelled => "[cooperage] Cancelled; the builder's last lines may be missing.",
                StopReason::TimedOut => "[cooperage] The deadline passed; the builder's last lines may be missing.",
                StopReason::Interrupted => {
                    "[cooperage] The server was shut down; the builder's last lines may be missing."
                }
            };
            (stopped(reason), marker)
        }
        None => (
            Terminal::Failed(failure(
                FailureCode::Lost,
                "The builder is gone and left no result: it was killed, or the machine was restarted. Rebuild to run it \
                 again.",
            )),
            "[cooperage] The builder is gone without a result; lines may be missing here.",
        ),
    }
}
