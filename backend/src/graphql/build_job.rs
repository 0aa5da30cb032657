//! Build jobs: reading, cancelling, and hearing of their changes.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use cooperage_shared as shared;

use super::connection::TotalCount;
use super::ids::GlobalId;
use super::image_spec::{ImageSpec, Packages};
use super::loaders::Loaders;
use super::log::LogPage;
use super::problem::{ProblemCode, UserError, bad_user_input, internal};
use super::services::{services, store_error};
use super::words::{FailureCode, JobStatus, Phase};
use super::{names, user_errors};
use crate::store;

names!(BuildJobNames, "BuildJobConnection", "BuildJobEdge");
/// A page of build jobs.
pub type BuildJobConnection = Connection<String, BuildJob, TotalCount, EmptyFields, BuildJobNames, BuildJobNames>;

/// Why a job failed, told so that a person can act on it.
#[derive(SimpleObject, Clone, Debug)]
pub struct Failure {
    /// The reason, for programs.
    pub code: FailureCode,
    /// What happened and what to do next, for people.
    pub message: String,
    /// The number of the log line that shows it, from 1; null where none does.
    pub log_line: Option<u64>,
    /// The field of the spec at fault; null where it cannot be told.
    pub field: Option<String>,
    /// The requirement at fault, verbatim; null where it cannot be told.
    pub requirement: Option<String>,
}

impl From<shared::Failure> for Failure {
    fn from(failure: shared::Failure) -> Self {
        Self {
            code: failure.code.into(),
            message: failure.message,
            log_line: failure.log_line,
            field: failure.field.map(|field| field.as_str().to_owned()),
            requirement: failure.requirement,
        }
    }
}

/// A job to cancel.
#[derive(InputObject, Clone, Debug)]
pub struct CancelBuildJobInput {
    /// The job's id.
    pub id: ID,
}

/// What a mutation of a job came to.
#[derive(SimpleObject)]
pub struct BuildJobPayload {
    /// The job as it is now; null where there are user errors.
    pub job: Option<BuildJob>,
    /// Why nothing was done. Empty: it was done.
    pub user_errors: Vec<UserError>,
}

/// One attempt to turn a revision of a spec into an image. It keeps its content, its log and its end, whatever becomes of
/// the spec's later revisions.
pub struct BuildJob(pub store::Job);

