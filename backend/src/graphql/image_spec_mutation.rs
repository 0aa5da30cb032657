//! Image specs: keeping, removing and building them anew.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use cooperage_shared::{self as shared, Content, Field};

use super::build_job::BuildJob;
use super::image_spec::{ImageSpec, PackagesInput, existing_name};
use super::problem::{ProblemCode, UserError, internal};
use super::services::{filled, services};
use super::user_errors;
use crate::jobs::{CreateSpec, JobsError, UpdateSpec};
use crate::store;

/// A spec to keep and to build.
#[derive(InputObject, Clone, Debug)]
pub struct CreateImageSpecInput {
    /// The name: lowercase letters, digits, `-` and `.`, at most 63 characters, beginning and ending with a letter or digit.
    /// It cannot be changed later.
    pub name: String,
    /// The image to build upon, for example `python:3.12-slim`.
    pub base_image: String,
    /// The name of the pull secret to read the base image with; null for none.
    pub pull_secret: Option<String>,
    /// The requirements.
    #[graphql(default)]
    pub packages: PackagesInput,
    /// Makes a repeated request harmless: the same key gets the same answer, and nothing is made twice.
    pub idempotency_key: Option<String>,
}

/// A new content for a spec. It replaces the whole content, and a job is started for it.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateImageSpecInput {
    /// The spec's name.
    pub name: String,
    /// The version that was read before the change. Where the spec has another by now, nothing is changed: `CONFLICT`.
    pub version: u64,
    /// The image to build upon.
    pub base_image: String,
    /// The name of the pull secret to read the base image with; none where it is null or left out.
    pub pull_secret: Option<String>,
    /// All requirements: a list that is left out is emptied.
    pub packages: PackagesInput,
}

/// A spec to remove.
#[derive(InputObject, Clone, Debug)]
pub struct DeleteImageSpecInput {
    /// The spec's name.
    pub name: String,
}

/// A spec to build anew.
#[derive(InputObject, Clone, Debug)]
pub struct RebuildImageSpecInput {
    /// The spec's name.
    pub name: String,
    /// Makes a repeated request harmless: the same key gets the same job.
    pub idempotency_key: Option<String>,
}

/// What a mutation of a spec came to: the spec and the job that was started for it, or why nothing was done.
#[derive(SimpleObject)]
pub struct ImageSpecPayload {
    /// The spec as it is now; null where there are user errors.
    pub image_spec: Option<ImageSpec>,
    /// The job that was started; null where there are user errors.
    pub job: Option<BuildJob>,
    /// Why nothing was done. Empty: it was done.
    pub user_errors: Vec<UserError>,
}

/// What the removal of a spec came to.
#[derive(SimpleObject)]
pub struct DeleteImageSpecPayload {
    /// The name of the spec that was removed, free again; null where there are user errors.
    pub name: Option<String>,
    /// Why nothing was done. Empty: it was done.
    pub user_errors: Vec<UserError>,
}

/// Mutations of specs.
#[derive(Default)]
pub struct ImageSpecMutation;

#[Object]
impl ImageSpecMutation {
    /// Keeps a new spec and starts its first job.
    async fn create_image_spec(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The spec.")] input: CreateImageSpecInput,
    ) -> Result<ImageSpecPayload> {
        let CreateImageSpecInput { name, base_image, pull_secret, packages, idempotency_key } = input;
        let pull_secret = filled(pull_secret);
        let input = shared::ImageSpecInput { name, base_image, pull_secret, packages: packages.into() };
        let (parsed, input) = parse(move || (shared::parse_spec(&input), input)).await?;
        match parsed {
            Err(problems) => Ok(refused(problems.into_iter().map(UserError::from).collect())),
            Ok((name, content)) => {
                let idempotency_key = filled(idempotency_key);
                let create = CreateSpec { name, content, pull_secret: input.pull_secret, idempotency_key };
                answer(services(ctx)?.jobs.create_spec(&create).await)
            }
        }
    }

    /// Replaces a spec's content and starts a job for it. A job that runs for the content before goes on.
    async fn update_image_spec(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The spec's name, the version that was read, and the new content.")]
        input: UpdateImageSpecInput,
    ) -> Result<ImageSpecPayload> {
        let UpdateImageSpecInput { name, version, base_image, pull_secret, packages } = input;
        let Some(name) = existing_name(&name) else { return Ok(refused(vec![no_such_spec(&name)])) };
        let packages = packages.into();
        let parsed = parse(move || Content::parse(&base_image, &packages)).await?;
        match parsed {
            Err(problems) => Ok(refused(problems.into_iter().map(UserError::from).collect())),
            Ok(content) => {
                let update = UpdateSpec { name, expected_version: version, content, pull_secret: filled(pull_secret) };
                answer(services(ctx)?.jobs.update_spec(&update).await)
            }
        }
    }

    /// Removes a spec with its jobs and their logs, and ends those that run. Images in the registry stay.
    async fn delete_image_spec(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The spec's name.")] input: DeleteImageSpecInput,
    ) -> Result<DeleteImageSpecPayload> {
        let Some(name) = existing_name(&input.name) else {
            return Ok(DeleteImageSpecPayload { name: None, user_errors: vec![no_such_spec(&input.name)] });
        };
        match services(ctx)?.jobs.delete_spec(&name).await {
            Ok(_) => Ok(DeleteImageSpecPayload { name: Some(name.to_string()), user_errors: Vec::new() }),
            Err(error) => Ok(DeleteImageSpecPayload { name: None, user_errors: user_errors(error)? }),
        }
    }

    /// Starts another job for a spec as it is, and answers it by no earlier image.
    async fn rebuild_image_spec(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The spec's name.")] input: RebuildImageSpecInput,
    ) -> Result<ImageSpecPayload> {
        let Some(name) = existing_name(&input.name) else { return Ok(refused(vec![no_such_spec(&input.name)])) };
        answer(services(ctx)?.jobs.rebuild(&name, filled(input.idempotency_key).as_deref()).await)
    }
}

/// Judges on a thread that answers nobody: a thousand lines of grammar take their time.
async fn parse<T: Send + 'static>(judge: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(judge).await.map_err(|error| internal(&error))
}

fn refused(user_errors: Vec<UserError>) -> ImageSpecPayload {
    ImageSpecPayload { image_spec: None, job: None, user_errors }
}

fn answer(result: Result<(store::Spec, store::Job), JobsError>) -> Result<ImageSpecPayload> {
    match result {
        Ok((spec, job)) => Ok(ImageSpecPayload {
            image_spec: Some(ImageSpec(spec)),
            job: Some(BuildJob(job)),
            user_errors: Vec::new(),
        }),
        Err(error) => Ok(refused(user_errors(error)?)),
    }
}

fn no_such_spec(name: &str) -> UserError {
    let message = format!("There is no image spec named {:?}. It may have been deleted in the meantime.", name.trim());
    UserError::new(ProblemCode::NotFound, Some(Field::Name), message)
}
