//! The builder's side: sends the spool, tells progress, and does not give up while the server is away.

mod link;
#[cfg(test)]
mod tests;

use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::watch;
use tokio::time::Instant;

use self::link::{Link, Reply};
use super::protocol::{End, Next, Progress};
use crate::config::Secret;

/// The most that one request carries; the listener takes 4 MiB.
const BATCH: usize = 1024 * 1024;
/// Lines that come within this time travel together.
const GATHER: Duration = Duration::from_millis(60);
/// A silent builder is heard at least this often.
const HEARTBEAT: Duration = Duration::from_secs(15);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length {
    /// Whole lines.
    pub lines: u64,
    /// Their bytes, line ends included.
    pub bytes: u64,
}

/// Where one job's log and result go.
#[derive(Clone)]
pub struct Target {
    /// `http://host:port`.
    pub address: String,
    /// The job.
    pub job: uuid::Uuid,
    /// What the listener asks for.
    pub token: Secret,
    /// This run of the builder: the same for each process that carries out a part of it.
    pub attempt: String,
    /// The spool: the lines of this attempt.
    pub spool: PathBuf,
}

/// What a delivery is told last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Last {
    /// The job ends.
    End(Box<End>),
    /// This process has no more to say: another goes on with the spool, or the job is run again.
    Pause,
}

/// What is to be delivered, as it grows, and what is learned meanwhile.
pub struct Feed {
    /// How much of the spool is whole lines.
    pub length: watch::Receiver<Length>,
    /// The latest progress.
    pub progress: watch::Receiver<Option<Progress>>,
    /// What is last, once it is known.
    pub last: watch::Receiver<Option<Last>>,
    /// Becomes true when the server says that the job is to stop.
    pub stop: watch::Sender<bool>,
    /// Is told why the server takes nothing now, once for each time that it does not.
    pub trouble: Box<dyn Fn(&str) + Send + Sync>,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The server has log and result, and has checked them.
    Complete,
    /// The server has the log so far.
    SoFar,
    /// The server wants nothing of this attempt any more.
    Gone,
}

/// Asks the server whether somebody wants the job to stop; none where it wants nothing of this attempt any more. Asks for
/// ever: the caller sets the limit by dropping the future.
///
/// # Errors
/// When no HTTP client can be made.
pub async fn is_to_stop(target: &Target) -> io::Result<Option<bool>> {
    let mut link = Link::new(target)?;
    loop {
        match link.begin().await {
            Reply::Accepted(Some(began)) => return Ok(Some(began.stop)),
            Reply::Gone => return Ok(None),
            Reply::Accepted(None) | Reply::GoBack(_) | Reply::Failed(_) => tokio::time::sleep(FIRST_WAIT).await,
        }
    }
}

/// Delivers until the end is acknowledged, or all lines are where the delivery is to pause, or the server says that the job
/// is gone. It retries for ever: the caller sets the limit by dropping the future.
///
/// # Errors
/// When the spool cannot be read, or no HTTP client can be made.
pub async fn deliver(target: Target, feed: Feed) -> io::Result<Delivered> {
    let link = Link::new(&target)?;
    let spool = File::open(&target.spool).await?;
    Delivery { feed, link, spool, before: None, next: 1, offset: 0, told: None, wait: Duration::ZERO }.run().await
}

struct Delivery<'a> {
    feed: Feed,
    link: Link<'a>,
    spool: File,
    /// How many lines the server had when the attempt began, once it has said so: its own line 1 is one more there.
    before: Option<u64>,
    /// The line of the spool that is sent next, from 1.
    next: u64,
    /// Where it begins in the spool.
    offset: u64,
    told: Option<Progress>,
    wait: Duration,
}

