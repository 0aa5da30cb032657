//! Pages of a log, and its live end.

use cynic::{QueryBuilder, QueryFragment, QueryVariables, StreamingOperation, SubscriptionBuilder};

use crate::api::{self, ApiError, schema};

#[derive(QueryVariables)]
struct PageVariables {
    id: cynic::Id,
    last: Option<i32>,
    before: Option<i32>,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query", variables = "PageVariables")]
struct PageQuery {
    #[arguments(id: $id)]
    build_job: Option<JobLog>,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "BuildJob", variables = "PageVariables")]
struct JobLog {
    #[arguments(last: $last, before: $before)]
    log: LogPage,
}

/// A page of a log.
#[derive(QueryFragment, Clone, Debug)]
pub(super) struct LogPage {
    pub(super) first_line: i32,
    pub(super) lines: Vec<String>,
    pub(super) total_lines: i32,
    pub(super) finished: bool,
}

/// The last `last` lines before the line `before`; without one, the last of all. None where there is no such job.
pub(super) async fn page(job: &str, last: i32, before: Option<u64>) -> Result<Option<LogPage>, ApiError> {
    let before = before.map(|line| i32::try_from(line).unwrap_or(i32::MAX));
    let operation = PageQuery::build(PageVariables { id: job.into(), last: Some(last), before });
    api::run(operation).await.map(|answer| answer.build_job.map(|job| job.log))
}

/// The variables of the live end.
#[derive(QueryVariables)]
pub(super) struct LiveVariables {
    id: cynic::Id,
    from: Option<i32>,
}

/// One piece of the live end.
#[derive(QueryFragment)]
#[cynic(graphql_type = "Subscription", variables = "LiveVariables")]
pub(super) struct LiveLog {
    #[arguments(jobId: $id, fromLine: $from)]
    pub(super) build_log: LogChunk,
}

/// Lines as they come.
#[derive(QueryFragment, Clone, Debug)]
pub(super) struct LogChunk {
    pub(super) first_line: i32,
    pub(super) lines: Vec<String>,
    pub(super) finished: bool,
}

/// Everything from a line on, as it comes.
pub(super) fn live(job: &str, from: u64) -> StreamingOperation<LiveLog, LiveVariables> {
    LiveLog::build(LiveVariables { id: job.into(), from: Some(i32::try_from(from).unwrap_or(i32::MAX)) })
}
