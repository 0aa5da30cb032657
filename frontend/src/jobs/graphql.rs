//! What jobs are asked for.

use cynic::{InputObject, MutationBuilder, QueryBuilder, QueryFragment, QueryVariables};

use crate::api::{self, ApiError, DateTime, FailureCode, JobStatus, PackageLists, PageInfo, Phase, UserError, schema};
use crate::ui::PageArguments;

/// Where a job is.
#[derive(QueryFragment, Clone, Debug, PartialEq, Eq)]
#[cynic(graphql_type = "BuildJob")]
pub struct JobState {
    /// Its status.
    pub status: JobStatus,
    /// What it does while it runs.
    pub phase: Option<Phase>,
    /// Its place in the queue, from 1.
    pub queue_position: Option<i32>,
}

/// A row of the Jobs tab.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BuildJob")]
pub(super) struct JobRow {
    pub(super) id: cynic::Id,
    pub(super) number: i32,
    pub(super) revision_name: String,
    #[cynic(spread)]
    pub(super) state: JobState,
    pub(super) image: Option<String>,
    pub(super) updated_at: DateTime,
}

/// A page of the Jobs tab.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BuildJobConnection")]
pub(super) struct JobRows {
    pub(super) nodes: Vec<JobRow>,
    pub(super) page_info: PageInfo,
    pub(super) total_count: i32,
}

#[derive(QueryVariables)]
struct JobsVariables {
    name: String,
    first: Option<i32>,
    after: Option<String>,
    last: Option<i32>,
    before: Option<String>,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query", variables = "JobsVariables")]
struct JobsQuery {
    #[arguments(name: $name)]
    image_spec: Option<SpecJobs>,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "ImageSpec", variables = "JobsVariables")]
struct SpecJobs {
    #[arguments(first: $first, after: $after, last: $last, before: $before)]
    jobs: JobRows,
}

/// The jobs of a spec; none where the spec is gone.
pub(super) async fn jobs(name: String, page: PageArguments) -> Result<Option<JobRows>, ApiError> {
    let PageArguments { first, after, last, before } = page;
    let answer = api::run(JobsQuery::build(JobsVariables { name, first, after, last, before })).await?;
    Ok(answer.image_spec.map(|spec| spec.jobs))
}

/// All that the page of a job shows.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BuildJob")]
pub(super) struct Job {
    pub(super) id: cynic::Id,
    pub(super) number: i32,
    pub(super) image_spec: SpecName,
    #[cynic(spread)]
    pub(super) state: JobState,
    pub(super) revision: String,
    pub(super) revision_name: String,
    pub(super) base_image: String,
    pub(super) base_image_digest: Option<String>,
    pub(super) pull_secret: Option<String>,
    pub(super) packages: PackageLists,
    pub(super) image: Option<String>,
    pub(super) digest: Option<String>,
    pub(super) size_bytes: Option<f64>,
    pub(super) dockerfile: Option<String>,
    pub(super) reused_from: Option<OtherJob>,
    pub(super) failure: Option<Failure>,
    pub(super) created_at: DateTime,
    pub(super) started_at: Option<DateTime>,
    pub(super) finished_at: Option<DateTime>,
    pub(super) log_url: String,
}

/// The spec of a job.
#[derive(QueryFragment, Clone, Debug, PartialEq, Eq)]
#[cynic(graphql_type = "ImageSpec")]
pub(super) struct SpecName {
    pub(super) name: String,
}

/// The job whose image was reused.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BuildJob")]
pub(super) struct OtherJob {
    pub(super) id: cynic::Id,
    pub(super) number: i32,
    pub(super) image_spec: SpecName,
}

/// Why a job failed.
#[derive(QueryFragment, Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: FailureCode,
    pub(super) message: String,
    pub(super) log_line: Option<i32>,
    pub(super) field: Option<String>,
    pub(super) requirement: Option<String>,
}

#[derive(QueryVariables)]
struct JobVariables {
    id: cynic::Id,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query", variables = "JobVariables")]
struct JobQuery {
    #[arguments(id: $id)]
    build_job: Option<Job>,
}

/// One job; none where there is no such job.
pub(super) async fn job(id: String) -> Result<Option<Job>, ApiError> {
    api::run(JobQuery::build(JobVariables { id: id.into() })).await.map(|answer| answer.build_job)
}

#[derive(InputObject)]
struct CancelBuildJobInput {
    id: cynic::Id,
}

#[derive(QueryVariables)]
struct CancelVariables {
    input: CancelBuildJobInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "CancelVariables")]
struct CancelMutation {
    #[arguments(input: $input)]
    cancel_build_job: CancelPayload,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "BuildJobPayload")]
struct CancelPayload {
    user_errors: Vec<UserError>,
}

/// Asks for the end of a job. Returns what stands against it.
pub(super) async fn cancel(id: String) -> Result<Vec<UserError>, ApiError> {
    let variables = CancelVariables { input: CancelBuildJobInput { id: id.into() } };
    api::run(CancelMutation::build(variables)).await.map(|answer| answer.cancel_build_job.user_errors)
}

#[derive(InputObject)]
struct RebuildImageSpecInput {
    name: String,
    idempotency_key: Option<String>,
}

#[derive(QueryVariables)]
struct RebuildVariables {
    input: RebuildImageSpecInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "RebuildVariables")]
struct RebuildMutation {
    #[arguments(input: $input)]
    rebuild_image_spec: RebuildAnswer,
}

/// What a rebuild comes to.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "ImageSpecPayload")]
pub(super) struct RebuildAnswer {
    /// The new job.
    pub(super) job: Option<NewJob>,
    /// What stands against it.
    pub(super) user_errors: Vec<UserError>,
}

/// A job that has just come to be.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BuildJob")]
pub struct NewJob {
    /// Its id.
    pub id: cynic::Id,
    /// Its number.
    pub number: i32,
}

/// Asks for a fresh build of a spec.
pub(super) async fn rebuild(name: String) -> Result<RebuildAnswer, ApiError> {
    let variables = RebuildVariables { input: RebuildImageSpecInput { name, idempotency_key: None } };
    api::run(RebuildMutation::build(variables)).await.map(|answer| answer.rebuild_image_spec)
}