impl Delivery<'_> {
    async fn run(mut self) -> io::Result<Delivered> {
        let mut heard = Instant::now();
        loop {
            let length = *self.feed.length.borrow_and_update();
            let progress = self.feed.progress.borrow_and_update().clone();
            let last = self.feed.last.borrow_and_update().clone();
            let reply = if self.before.is_none() {
                self.begin().await
            } else if progress.is_some() && progress != self.told {
                let reply = self.link.post("progress", &progress).await;
                if matches!(reply, Reply::Accepted(_)) {
                    self.told = progress;
                }
                reply
            } else if self.next <= length.lines {
                self.send_lines(length).await?
            } else if last == Some(Last::Pause) {
                return Ok(Delivered::SoFar);
            } else if let Some(Last::End(end)) = &last {
                match self.link.post("end", end).await {
                    Reply::Accepted(_) => return Ok(Delivered::Complete),
                    reply => reply,
                }
            } else if heard.elapsed() >= HEARTBEAT {
                self.append(Vec::new()).await
            } else {
                tokio::select! {
                    _ = self.feed.length.changed() => {}
                    _ = self.feed.progress.changed() => {}
                    _ = self.feed.last.changed() => {}
                    () = tokio::time::sleep(HEARTBEAT) => {}
                }
                if self.feed.last.borrow().is_none() {
                    tokio::time::sleep(GATHER).await;
                }
                continue;
            };
            let before = self.before.unwrap_or_default();
            match reply {
                Reply::Accepted(next) => {
                    heard = Instant::now();
                    self.wait = Duration::ZERO;
                    if next.is_some_and(|next| next.stop) {
                        self.feed.stop.send_replace(true);
                    }
                    if let Some(next) = next.map(|next| next.next.saturating_sub(before)).filter(|n| *n != self.next) {
                        self.go_to(next).await?;
                    }
                }
                Reply::GoBack(next) => {
                    heard = Instant::now();
                    let next = next.saturating_sub(before);
                    // An end that agrees on nothing is asked for again: not in a tight loop.
                    if next > length.lines {
                        self.pause("the server counts other lines than the spool").await;
                    }
                    self.go_to(next).await?;
                }
                Reply::Gone => return Ok(Delivered::Gone),
                Reply::Failed(why) => self.pause(&why).await,
            }
        }
    }

    async fn begin(&mut self) -> Reply<Next> {
        match self.link.begin().await {
            Reply::Accepted(began) => {
                self.before = began.map(|began| began.lines);
                Reply::Accepted(began.map(|began| Next { next: began.next, stop: began.stop }))
            }
            Reply::GoBack(_) => Reply::Failed("it answers what was not asked".to_owned()),
            Reply::Gone => Reply::Gone,
            Reply::Failed(why) => Reply::Failed(why),
        }
    }

    async fn pause(&mut self, why: &str) {
        if self.wait.is_zero() {
            (self.feed.trouble)(why);
        }
        self.wait = (self.wait * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
        tokio::time::sleep(self.wait).await;
    }

    /// Sends the next batch of whole lines.
    async fn send_lines(&mut self, length: Length) -> io::Result<Reply<Next>> {
        let available = usize::try_from(length.bytes.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let mut batch = self.read(available.min(BATCH)).await?;
        if batch.len() < available {
            match batch.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => batch.truncate(end + 1),
                // One line longer than a batch: it goes alone. The log's line limit keeps it below the listener's.
                None => batch = self.read_line(available).await?,
            }
        }
        let (sent_lines, sent_bytes) = (count_lines(&batch), batch.len() as u64);
        let reply = self.append(batch).await;
        if let Reply::Accepted(_) = reply {
            self.next += sent_lines;
            self.offset += sent_bytes;
        }
        Ok(reply)
    }

    async fn append(&mut self, lines: Vec<u8>) -> Reply<Next> {
        self.link.append(self.before.unwrap_or_default() + self.next, lines).await
    }

    async fn read(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        self.spool.seek(SeekFrom::Start(self.offset)).await?;
        let mut buffer = vec![0; bytes];
        self.spool.read_exact(&mut buffer).await?;
        Ok(buffer)
    }

    async fn read_line(&mut self, available: usize) -> io::Result<Vec<u8>> {
        let mut size = BATCH;
        loop {
            size = (size * 2).min(available);
            let mut buffer = self.read(size).await?;
            if let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                buffer.truncate(end + 1);
                return Ok(buffer);
            }
            if size == available {
                return Err(io::Error::other("the spool does not end with a whole line"));
            }
        }
    }

    /// Goes to where line `next` of the spool begins.
    async fn go_to(&mut self, next: u64) -> io::Result<()> {
        let next = next.max(1);
        if next < self.next {
            (self.next, self.offset) = (1, 0);
        }
        let bytes = self.feed.length.borrow().bytes;
        while self.next < next && self.offset < bytes {
            let size = usize::try_from(bytes - self.offset).unwrap_or(usize::MAX).min(BATCH);
            let chunk = self.read(size).await?;
            for (index, _) in chunk.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                self.next += 1;
                if self.next == next {
                    self.offset += index as u64 + 1;
                    return Ok(());
                }
            }
            self.offset += chunk.len() as u64;
        }
        Ok(())
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
