//! Pages of a log, and the whole of it.

use bytes::Bytes;
use futures_util::Stream;
use uuid::Uuid;

use super::{CHUNKS_AT_ONCE, LogStore};
use crate::store::{StoreError, skip_lines};

/// The most lines of a page, whatever is asked for.
pub(super) const MAX_LINES: u64 = 10_000;

/// Some lines of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// The number of the first line, from 1; where there are no lines, the number that the next one will have.
    pub first_line: u64,
    /// The lines without their `\n`. They need not be UTF-8.
    pub lines: Vec<Vec<u8>>,
    /// How many lines the log has so far.
    pub total_lines: u64,
    /// Whether the job has ended, and so no line follows.
    pub finished: bool,
}

impl LogStore {
    /// The `last` lines before line `before`, or before the end. At most 10,000. None where there is no such job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page(&self, job: Uuid, last: u64, before: Option<u64>) -> Result<Option<LogPage>, StoreError> {
        let Some(state) = self.store.log_state(job).await? else { return Ok(None) };
        let end = before.unwrap_or(u64::MAX).clamp(1, state.lines + 1);
        let first = end.saturating_sub(last.min(MAX_LINES)).max(1);
        let lines = self.lines(job, first, end).await?;
        Ok(Some(LogPage { first_line: first, lines, total_lines: state.lines, finished: state.finished }))
    }

    /// The lines from number `first` up to, but without, number `end`.
    pub(super) async fn lines(&self, job: Uuid, first: u64, end: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut lines = Vec::new();
        let mut next = first;
        while next < end {
            let chunks = self.store.log_chunks(job, next, CHUNKS_AT_ONCE).await?;
            if chunks.is_empty() {
                break;
            }
            for chunk in chunks {
                let data = skip_lines(&chunk.data, next - chunk.first_line);
                let wanted = usize::try_from(end - next).unwrap_or(usize::MAX);
                let found = data.split_inclusive(|byte| *byte == b'\n').take(wanted);
                lines.extend(found.map(|line| line.strip_suffix(b"\n").unwrap_or(line).to_vec()));
                next = first + lines.len() as u64;
                if next >= end {
                    break;
                }
            }
        }
        Ok(lines)
    }

    /// Everything that is stored now, byte for byte, and what is added while it is read. It ends at the end of what is
    /// there, also while the job runs.
    pub fn download(&self, job: Uuid) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + use<> {
        let store = self.store.clone();
        let start = (1, Vec::new().into_iter());
        futures_util::stream::try_unfold(start, move |(mut next, mut ready): (u64, std::vec::IntoIter<_>)| {
            let store = store.clone();
            async move {
                loop {
                    if let Some(chunk) = ready.next() {
                        let crate::store::Chunk { first_line, data, .. } = &chunk;
                        let bytes = Bytes::copy_from_slice(skip_lines(data, next - first_line));
                        next = chunk.next();
                        return Ok(Some((bytes, (next, ready))));
                    }
                    let chunks = store.log_chunks(job, next, CHUNKS_AT_ONCE).await?;
                    if chunks.is_empty() {
                        return Ok(None);
                    }
                    ready = chunks.into_iter();
                }
            }
        })
    }
}
