//! What the form asks for and sends.

use cynic::{InputObject, MutationBuilder, QueryBuilder, QueryFragment, QueryVariables};

use super::values::FormValues;
use crate::api::{self, ApiError, PackagesInput, ProblemCode, UserError, schema};
use crate::jobs::NewJob;

/// A base image that the form suggests.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BaseImage")]
pub(super) struct BaseImageChoice {
    pub(super) id: cynic::Id,
    pub(super) display_name: String,
    #[cynic(rename = "type")]
    pub(super) kind: crate::base_images::BaseImageType,
    pub(super) url: String,
    pub(super) url_for_gpu: Option<String>,
    pub(super) pull_secret: Option<String>,
}

/// The first of the base images that fit, and how many do.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BaseImageConnection")]
pub(super) struct BaseImageChoices {
    pub(super) nodes: Vec<BaseImageChoice>,
    pub(super) total_count: i32,
}

#[derive(QueryVariables)]
struct BaseImagesVariables {
    search: Option<String>,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query", variables = "BaseImagesVariables")]
struct BaseImagesQuery {
    #[arguments(search: $search, first: 20)]
    base_images: BaseImageChoices,
}

/// The base images of the catalogue that fit a text; without one, the first of all.
pub(super) async fn base_images(search: Option<String>) -> Result<BaseImageChoices, ApiError> {
    let operation = BaseImagesQuery::build(BaseImagesVariables { search });
    api::run(operation).await.map(|answer| answer.base_images)
}

#[derive(InputObject)]
struct ImageSpecInput {
    name: String,
    base_image: String,
    pull_secret: Option<String>,
    packages: PackagesInput,
}

#[derive(QueryVariables)]
struct PreviewVariables {
    input: ImageSpecInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query", variables = "PreviewVariables")]
struct PreviewQuery {
    #[arguments(input: $input)]
    preview_image_spec: Preview,
}

/// What the server thinks of the form.
#[derive(QueryFragment, Clone, Debug, Default, PartialEq)]
pub(super) struct Preview {
    pub(super) problems: Vec<Problem>,
    pub(super) dockerfile: Option<String>,
    pub(super) revision: Option<String>,
}

/// What is wrong with a field or a line.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
pub(super) struct Problem {
    pub(super) code: ProblemCode,
    pub(super) message: String,
    pub(super) field: Option<String>,
    pub(super) line: Option<i32>,
    pub(super) column: Option<i32>,
}

impl From<Problem> for UserError {
    fn from(problem: Problem) -> Self {
        let Problem { code, message, field, line, column } = problem;
        Self { code, message, field, line, column }
    }
}

/// Has the form judged without keeping anything.
pub(super) async fn preview(name: String, values: &FormValues) -> Result<Preview, ApiError> {
    let input = ImageSpecInput {
        name,
        base_image: values.base_image.clone(),
        pull_secret: values.pull_secret.clone(),
        packages: values.packages(),
    };
    let operation = PreviewQuery::build(PreviewVariables { input });
    api::run(operation).await.map(|answer| answer.preview_image_spec)
}

/// What keeping a spec comes to.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "ImageSpecPayload")]
pub(super) struct Kept {
    pub(super) job: Option<NewJob>,
    pub(super) user_errors: Vec<UserError>,
}

#[derive(InputObject)]
struct CreateImageSpecInput {
    name: String,
    base_image: String,
    pull_secret: Option<String>,
    packages: PackagesInput,
    idempotency_key: Option<String>,
}

#[derive(QueryVariables)]
struct CreateVariables {
    input: CreateImageSpecInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "CreateVariables")]
struct CreateMutation {
    #[arguments(input: $input)]
    create_image_spec: Kept,
}

/// Creates the spec. `key` is the same for each attempt with the same content, so that an answer that was lost on the way
/// does not make the next attempt fail.
pub(super) async fn create(values: FormValues, key: String) -> Result<Kept, ApiError> {
    let packages = values.packages();
    let FormValues { name, base_image, pull_secret, .. } = values;
    let input = CreateImageSpecInput { name, base_image, pull_secret, packages, idempotency_key: Some(key) };
    api::run(CreateMutation::build(CreateVariables { input })).await.map(|answer| answer.create_image_spec)
}

#[derive(InputObject)]
struct UpdateImageSpecInput {
    name: String,
    version: i32,
    base_image: String,
    pull_secret: Option<String>,
    packages: PackagesInput,
}

#[derive(QueryVariables)]
struct UpdateVariables {
    input: UpdateImageSpecInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "UpdateVariables")]
struct UpdateMutation {
    #[arguments(input: $input)]
    update_image_spec: Kept,
}

/// Replaces the content of the spec, provided that it still has this version.
pub(super) async fn update(values: FormValues, version: i32) -> Result<Kept, ApiError> {
    let packages = values.packages();
    let FormValues { name, base_image, pull_secret, .. } = values;
    let input = UpdateImageSpecInput { name, version, base_image, pull_secret, packages };
    api::run(UpdateMutation::build(UpdateVariables { input })).await.map(|answer| answer.update_image_spec)
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query")]
struct SecretsQuery {
    pull_secrets: Vec<SecretChoice>,
}

/// A pull secret that the form offers.
#[derive(QueryFragment, Clone, Debug, PartialEq, Eq)]
#[cynic(graphql_type = "PullSecret")]
pub(super) struct SecretChoice {
    pub(super) name: String,
    pub(super) host: String,
}

/// The pull secrets.
pub(super) async fn pull_secrets() -> Result<Vec<SecretChoice>, ApiError> {
    api::run(SecretsQuery::build(())).await.map(|answer| answer.pull_secrets)
}
