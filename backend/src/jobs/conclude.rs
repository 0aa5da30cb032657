//! How a job ends: from the builder's last word, or from what it left behind.

use std::io::SeekFrom;
use std::pin::pin;
use std::time::Duration;

use cooperage_shared::{Failure, FailureCode};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncSeekExt as _, BufReader};
use uuid::Uuid;

use super::plan::failure;
use super::reconciler::Inner;
use crate::delivery::protocol::{End, Outcome, Pushed};
use crate::engine::EngineError;
use crate::registry::{RegistryCredential, RegistryError};
use crate::store::{Begun, Claimed, Hold, StopReason, StoreError, Terminal};

/// How often, and with what waits between, the registry is asked for an image that a builder says it has pushed.
const ASK: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(4)];

/// How much of a spooled log is read at once. Longer lines are taken whole.
const BLOCK: usize = 1 << 20;

/// How much of a spooled log is hashed at once.
const HASHED: usize = 64 << 10;

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

/// What a builder that is gone has left to say.
enum Last {
    /// Its last word.
    Word(End),
    /// Nothing.
    Nothing {
        /// Why it is gone, where the engine can tell.
        verdict: Option<Failure>,
        /// Whether the log is complete all the same.
        log_is_whole: bool,
    },
}

impl Inner {
    /// Ends a job of which nothing runs any more, or whose last word is there.
    pub(super) async fn settle(&self, hold: Hold) -> Result<(), ConcludeError> {
        let job = hold.job;
        let Some(claimed) = self.store.claimed(job).await? else { return Ok(()) };
        if claimed.job.status.is_terminal() {
            return Ok(());
        }
        if hold.fence.is_some_and(|fence| fence != claimed.fence) {
            return Err(StoreError::Fenced.into());
        }
        let last = match claimed.end.clone() {
            Some(end) => Last::Word(end),
            None => self.salvage(hold).await?,
        };
        let terminal = match last {
            Last::Word(end) => self.terminal(&claimed, end.outcome).await,
            Last::Nothing { verdict, log_is_whole } => {
                let (terminal, marker) = gone(claimed.job.stop, verdict, log_is_whole);
                self.logs.say(hold, &marker).await?;
                terminal
            }
        };
        self.finish(hold, &terminal).await?;
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
    async fn salvage(&self, hold: Hold) -> Result<Last, ConcludeError> {
        let job = hold.job;
        let salvage = self.engine.salvage(job).await?;
        if salvage.end.is_none() && !salvage.stderr_tail.is_empty() {
            tracing::warn!(%job, output = salvage.stderr_tail, "a builder ended without a result");
        }
        // As the builder itself would: it may never have reached a server.
        let is_latest = match &salvage.attempt {
            Some(attempt) => matches!(self.store.begin_attempt(job, attempt).await?, Begun::Now { .. }),
            None => true,
        };
        let fits = match salvage.log.filter(|_| is_latest) {
            Some(mut spool) => self.take_spool(job, &mut spool).await?,
            None => is_latest,
        };
        let Some(end) = salvage.end else {
            return Ok(Last::Nothing { verdict: salvage.verdict, log_is_whole: salvage.log_is_whole && fits });
        };
        let stored = self.logs.checksum_from(job, self.lines_before(job).await?).await?;
        if stored.lines != end.lines {
            let text = format!("[cooperage] {} of {} lines of this log could be kept.", stored.lines, end.lines);
            self.logs.say(hold, &text).await?;
        } else if stored.sha256 != end.sha256 {
            // Such as line ends, which the usual container runtimes change.
            let text = "[cooperage] Some lines of this log may not be quite as the builder wrote them.";
            self.logs.say(hold, text).await?;
        }
        Ok(Last::Word(end))
    }

    /// How many lines the log had when the attempt began whose spool and last word there are.
    async fn lines_before(&self, job: Uuid) -> Result<u64, StoreError> {
        Ok(self.store.attempt(job).await?.map_or(0, |attempt| attempt.lines))
    }

    /// Places a spool behind the `lines` lines that are stored after the first `before`. Whether it does begin with those but for
    /// carriage returns before line ends, which the usual container runtimes take off a line that they record.
    async fn pass_over(
        &self,
        job: Uuid,
        before: u64,
        lines: u64,
        spool: &mut tokio::fs::File,
    ) -> Result<bool, ConcludeError> {
        spool.rewind().await?;
        let mut reader = BufReader::with_capacity(HASHED, &mut *spool);
        let mut stored = pin!(self.logs.lines_from(job, before + 1).take(usize::try_from(lines).unwrap_or(usize::MAX)));
        let (mut line, mut passed) = (Vec::new(), 0);
        while let Some(kept) = stored.try_next().await? {
            line.clear();
            passed += reader.read_until(b'\n', &mut line).await? as u64;
            if line.strip_suffix(b"\n").map(without_return) != Some(without_return(&kept)) {
                return Ok(false);
            }
        }
        drop(reader);
        spool.seek(SeekFrom::Start(passed)).await?;
        Ok(true)
    }

    /// Appends what a spool has beyond what is stored of its attempt. Whether it does begin with that: a kubelet may have
    /// thrown the beginning away.
    async fn take_spool(&self, job: Uuid, spool: &mut tokio::fs::File) -> Result<bool, ConcludeError> {
        let before = self.lines_before(job).await?;
        let stored = self.logs.checksum_from(job, before).await?;
        if sha256_of(&mut (&mut *spool).take(stored.bytes)).await? != stored.sha256
            && !self.pass_over(job, before, stored.lines, spool).await?
        {
            tracing::warn!(%job, "the spooled log does not begin with the stored one");
            return Ok(false);
        }
        let mut next = before + stored.lines + 1;
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
                        return Ok(false);
                    }
                }
                pending.drain(..whole);
            }
            if is_end {
                return Ok(true);
            }
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The SHA-256 of all that is to be read, in hexadecimal digits.
async fn sha256_of(input: &mut (impl AsyncRead + Unpin)) -> std::io::Result<String> {
    let (mut hash, mut block) = (Sha256::new(), vec![0; HASHED]);
    loop {
        match input.read(&mut block).await? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => hash.update(&block[..read]),
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
fn gone(stop: Option<StopReason>, verdict: Option<Failure>, log_is_whole: bool) -> (Terminal, String) {
    let (terminal, event, missing) = match (stop, verdict) {
        (Some(reason), _) => {
            let event = match reason {
                StopReason::Cancelled => "Cancelled",
                StopReason::TimedOut => "The deadline passed",
                StopReason::Interrupted => "The server was shut down",
            };
            (stopped(reason), event.to_owned(), "; the builder's last lines may be missing.")
        }
        (None, Some(verdict)) => {
            let event = verdict.message.clone();
            (Terminal::Failed(verdict), event, " Lines may be missing here.")
        }
        (None, None) => (
            Terminal::Failed(failure(
                FailureCode::Lost,
                "The builder is gone and left no result: it was killed, or the machine was restarted. Rebuild to run it \
                 again.",
            )),
            "The builder is gone without a result".to_owned(),
            "; lines may be missing here.",
        ),
    };
    let end = match (log_is_whole, event.ends_with('.')) {
        (false, _) => missing,
        (true, true) => "",
        (true, false) => ".",
    };
    (terminal, format!("[cooperage] {event}{end}"))
}
