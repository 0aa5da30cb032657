//! Rows to values, and single values to what a column holds.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::entity::{base_image, build_job, image_spec, pull_secret, revision};
use super::{BaseImage, BaseImageKind, Job, PullSecret, Revision, Spec, StopReason, StoreError};

pub(super) fn key(id: Uuid) -> String {
    id.simple().to_string()
}

pub(super) fn keys(ids: &[Uuid]) -> Vec<String> {
    ids.iter().copied().map(key).collect()
}

fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(what.to_string())
}

pub(super) fn id(text: &str) -> Result<Uuid, StoreError> {
    Uuid::try_parse(text).map_err(|_| corrupt(format!("{text:?} is no id")))
}

fn maybe_id(text: Option<String>) -> Result<Option<Uuid>, StoreError> {
    text.as_deref().map(id).transpose()
}

pub(super) fn word<T: FromStr>(text: &str) -> Result<T, StoreError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| corrupt(format!("{text:?}: {error}")))
}

fn maybe_word<T: FromStr>(text: Option<String>) -> Result<Option<T>, StoreError>
where
    T::Err: std::fmt::Display,
{
    text.as_deref().map(word).transpose()
}

pub(super) fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(corrupt)
}

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(corrupt)
}

pub(super) fn time(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| corrupt(format!("{millis} is no time")))
}

fn maybe_time(millis: Option<i64>) -> Result<Option<DateTime<Utc>>, StoreError> {
    millis.map(time).transpose()
}

pub(super) fn count(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(corrupt)
}

pub(super) fn column(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(corrupt)
}

impl TryFrom<image_spec::Model> for Spec {
    type Error = StoreError;

    fn try_from(row: image_spec::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id)?,
            name: word(&row.name)?,
            version: count(row.version)?,
            revision_id: id(&row.revision_id)?,
            pull_secret: row.pull_secret,
            latest_job_id: id(&row.latest_job_id)?,
            latest_status: word(&row.latest_status)?,
            latest_successful_job_id: maybe_id(row.success_job_id)?,
            image: maybe_word(row.image)?,
            digest: row.digest,
            created_at: time(row.created_at)?,
            updated_at: time(row.updated_at)?,
        })
    }
}

impl TryFrom<revision::Model> for Revision {
    type Error = StoreError;

    fn try_from(row: revision::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id)?,
            spec_id: id(&row.spec_id)?,
            hash: word(&row.hash)?,
            base_image: word(&row.base_image)?,
            packages: json(&row.packages)?,
            created_at: time(row.created_at)?,
        })
    }
}

impl TryFrom<build_job::Model> for Job {
    type Error = StoreError;

    fn try_from(row: build_job::Model) -> Result<Self, StoreError> {
        let stop = row.stop_reason.as_deref();
        let stop = stop.map(|word| StopReason::from_word(word).ok_or_else(|| corrupt(word))).transpose()?;
        Ok(Self {
            id: id(&row.id)?,
            spec_id: id(&row.spec_id)?,
            revision_id: id(&row.revision_id)?,
            revision: word(&row.revision_hash)?,
            number: count(row.number)?,
            status: word(&row.status)?,
            phase: maybe_word(row.phase)?,
            fresh: row.fresh,
            pull_secret: row.pull_secret,
            base_image_digest: row.base_image_digest,
            dockerfile: row.dockerfile,
            image: maybe_word(row.image)?,
            digest: row.digest,
            size_bytes: row.size_bytes.map(count).transpose()?,
            failure: row.failure.as_deref().map(json).transpose()?,
            reused_from: maybe_id(row.reused_job_id)?,
            stop,
            log_lines: count(row.log_lines)?,
            log_bytes: count(row.log_bytes)?,
            created_at: time(row.created_at)?,
            started_at: maybe_time(row.started_at)?,
            finished_at: maybe_time(row.finished_at)?,
            updated_at: time(row.updated_at)?,
        })
    }
}

impl TryFrom<base_image::Model> for BaseImage {
    type Error = StoreError;

    fn try_from(row: base_image::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id)?,
            name: row.name,
            display_name: row.display_name,
            description: row.description,
            kind: BaseImageKind::from_word(&row.kind).ok_or_else(|| corrupt(&row.kind))?,
            url: row.url,
            url_for_gpu: row.url_for_gpu,
            pull_secret: row.pull_secret,
            created_at: time(row.created_at)?,
            updated_at: time(row.updated_at)?,
        })
    }
}

impl TryFrom<pull_secret::Model> for PullSecret {
    type Error = StoreError;

    fn try_from(row: pull_secret::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: id(&row.id)?,
            name: row.name,
            host: row.host,
            username: row.username,
            sealed: row.sealed,
            created_at: time(row.created_at)?,
            updated_at: time(row.updated_at)?,
        })
    }
}

/// Converts every row.
pub(super) fn all<R, T>(rows: Vec<R>) -> Result<Vec<T>, StoreError>
where
    T: TryFrom<R, Error = StoreError>,
{
    rows.into_iter().map(T::try_from).collect()
}
