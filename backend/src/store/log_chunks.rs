//! The rows of logs: compressed chunks of whole lines.
//!
//! A chunk grows in its row until it is of a good size; so a log that arrives line by line has few rows all the same.
//! Lines end at `\n` and nowhere else, and every byte is kept.

use chrono::{DateTime, Utc};
use cooperage_shared::JobStatus;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use uuid::Uuid;

use super::convert::{column, count, id, key, word};
use super::entity::{build_job, log_chunk};
use super::hold::locked;
use super::{Hold, Store, StoreError, Write};

/// A chunk stops growing at this size, in bytes before compression; only a longer line makes a larger one.
const CHUNK_BYTES: usize = 64 * 1024;

/// Fast: a log is written while a person waits, and text shrinks well at any level.
const ZSTD_LEVEL: i32 = 1;

/// What became of lines that were to be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// They are stored; this many of them were new.
    Stored {
        /// The number of the line that is wanted next, from 1.
        next: u64,
        /// How many lines were new.
        new: u64,
    },
    /// Lines are missing before them: nothing was stored.
    Gap {
        /// The number of the line that is wanted next.
        next: u64,
    },
    /// The log would be longer than it may: nothing was stored.
    TooLong {
        /// The number of the line that is wanted next.
        next: u64,
    },
    /// The job has ended: its log is final.
    Ended {
        /// One more than the number of lines.
        next: u64,
    },
}

/// How far a log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// How many lines are stored.
    pub lines: u64,
    /// How many bytes these have.
    pub bytes: u64,
    /// Whether the job has ended, and with it the log.
    pub finished: bool,
}

/// A run of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The number of its first line, from 1.
    pub first_line: u64,
    /// How many lines it has.
    pub lines: u64,
    /// The lines, each with its `\n`.
    pub data: Vec<u8>,
}

impl Chunk {
    /// The number of the line that follows.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.first_line + self.lines
    }
}

impl Store {
    /// Appends whole lines, of which the first has the number `from`. Lines that are stored already are passed over.
    /// Without `from` it is one line of the server's own, which goes to the end, whatever its number, and which no limit
    /// holds; where the log ends with it already it is not written again, for whoever says it may have to say it again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the job is gone, [`StoreError::Fenced`] where it is in other hands.
    pub async fn append_log(
        &self,
        hold: impl Into<Hold>,
        from: Option<u64>,
        data: &[u8],
    ) -> Result<Appended, StoreError> {
        let hold = hold.into();
        self.again(|| self.append_log_once(hold, from, data)).await
    }

    async fn append_log_once(&self, hold: Hold, from: Option<u64>, data: &[u8]) -> Result<Appended, StoreError> {
        let tx = self.write().await?;
        // Locked: of two that append the same lines, by two servers, the second sees what the first has stored.
        let row = locked(&tx, hold.job).await?;
        let job = hold.job;
        let next = count(row.log_lines)? + 1;
        if word::<JobStatus>(&row.status)?.is_terminal() {
            return Ok(Appended::Ended { next });
        }
        hold.check(&row)?;
        let from_line = from.unwrap_or(next);
        if from_line > next {
            return Ok(Appended::Gap { next });
        }
        let new = skip_lines(data, next - from_line);
        let lines = count_lines(new);
        if lines == 0 || (from.is_none() && self.ends_with_line(&tx, job, new.trim_ascii_end()).await?) {
            return Ok(Appended::Stored { next, new: 0 });
        }
        let bytes = count(row.log_bytes)? + new.len() as u64;
        if from.is_some() && row.log_limit_bytes.is_some_and(|limit| bytes > u64::try_from(limit).unwrap_or(0)) {
            return Ok(Appended::TooLong { next });
        }
        self.insert_lines(&tx, job, next, new).await?;
        let change = build_job::ActiveModel {
            id: Set(row.id),
            log_lines: Set(column(next - 1 + lines)?),
            log_bytes: Set(column(bytes)?),
            ..Default::default()
        };
        build_job::Entity::update(change).exec(&tx.tx).await?;
        tx.commit().await?;
        Ok(Appended::Stored { next: next + lines, new: lines })
    }