/// One attempt to turn a revision of a spec into an image. It keeps its content, its log and its end, whatever becomes of
/// the spec's later revisions.
#[Object]
impl BuildJob {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        GlobalId::Job(self.0.id).into()
    }

    /// The number within the spec, from 1.
    async fn number(&self) -> u64 {
        self.0.number
    }

    /// The spec that the job is for.
    async fn image_spec(&self, ctx: &Context<'_>) -> Result<ImageSpec> {
        let spec = ctx.data::<Loaders>()?.specs.load_one(self.0.spec_id).await?;
        spec.map(ImageSpec).ok_or_else(|| bad_user_input("The image spec of this job was deleted in the meantime."))
    }

    /// Where the job is in its life.
    async fn status(&self) -> JobStatus {
        self.0.status.into()
    }

    /// What a running job is doing, or a failed one was doing last; null where there is nothing to say.
    async fn phase(&self) -> Option<Phase> {
        self.0.phase.map(Into::into)
    }

    /// The place in the line, 1 being next; null unless the job is queued.
    #[graphql(complexity = 5)]
    async fn queue_position(&self, ctx: &Context<'_>) -> Result<Option<u64>> {
        if self.0.status != shared::JobStatus::Queued {
            return Ok(None);
        }
        ctx.data::<Loaders>()?.queue.load_one(self.0.id).await
    }

    /// The hash of the revision that is built, 64 hexadecimal digits.
    async fn revision(&self) -> String {
        self.0.revision.to_string()
    }

    /// The revision as people see it: `name:` and the first 8 digits of the hash.
    async fn revision_name(&self, ctx: &Context<'_>) -> Result<String> {
        let hash = self.0.revision.short();
        let spec = ctx.data::<Loaders>()?.specs.load_one(self.0.spec_id).await?;
        let name = spec.map(|spec| spec.name.to_string()).unwrap_or_default();
        Ok(format!("{name}:{hash}"))
    }

    /// The image that is built upon, as typed.
    async fn base_image(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.revision_row(ctx).await?.base_image.to_string())
    }

    /// The digest that the registry answered for the base image, `sha256:…`; null until it is known.
    async fn base_image_digest(&self) -> Option<&str> {
        self.0.base_image_digest.as_deref()
    }

    /// The name of the pull secret that the base image is read with; null for none.
    async fn pull_secret(&self) -> Option<&str> {
        self.0.pull_secret.as_deref()
    }

    /// The requirements of the revision, as typed.
    async fn packages(&self, ctx: &Context<'_>) -> Result<Packages> {
        Ok(self.revision_row(ctx).await?.packages.into())
    }

    /// The image that the job made, `host/repository:tag`; null unless it succeeded.
    async fn image(&self) -> Option<String> {
        self.0.image.as_ref().map(ToString::to_string)
    }

    /// The digest of that image, `sha256:…`; null unless the job succeeded.
    async fn digest(&self) -> Option<&str> {
        self.0.digest.as_deref()
    }

    /// The compressed size of that image in bytes; null unless the job succeeded. A whole number that may be more than
    /// an Int holds.
    async fn size_bytes(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
        self.0.size_bytes.map(|bytes| bytes as f64)
    }

    /// The Dockerfile that is built; null until it is known, and where the image was reused.
    async fn dockerfile(&self) -> Option<&str> {
        self.0.dockerfile.as_deref()
    }

    /// The job whose image answered this one without a build; null where this one built, or where that one is gone.
    async fn reused_from(&self, ctx: &Context<'_>) -> Result<Option<BuildJob>> {
        match self.0.reused_from {
            Some(id) => Ok(ctx.data::<Loaders>()?.jobs.load_one(id).await?.map(BuildJob)),
            None => Ok(None),
        }
    }

    /// Why the job failed; null unless it did.
    async fn failure(&self) -> Option<Failure> {
        self.0.failure.clone().map(Into::into)
    }

    /// When the job was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When an engine began to carry it out; null until then.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// When it ended; null until then.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// When its status or phase last changed.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Lines of the log, the latest where nothing else is asked for.
    #[graphql(complexity = "super::log::weight(last)")]
    async fn log(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many lines, at most 10,000; fewer come where they are long.",
            default_with = "Some(super::log::DEFAULT_LINES)"
        )]
        last: Option<i32>,
        #[graphql(desc = "Only lines with a number less than this; the end of the log where it is not given.")] before: Option<
            i64,
        >,
    ) -> Result<LogPage> {
        super::log::page(ctx, self.0.id, last, before).await
    }

    /// The path of the whole log as plain text on this server.
    async fn log_url(&self) -> String {
        format!("/jobs/{}/log", GlobalId::Job(self.0.id))
    }
}

impl BuildJob {
    async fn revision_row(&self, ctx: &Context<'_>) -> Result<store::Revision> {
        let revision = ctx.data::<Loaders>()?.revisions.load_one(self.0.revision_id).await?;
        revision.ok_or_else(|| internal(&format_args!("the revision of job {} is gone", self.0.id)))
    }
}

/// Queries for jobs.
#[derive(Default)]
pub struct BuildJobQuery;

#[Object]
impl BuildJobQuery {
    /// The build job of this id; null where there is none.
    async fn build_job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job's id.")] id: ID,
    ) -> Result<Option<BuildJob>> {
        let Some(id) = GlobalId::job(&id) else { return Ok(None) };
        Ok(services(ctx)?.store.job(id).await.map_err(store_error)?.map(BuildJob))
    }
}

/// Mutations of jobs.
#[derive(Default)]
pub struct BuildJobMutation;

#[Object]
impl BuildJobMutation {
    /// Cancels a job that waits or runs. One that has ended stays as it is: `CONFLICT`.
    async fn cancel_build_job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job's id.")] input: CancelBuildJobInput,
    ) -> Result<BuildJobPayload> {
        let refused = |error| BuildJobPayload { job: None, user_errors: vec![error] };
        let Some(id) = GlobalId::job(&input.id) else {
            let message = "There is no such job. Its image spec may have been deleted.";
            return Ok(refused(UserError::new(ProblemCode::NotFound, Some(shared::Field::Id), message)));
        };
        match services(ctx)?.jobs.cancel(id).await {
            Ok(job) => Ok(BuildJobPayload { job: Some(BuildJob(job)), user_errors: Vec::new() }),
            Err(error) => Ok(BuildJobPayload { job: None, user_errors: user_errors(error)? }),
        }
    }
}
