//! The question before a spec is deleted.

use cynic::{InputObject, MutationBuilder, QueryFragment, QueryVariables};
use leptos::prelude::*;

use crate::api::{self, ApiError, UserError, schema};
use crate::ui::{Answer, DeleteDialog};

#[derive(InputObject)]
struct DeleteImageSpecInput {
    name: String,
}

#[derive(QueryVariables)]
struct DeleteVariables {
    input: DeleteImageSpecInput,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Mutation", variables = "DeleteVariables")]
struct DeleteMutation {
    #[arguments(input: $input)]
    delete_image_spec: DeletePayload,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "DeleteImageSpecPayload")]
struct DeletePayload {
    user_errors: Vec<UserError>,
}

async fn delete(name: String) -> Result<Vec<UserError>, ApiError> {
    let variables = DeleteVariables { input: DeleteImageSpecInput { name } };
    api::run(DeleteMutation::build(variables)).await.map(|answer| answer.delete_image_spec.user_errors)
}

/// Asks, deletes, tells.
#[component]
pub(super) fn DeleteSpecDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The spec.
    #[prop(into)]
    name: Signal<String>,
    /// Called once the spec is gone.
    #[prop(into)]
    on_deleted: Callback<()>,
) -> impl IntoView {
    let delete_named = |name: String| -> Answer { Box::pin(delete(name)) };
    view! {
        <DeleteDialog open=open name=name delete=delete_named on_deleted=on_deleted>
            <p>"The image spec, its jobs and their logs are deleted. Jobs that still run are cancelled."</p>
            <p>"Images in the registry stay. The name is free again."</p>
        </DeleteDialog>
    }
}
