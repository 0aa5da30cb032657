//! The question before a spec is deleted.

use cynic::{InputObject, MutationBuilder, QueryFragment, QueryVariables};
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::api::{self, ApiError, UserError, schema};
use crate::ui::{ConfirmDialog, toast};

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
pub(super) fn DeleteDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The spec.
    #[prop(into)]
    name: Signal<String>,
    /// Called once the spec is gone.
    #[prop(into)]
    on_deleted: Callback<()>,
) -> impl IntoView {
    let busy = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        if open.get() {
            problem.set(None);
        }
    });
    let confirm = move |()| {
        let name = name.get_untracked();
        busy.set(true);
        problem.set(None);
        spawn_local(async move {
            let answer = delete(name.clone()).await;
            busy.set(false);
            match answer {
                Ok(errors) if errors.is_empty() => {
                    open.set(false);
                    toast::done(format!("{name} is deleted."));
                    on_deleted.run(());
                }
                Ok(errors) => problem.set(errors.into_iter().next().map(|error| error.message)),
                Err(error) => problem.set(Some(error.to_string())),
            }
        });
    };
    view! {
        <ConfirmDialog
            open=open
            title=move || format!("Delete {}?", name.get())
            confirm="Delete"
            busy=busy
            problem=problem
            on_confirm=confirm
        >
            <p>"The image spec, its jobs and their logs are deleted. Jobs that still run are cancelled."</p>
            <p>"Images in the registry stay. The name is free again."</p>
        </ConfirmDialog>
    }
}
