//! The runs of a job's builder. A pod that was disrupted runs again: each run is an *attempt*, whose lines are counted from
//! its own beginning.

use cooperage_shared::JobStatus;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, Set};
use uuid::Uuid;

use super::convert::{column, count, key, word};
use super::entity::build_job::{ActiveModel, Entity, Model};
use super::{Store, StoreError, now};
use crate::delivery::protocol::TOLD_TO_END;

/// How many runs a job may have: an engine that starts more of them is out of its mind.
const MOST: u64 = 100;

/// The attempt that delivers now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What the builder calls it.
    pub name: String,
    /// Which one it is, from 1.
    pub number: u64,
    /// How many lines the log had when it began: its first line has the number after.
    pub lines: u64,
}

/// What came of the beginning of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It may deliver.
    Now {
        /// The attempt.
        attempt: Attempt,
        /// The number of the line that is wanted next.
        next: u64,
        /// Whether a line was added that tells of it.
        told: bool,
    },
    /// A later one has begun, or the job has its last word: nothing more is wanted of this one.
    Over,
}

/// What a delivery must know of its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivering {
    /// The SHA-256 of the builder's token, in hexadecimal digits.
    pub token_sha256: Option<String>,
    /// The job's status.
    pub status: JobStatus,
    /// Whether the job is to stop.
    pub stop: bool,
    /// The attempt that has begun, if one has.
    pub attempt: Option<Attempt>,
}

impl Store {
    /// Begins an attempt of a job that runs. The same attempt may begin again, which changes nothing; a further one adds a
    /// line to the log that tells of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the job is gone, [`StoreError::Transition`] where it does not run.
    pub async fn begin_attempt(&self, job: Uuid, name: &str) -> Result<Begun, StoreError> {
        let tx = self.write().await?;
        let row = super::job_writes::running(&tx, job.into()).await?;
        if let Some(attempt) = attempt_of(&row)?.filter(|attempt| attempt.name == name) {
            return Ok(Begun::Now { attempt, next: count(row.log_lines)? + 1, told: false });
        }
        let past = row.attempts_past.clone().unwrap_or_default();
        let number = count(row.attempt_number)? + 1;
        if row.outcome.is_some() || past.split(' ').any(|past| past == name) || number > MOST {
            return Ok(Begun::Over);
        }
        let (mut lines, mut bytes, told) = (count(row.log_lines)?, count(row.log_bytes)?, number > 1);
        if told {
            // A builder that had the time says as its last line that it is told to end: all before it has come.
            let missing = match self.ends_with_line(&tx, job, TOLD_TO_END.as_bytes()).await? {
                true => "",
                false => " Lines of the one before may be missing.",
            };
            let marker = format!("[cooperage] The pod was disrupted and runs again (attempt {number}).{missing}\n");
            self.insert_lines(&tx, job, lines + 1, marker.as_bytes()).await?;
            lines += 1;
            bytes += marker.len() as u64;
        }
        let grown = column(bytes)?;
        let past = [Some(past).filter(|past| !past.is_empty()), row.attempt.clone()];
        let past = past.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let change = ActiveModel {
            id: Set(row.id),
            attempt: Set(Some(name.to_owned())),
            attempt_number: Set(column(number)?),
            attempt_lines: Set(column(lines)?),
            attempts_past: Set(Some(past).filter(|past| !past.is_empty())),
            log_lines: Set(column(lines)?),
            log_bytes: Set(grown),
            // Each attempt may fill a log of its own.
            log_limit_bytes: Set(row.log_limit_bytes.map(|limit| limit.saturating_add(grown))),
            updated_at: Set(now().timestamp_millis()),
            ..Default::default()
        };
        change.update(&tx.tx).await?;
        tx.commit().await?;
        let attempt = Attempt { name: name.to_owned(), number, lines };
        Ok(Begun::Now { attempt, next: lines + 1, told })
    }

    /// What a delivery must know of its job. None where there is no such job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivering(&self, job: Uuid) -> Result<Option<Delivering>, StoreError> {
        let row = Entity::find_by_id(key(job)).one(&self.db).await?;
        row.map(|row| {
            let attempt = attempt_of(&row)?;
            let (status, stop) = (word(&row.status)?, row.stop_reason.is_some());
            Ok(Delivering { token_sha256: row.token_hash, status, stop, attempt })
        })
        .transpose()
    }

    /// The attempt that delivers, or delivered last. None where none has begun.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn attempt(&self, job: Uuid) -> Result<Option<Attempt>, StoreError> {
        Ok(self.delivering(job).await?.and_then(|delivering| delivering.attempt))
    }
}

fn attempt_of(row: &Model) -> Result<Option<Attempt>, StoreError> {
    let Some(name) = row.attempt.clone() else { return Ok(None) };
    Ok(Some(Attempt { name, number: count(row.attempt_number)?, lines: count(row.attempt_lines)? }))
}
