//! Pages of a log, and the whole of it.

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _};
use uuid::Uuid;

use super::{CHUNKS_AT_ONCE, LogStore};
use crate::store::{StoreError, skip_lines};

/// The most lines of a page, whatever is asked for.
pub(super) const MAX_LINES: u64 = 10_000;

/// The most bytes of a page or of a chunk of a subscription; only a longer line makes a larger one. Lines have 64 KiB where
/// nothing else is configured: so many lines of that size would be more than a server should hold for one answer.
pub(super) const MAX_BYTES: u64 = 4 << 20;

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
    /// The `last` lines before line `before`, or before the end: at most 10,000, and no more than [`MAX_BYTES`] of them, so
    /// that long lines make a page of fewer. None where there is no such job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn page(&self, job: Uuid, last: u64, before: Option<u64>) -> Result<Option<LogPage>, StoreError> {
        let Some(state) = self.store.log_state(job).await? else { return Ok(None) };
        let end = before.unwrap_or(u64::MAX).clamp(1, state.lines + 1);
        let fitting = self.store.log_start(job, end, MAX_BYTES).await?;
        let first = end.saturating_sub(last.min(MAX_LINES)).max(fitting);
        let lines = self.lines(job, first, end).await?;
        Ok(Some(LogPage { first_line: first, lines, total_lines: state.lines, finished: state.finished }))
    }

    /// The lines from number `first` up to, but without, number `end`; fewer where they have more than [`MAX_BYTES`], and at
    /// least one.
    pub(super) async fn lines(&self, job: Uuid, first: u64, end: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut next = first;
        let mut bytes = 0;
        'read: while next < end {
            let chunks = self.store.log_chunks(job, next, CHUNKS_AT_ONCE).await?;
            if chunks.is_empty() {
                break;
            }
            for chunk in chunks {
                let data = skip_lines(&chunk.data, next - chunk.first_line);
                let wanted = usize::try_from(end - next).unwrap_or(usize::MAX);
                for line in data.split_inclusive(|byte| *byte == b'\n').take(wanted) {
                    bytes += line.len() as u64;
                    if bytes > MAX_BYTES && !lines.is_empty() {
                        break 'read;
                    }
                    lines.push(line.strip_suffix(b"\n").unwrap_or(line).to_vec());
                }
                next = first + lines.len() as u64;
                if next >= end {
                    break;
                }
            }
        }
        Ok(lines)
    }

    /// The lines that are stored now from number `first` on, without their `\n`.
    pub fn lines_from(&self, job: Uuid, first: u64) -> impl Stream<Item = Result<Vec<u8>, StoreError>> + Send + use<> {
        let logs = self.clone();
        futures_util::stream::try_unfold(first, move |next| {
            let logs = logs.clone();
            async move {
                let lines = logs.lines(job, next, u64::MAX).await?;
                let after = next + lines.len() as u64;
                Ok::<_, StoreError>(
                    (!lines.is_empty()).then(|| (futures_util::stream::iter(lines.into_iter().map(Ok)), after)),
                )
            }
        })
        .try_flatten()
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
