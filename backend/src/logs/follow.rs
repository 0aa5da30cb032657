//! A log as it grows.

use std::time::Duration;

use futures_util::Stream;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::LogStore;
use crate::jobs::events::Event;
use crate::store::StoreError;

/// How long a hint may be missing before the database is asked all the same.
const POLL: Duration = Duration::from_secs(1);

/// The most lines of one chunk.
const LINES_AT_ONCE: u64 = 2_000;

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the line of this number, from 1.
    Line(u64),
    /// So many lines before the end of what is there.
    Last(u64),
}

/// Consecutive lines of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// The number of the first line; where there are no lines, the number of the next.
    pub first_line: u64,
    /// The lines without their `\n`. They need not be UTF-8.
    pub lines: Vec<Vec<u8>>,
    /// Whether the job has ended and this is the last chunk.
    pub finished: bool,
}

struct Follower {
    logs: LogStore,
    job: Uuid,
    from: From,
    next: Option<u64>,
    news: broadcast::Receiver<Event>,
    done: bool,
}

impl LogStore {
    /// The lines that are there, then those that are added, until the job has ended; the last chunk says so, and may have
    /// no lines. The first chunk comes at once, with or without lines. A job that is deleted ends the stream.
    pub fn follow(&self, job: Uuid, from: From) -> impl Stream<Item = Result<LogChunk, StoreError>> + Send + use<> {
        let news = self.events.subscribe();
        let start = Follower { logs: self.clone(), job, from, next: None, news, done: false };
        futures_util::stream::try_unfold(start, |mut follower| async move {
            Ok(follower.chunk().await?.map(|chunk| (chunk, follower)))
        })
    }
}

impl Follower {
    async fn chunk(&mut self) -> Result<Option<LogChunk>, StoreError> {
        if self.done {
            return Ok(None);
        }
        loop {
            // The state is read before the lines: a job that has ended by now has all its lines by now.
            let Some(state) = self.logs.store.log_state(self.job).await? else { return Ok(None) };
            let is_first = self.next.is_none();
            let next = *self.next.get_or_insert(match self.from {
                From::Line(line) => line.max(1),
                From::Last(lines) => (state.lines + 1).saturating_sub(lines).max(1),
            });
            let end = (state.lines + 1).min(next.saturating_add(LINES_AT_ONCE));
            let lines = if next < end { self.logs.lines(self.job, next, end).await? } else { Vec::new() };
            let after = next + lines.len() as u64;
            self.next = Some(after);
            self.done = state.finished && after > state.lines;
            if is_first || self.done || !lines.is_empty() {
                return Ok(Some(LogChunk { first_line: next, lines, finished: self.done }));
            }
            self.wait().await;
        }
    }

    /// Waits for news of this job, and not for long.
    async fn wait(&mut self) {
        let news = async {
            loop {
                match self.news.recv().await {
                    Ok(Event::LogGrew { job, lines }) if job == self.job && self.next.is_none_or(|n| n <= lines) => {
                        break;
                    }
                    Ok(Event::JobChanged { job, .. }) if job == self.job => break,
                    Ok(Event::SpecDeleted { .. } | Event::Missed) | Err(broadcast::error::RecvError::Lagged(_)) => {
                        break;
                    }
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        // The end of the time is news enough.
        let _ = tokio::time::timeout(POLL, news).await;
    }
}