    pub(super) async fn insert_lines(&self, tx: &Write, job: Uuid, next: u64, data: &[u8]) -> Result<(), StoreError> {
        let last = last_chunk(tx, job).await?;
        let (mut data, mut first) = (std::borrow::Cow::Borrowed(data), next);
        if let Some(row) = last
            && count(row.byte_count)? + data.len() as u64 <= CHUNK_BYTES as u64
        {
            let mut chunk = Chunk::try_from(row.clone())?;
            chunk.data.extend_from_slice(&data);
            log_chunk::Entity::delete_by_id((row.job_id, row.first_line)).exec(&tx.tx).await?;
            (data, first) = (chunk.data.into(), chunk.first_line);
        }
        for piece in pieces(&data) {
            let lines = count_lines(piece);
            let row = log_chunk::ActiveModel {
                job_id: Set(key(job)),
                first_line: Set(column(first)?),
                line_count: Set(column(lines)?),
                byte_count: Set(column(piece.len() as u64)?),
                data: Set(zstd::bulk::compress(piece, ZSTD_LEVEL).map_err(corrupt)?),
            };
            log_chunk::Entity::insert(row).exec_without_returning(&tx.tx).await?;
            first += lines;
        }
        Ok(())
    }

    /// Whether a log ends with this line.
    pub(super) async fn ends_with_line(&self, tx: &Write, job: Uuid, line: &[u8]) -> Result<bool, StoreError> {
        let Some(row) = last_chunk(tx, job).await? else { return Ok(false) };
        let chunk = Chunk::try_from(row)?;
        let end = chunk.data.strip_suffix(b"\n").unwrap_or(&chunk.data);
        Ok(end.rsplit(|byte| *byte == b'\n').next() == Some(line))
    }

