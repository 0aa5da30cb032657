//! The page of pull secrets.

use leptos::prelude::*;

use super::edit_dialog::EditDialog;
use super::graphql::{PullSecret, delete, pull_secrets};
use crate::live::Query;
use crate::ui::{Answer, Boundary, DeleteDialog, EmptyState, Icon, PageHeading, RelativeTime};

/// The pull secrets.
#[component]
pub fn PullSecretsPage() -> impl IntoView {
    let list = Query::new(pull_secrets);
    let editing = RwSignal::new(false);
    let secret = RwSignal::new(None::<PullSecret>);
    let deleting = RwSignal::new(false);
    let doomed = RwSignal::new(String::new());
    let edit = move |which: Option<PullSecret>| {
        secret.set(which);
        editing.set(true);
    };
    let is_empty = Memo::new(move |_| list.with(|list| list.is_none_or(Vec::is_empty)));
    let delete_named = |name: String| -> Answer { Box::pin(delete(name)) };
    view! {
        <div class="page-head">
            <PageHeading text="Pull secrets" />
            <button type="button" class="button primary" on:click=move |_| edit(None)>
                <Icon name="plus" />
                "Add"
            </button>
        </div>
        <p class="lead">"Credentials to pull base images from private registries. Each is sent to its own host only."</p>
        <Boundary query=list>
            <div class="table-wrap" hidden=move || is_empty.get()>
                <table class="table" role="table" aria-label="Pull secrets">
                    <thead role="rowgroup">
                        <tr role="row">
                            <th role="columnheader" scope="col">"Name"</th>
                            <th role="columnheader" scope="col">"Registry host"</th>
                            <th role="columnheader" scope="col">"User name"</th>
                            <th role="columnheader" scope="col">"Updated"</th>
                            <th role="columnheader" scope="col">"Actions"</th>
                        </tr>
                    </thead>
                    <tbody role="rowgroup">
                        <For each=move || list.get().unwrap_or_default() key=|secret| format!("{secret:?}") let:secret>
                            {
                                let name = secret.name.clone();
                                let to_edit = secret.clone();
                                let to_delete = name.clone();
                                view! {
                                    <tr role="row">
                                        <th role="rowheader" scope="row" data-label="Name"><span class="row-name">{name.clone()}</span></th>
                                        <td role="cell" data-label="Registry host"><code>{secret.host}</code></td>
                                        <td role="cell" data-label="User name">{secret.username}</td>
                                        <td role="cell" data-label="Updated" class="nowrap">
                                            <RelativeTime at=Signal::stored(Some(secret.updated_at)) />
                                        </td>
                                        <td role="cell" data-label="Actions" class="actions">
                                            <button type="button" class="button small" aria-label=format!("Edit {name}")
                                                on:click=move |_| edit(Some(to_edit.clone()))>"Edit"</button>
                                            <button type="button" class="button small danger-quiet" aria-label=format!("Delete {name}")
                                                on:click=move |_| {
                                                    doomed.set(to_delete.clone());
                                                    deleting.set(true);
                                                }>"Delete"</button>
                                        </td>
                                    </tr>
                                }
                            }
                        </For>
                    </tbody>
                </table>
            </div>
            <Show when=move || is_empty.get()>
                <EmptyState title="There are no pull secrets yet.">
                    "Add one for each private registry that base images come from."
                </EmptyState>
            </Show>
        </Boundary>
        <EditDialog open=editing secret=secret on_kept=move |()| list.refresh() />
        <DeleteDialog
            open=deleting
            name=doomed
            delete=delete_named
            on_deleted=move |()| list.refresh()
        >
            <p>"A pull secret that an image spec or a base image uses cannot be deleted: let them use another one first."</p>
        </DeleteDialog>
    }
}
