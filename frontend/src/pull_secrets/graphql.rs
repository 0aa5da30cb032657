//! What the page of pull secrets asks for and sends.

use cynic::{InputObject, MutationBuilder, QueryBuilder, QueryFragment, QueryVariables};

use crate::api::{self, ApiError, DateTime, UserError, schema};

/// A pull secret, without its password.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
pub(super) struct PullSecret {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) username: String,
    pub(super) updated_at: DateTime,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query")]
struct ListQuery {
    pull_secrets: Vec<PullSecret>,
}

/// All of them.
pub(super) async fn pull_secrets() -> Result<Vec<PullSecret>, ApiError> {
    api::run(ListQuery::build(())).await.map(|answer| answer.pull_secrets)
}

/// A pull secret, to send. A password of none stays as it is.
#[derive(InputObject)]
pub(super) struct PullSecretInput {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) username: String,
    pub(super) password: Option<String>,
}

#[derive(QueryVariables)]
struct KeepVariables {
    input: PullSecretInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "KeepVariables")]
struct CreateMutation {
    #[arguments(input: $input)]
    create_pull_secret: PullSecretPayload,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "KeepVariables")]
struct UpdateMutation {
    #[arguments(input: $input)]
    update_pull_secret: PullSecretPayload,
}

#[derive(QueryFragment)]
struct PullSecretPayload {
    user_errors: Vec<UserError>,
}

/// Adds a secret, or replaces the one of that name. Returns what stands against it.
pub(super) async fn keep(input: PullSecretInput, is_new: bool) -> Result<Vec<UserError>, ApiError> {
    let variables = KeepVariables { input };
    if is_new {
        api::run(CreateMutation::build(variables)).await.map(|answer| answer.create_pull_secret.user_errors)
    } else {
        api::run(UpdateMutation::build(variables)).await.map(|answer| answer.update_pull_secret.user_errors)
    }
}

#[derive(InputObject)]
struct DeletePullSecretInput {
    name: String,
}

#[derive(QueryVariables)]
struct DeleteVariables {
    input: DeletePullSecretInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "DeleteVariables")]
struct DeleteMutation {
    #[arguments(input: $input)]
    delete_pull_secret: DeletePullSecretPayload,
}

#[derive(QueryFragment)]
struct DeletePullSecretPayload {
    user_errors: Vec<UserError>,
}

/// Removes a secret. Returns what stands against it.
pub(super) async fn delete(name: String) -> Result<Vec<UserError>, ApiError> {
    let variables = DeleteVariables { input: DeletePullSecretInput { name } };
    api::run(DeleteMutation::build(variables)).await.map(|answer| answer.delete_pull_secret.user_errors)
}
