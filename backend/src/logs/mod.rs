//! The logs of jobs: complete, ordered, numbered from 1.
//!
//! What must stay true:
//! - A line is stored once, and never changes. Lines end at `\n` only; every byte is kept.
//! - A reader gets what is stored, then what is added, with no gap and no repeat: it asks the database for the line that it
//!   wants next, and hints only say when to ask.
//! - A log is final when its job has ended, for the terminal status is written after the last line.

mod follow;
mod reader;
#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::jobs::events::{Event, Events};
use crate::store::{Appended, Hold, Store, StoreError};

pub use follow::{From, LogChunk};
pub use reader::LogPage;

/// The most bytes that one read takes from the database at once: 16 chunks.
const CHUNKS_AT_ONCE: u64 = 16;

/// The logs of all jobs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LogStore {
    store: Store,
    events: Events,
}

impl LogStore {
    /// The logs in `store`, whose growth is told to `events`.
    #[must_use]
    pub fn new(store: Store, events: Events) -> Self {
        Self { store, events }
    }

    /// Appends a builder's lines, of which the first has the number `from`. `data` is whole lines, each with its `\n`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the job is gone.
    pub async fn append(&self, job: Uuid, from: u64, data: &[u8]) -> Result<Appended, StoreError> {
        debug_assert!(data.is_empty() || data.ends_with(b"\n"), "whole lines only");
        let appended = self.store.append_log(job, Some(from), data).await?;
        if let Appended::Stored { new: 1.., next } = appended {
            self.events.send(Event::LogGrew { job, lines: next - 1 });
        }
        Ok(appended)
    }

    /// Appends a line of the server's own, such as a marker for what was lost. Nothing happens where the job has ended.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the job is gone, [`StoreError::Fenced`] where it is in other hands.
    pub async fn say(&self, hold: impl Into<Hold>, text: &str) -> Result<(), StoreError> {
        let hold = hold.into();
        let mut line = text.replace(['\n', '\r'], " ");
        line.push('\n');
        if let Appended::Stored { next, .. } = self.store.append_log(hold, None, line.as_bytes()).await? {
            self.events.send(Event::LogGrew { job: hold.job, lines: next - 1 });
        }
        Ok(())
    }

    /// The number of lines and the SHA-256, in hexadecimal digits, of all that is stored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn checksum(&self, job: Uuid) -> Result<(u64, String), StoreError> {
        let all = self.checksum_from(job, 0).await?;
        Ok((all.lines, all.sha256))
    }

    /// The same of what is stored after the first `after` lines: of one attempt's lines.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn checksum_from(&self, job: Uuid, after: u64) -> Result<Checksum, StoreError> {
        let (mut hash, mut next, mut bytes) = (Sha256::new(), after + 1, 0);
        loop {
            let chunks = self.store.log_chunks(job, next, CHUNKS_AT_ONCE).await?;
            let Some(last) = chunks.last() else { break };
            let end = last.next();
            for chunk in &chunks {
                let lines = crate::store::skip_lines(&chunk.data, next - chunk.first_line);
                hash.update(lines);
                bytes += lines.len() as u64;
                next = chunk.next();
            }
            next = end;
        }
        Ok(Checksum { lines: next - 1 - after, bytes, sha256: hex::encode(hash.finalize()) })
    }
}

/// What a run of stored lines comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// How many lines.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal digits.
    pub sha256: String,
}