    /// At most `limit` chunks from the one that holds line `line` on. The first may begin before that line.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_chunks(&self, job: Uuid, line: u64, limit: u64) -> Result<Vec<Chunk>, StoreError> {
        use log_chunk::{Column, Entity};
        let of_job = || Entity::find().filter(Column::JobId.eq(key(job)));
        let start: Option<i64> = of_job()
            .select_only()
            .column(Column::FirstLine)
            .filter(Column::FirstLine.lte(column(line)?))
            .order_by_desc(Column::FirstLine)
            .limit(1)
            .into_tuple()
            .one(&self.db)
            .await?;
        let rows = of_job()
            .filter(Column::FirstLine.gte(start.unwrap_or(0)))
            .order_by_asc(Column::FirstLine)
            .limit(limit)
            .all(&self.db)
            .await?;
        let chunks = rows.into_iter().map(Chunk::try_from);
        chunks.filter(|chunk| chunk.as_ref().map_or(true, |chunk| chunk.next() > line)).collect()
    }

    /// The number of the earliest line from which on the chunks that hold lines before line `end` have at most `bytes` bytes
    /// together. The last of them counts as fitting whatever its size. 1 where there are none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_start(&self, job: Uuid, end: u64, bytes: u64) -> Result<u64, StoreError> {
        use log_chunk::Column;
        let sizes: Vec<(i64, i64)> = log_chunk::Entity::find()
            .select_only()
            .columns([Column::FirstLine, Column::ByteCount])
            .filter(Column::JobId.eq(key(job)))
            .filter(Column::FirstLine.lt(column(end)?))
            .order_by_desc(Column::FirstLine)
            // Two chunks that follow each other are larger than one may become.
            .limit(2 * (bytes / CHUNK_BYTES as u64) + 1)
            .into_tuple()
            .all(&self.db)
            .await?;
        let (mut start, mut total) = (1, 0);
        for (number, (first_line, size)) in sizes.into_iter().enumerate() {
            total += count(size)?;
            if number > 0 && total > bytes {
                break;
            }
            start = count(first_line)?;
        }
        Ok(start)
    }

    /// How far a log has come. None where there is no such job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn log_state(&self, job: Uuid) -> Result<Option<LogState>, StoreError> {
        use build_job::Column;
        let row: Option<(i64, i64, String)> = build_job::Entity::find_by_id(key(job))
            .select_only()
            .columns([Column::LogLines, Column::LogBytes, Column::Status])
            .into_tuple()
            .one(&self.db)
            .await?;
        row.map(|(lines, bytes, status)| {
            let finished = word::<JobStatus>(&status)?.is_terminal();
            Ok(LogState { lines: count(lines)?, bytes: count(bytes)?, finished })
        })
        .transpose()
    }

    /// Replaces the logs of jobs that ended before `cutoff` by `notice`, one line without its `\n`. Gives the jobs; at most
    /// 100 at a time, so that other writers have their turn.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_logs(&self, cutoff: DateTime<Utc>, notice: &str) -> Result<Vec<Uuid>, StoreError> {
        use build_job::Column;
        let tx = self.write().await?;
        let old: Vec<String> = build_job::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::FinishedAt.lt(cutoff.timestamp_millis()))
            .filter(Column::LogRemoved.eq(false))
            .limit(100)
            // Another server may be at it: it has its own hundred.
            .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked)
            .into_tuple()
            .all(&tx.tx)
            .await?;
        let line = format!("{notice}\n");
        for job in &old {
            let chunks = log_chunk::Entity::delete_many().filter(log_chunk::Column::JobId.eq(job.clone()));
            let had_lines = chunks.exec(&tx.tx).await?.rows_affected > 0;
            if had_lines {
                self.insert_lines(&tx, id(job)?, 1, line.as_bytes()).await?;
            }
            let (lines, bytes) = if had_lines { (1, column(line.len() as u64)?) } else { (0, 0) };
            let change = build_job::ActiveModel {
                id: Set(job.clone()),
                log_removed: Set(true),
                log_lines: Set(lines),
                log_bytes: Set(bytes),
                ..Default::default()
            };
            change.update(&tx.tx).await?;
        }
        tx.commit().await?;
        old.iter().map(|job| id(job)).collect()
    }
}

async fn last_chunk(tx: &Write, job: Uuid) -> Result<Option<log_chunk::Model>, StoreError> {
    use log_chunk::Column;
    let of_job = log_chunk::Entity::find().filter(Column::JobId.eq(key(job))).order_by_desc(Column::FirstLine);
    Ok(of_job.limit(1).one(&tx.tx).await?)
}

impl TryFrom<log_chunk::Model> for Chunk {
    type Error = StoreError;

    fn try_from(row: log_chunk::Model) -> Result<Self, StoreError> {
        let size = usize::try_from(row.byte_count).map_err(corrupt)?;
        let data = zstd::bulk::decompress(&row.data, size).map_err(corrupt)?;
        Ok(Self { first_line: count(row.first_line)?, lines: count(row.line_count)?, data })
    }
}

fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("log chunk: {error}"))
}

pub(crate) fn count_lines(data: &[u8]) -> u64 {
    data.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The rest after so many lines.
pub(crate) fn skip_lines(data: &[u8], lines: u64) -> &[u8] {
    let mut rest = data;
    for _ in 0..lines {
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => rest = &rest[end + 1..],
            None => return &[],
        }
    }
    rest
}

/// Cuts at line ends into pieces of a chunk's size.
fn pieces(data: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = data;
    while rest.len() > CHUNK_BYTES {
        let inside = rest[..CHUNK_BYTES].iter().rposition(|byte| *byte == b'\n');
        let Some(end) = inside.or_else(|| rest.iter().position(|byte| *byte == b'\n')) else { break };
        let (piece, after) = rest.split_at(end + 1);
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}
