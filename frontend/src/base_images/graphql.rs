//! What the catalogue asks for and sends.

use cynic::{Enum, InputObject, MutationBuilder, QueryBuilder, QueryFragment, QueryVariables};

use crate::api::{self, ApiError, PageInfo, UserError, schema};

/// What a base image is for.
#[derive(Enum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BaseImageType {
    /// Machines without a GPU.
    Cpu,
    /// Machines with one.
    Gpu,
    /// Both; it may have a reference of its own for GPUs.
    #[default]
    Universal,
}

impl BaseImageType {
    /// Every type, in the order in which it is offered.
    pub const ALL: [Self; 3] = [Self::Universal, Self::Cpu, Self::Gpu];

    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Gpu => "GPU",
            Self::Universal => "Universal",
        }
    }
}

/// An entry of the catalogue.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
pub(super) struct BaseImage {
    pub(super) id: cynic::Id,
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) description: String,
    #[cynic(rename = "type")]
    pub(super) kind: BaseImageType,
    pub(super) url: String,
    pub(super) url_for_gpu: Option<String>,
    pub(super) pull_secret: Option<String>,
}

/// A part of the catalogue.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BaseImageConnection")]
pub(super) struct BaseImages {
    pub(super) nodes: Vec<BaseImage>,
    pub(super) page_info: PageInfo,
    pub(super) total_count: i32,
}

#[derive(QueryVariables)]
struct ListVariables {
    search: Option<String>,
    first: Option<i32>,
    after: Option<String>,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query", variables = "ListVariables")]
struct ListQuery {
    #[arguments(search: $search, first: $first, after: $after)]
    base_images: BaseImages,
}

/// The most entries that the server gives at once.
const LARGEST_PAGE: i32 = 100;

/// The first `count` entries that fit a text.
pub(super) async fn base_images(search: Option<String>, count: i32) -> Result<BaseImages, ApiError> {
    let page = async |first: i32, after: Option<String>| {
        let variables = ListVariables { search: search.clone(), first: Some(first.min(LARGEST_PAGE)), after };
        api::run(ListQuery::build(variables)).await.map(|answer| answer.base_images)
    };
    let mut all = page(count, None).await?;
    while all.page_info.has_next_page {
        let missing = count.saturating_sub(i32::try_from(all.nodes.len()).unwrap_or(i32::MAX));
        if missing <= 0 {
            break;
        }
        let next = page(missing, all.page_info.end_cursor.clone()).await?;
        all.nodes.extend(next.nodes);
        all.page_info = next.page_info;
    }
    Ok(all)
}

/// An entry, to send.
#[derive(InputObject, Clone, Debug, PartialEq)]
pub(super) struct BaseImageInput {
    pub(super) name: String,
    pub(super) display_name: Option<String>,
    pub(super) description: Option<String>,
    #[cynic(rename = "type")]
    pub(super) kind: BaseImageType,
    pub(super) url: String,
    pub(super) url_for_gpu: Option<String>,
    pub(super) pull_secret: Option<String>,
}

#[derive(QueryVariables)]
struct KeepVariables {
    input: BaseImageInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "KeepVariables")]
struct CreateMutation {
    #[arguments(input: $input)]
    create_base_image: BaseImagePayload,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "KeepVariables")]
struct UpdateMutation {
    #[arguments(input: $input)]
    update_base_image: BaseImagePayload,
}

#[derive(QueryFragment)]
struct BaseImagePayload {
    user_errors: Vec<UserError>,
}

/// Adds an entry, or replaces the one of that name. Returns what stands against it.
pub(super) async fn keep(input: BaseImageInput, is_new: bool) -> Result<Vec<UserError>, ApiError> {
    let variables = KeepVariables { input };
    if is_new {
        api::run(CreateMutation::build(variables)).await.map(|answer| answer.create_base_image.user_errors)
    } else {
        api::run(UpdateMutation::build(variables)).await.map(|answer| answer.update_base_image.user_errors)
    }
}

#[derive(InputObject)]
struct DeleteBaseImageInput {
    name: String,
}

#[derive(QueryVariables)]
struct DeleteVariables {
    input: DeleteBaseImageInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "DeleteVariables")]
struct DeleteMutation {
    #[arguments(input: $input)]
    delete_base_image: DeleteBaseImagePayload,
}

#[derive(QueryFragment)]
struct DeleteBaseImagePayload {
    user_errors: Vec<UserError>,
}

/// Removes an entry. Returns what stands against it.
pub(super) async fn delete(name: String) -> Result<Vec<UserError>, ApiError> {
    let variables = DeleteVariables { input: DeleteBaseImageInput { name } };
    api::run(DeleteMutation::build(variables)).await.map(|answer| answer.delete_base_image.user_errors)
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query")]
struct SecretsQuery {
    pull_secrets: Vec<SecretName>,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "PullSecret")]
struct SecretName {
    name: String,
}

/// The names of the pull secrets.
pub(super) async fn secret_names() -> Result<Vec<String>, ApiError> {
    let answer = api::run(SecretsQuery::build(())).await?;
    Ok(answer.pull_secrets.into_iter().map(|secret| secret.name).collect())
}
