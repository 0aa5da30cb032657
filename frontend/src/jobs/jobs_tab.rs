//! The Jobs tab of a spec.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::cancel::CancelDialog;
use super::graphql::{JobRow, JobRows, jobs};
use super::status::StatusBadge;
use crate::live::{Query, on_job_change};
use crate::routes;
use crate::ui::{Boundary, Copyable, EmptyState, Pager, RelativeTime, page_arguments};

const PAGE_SIZE: i32 = 25;

/// The jobs of a spec, newest first.
#[component]
pub fn JobsTab() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name")).unwrap_or_default());
    let query = use_query_map();
    let place = Memo::new(move |_| query.with(|query| page_arguments(query, PAGE_SIZE)));
    let list = Query::new(move || {
        let (name, place) = (name.get(), place.get());
        async move { jobs(name, place).await }
    });
    // Every job: one that ends elsewhere moves the queue that a row here shows.
    on_job_change(move |_| list.refresh_soon());

    let cancelling = RwSignal::new(false);
    let target = RwSignal::new(None::<(String, i32)>);
    let ask_cancel = Callback::new(move |job: (String, i32)| {
        target.set(Some(job));
        cancelling.set(true);
    });
    let rows = move |read: fn(&JobRows) -> usize| list.with(|rows| rows.and_then(Option::as_ref).map_or(0, read));
    let ids = Memo::new(move |_| {
        list.with(|rows| {
            rows.and_then(Option::as_ref)
                .map(|rows| rows.nodes.iter().map(|row| row.id.inner().to_owned()).collect::<Vec<_>>())
        })
        .unwrap_or_default()
    });
    let is_empty = Memo::new(move |_| rows(|rows| rows.nodes.len()) == 0);
    let info =
        Signal::derive(move || list.with(|rows| rows.and_then(Option::as_ref).map(|rows| rows.page_info.clone())));
    let total =
        Signal::derive(move || list.with(|rows| rows.and_then(Option::as_ref).map_or(0, |rows| rows.total_count)));
    view! {
        <Boundary query=list>
            <div class="table-wrap" hidden=move || is_empty.get()>
                <table class="table" role="table" aria-label="Jobs">
                    <thead role="rowgroup">
                        <tr role="row">
                            <th role="columnheader" scope="col">"Updated at"</th>
                            <th role="columnheader" scope="col">"Image revision"</th>
                            <th role="columnheader" scope="col">"Status"</th>
                            <th role="columnheader" scope="col">"Image"</th>
                            <th role="columnheader" scope="col">"Actions"</th>
                        </tr>
                    </thead>
                    <tbody role="rowgroup">
                        <For each=move || ids.get() key=|id| id.clone() let:id>
                            <JobTableRow name=name list=list id=id on_cancel=ask_cancel />
                        </For>
                    </tbody>
                </table>
            </div>
            <Show when=move || is_empty.get()>
                <EmptyState title="There are no jobs yet.">"Use “Rebuild” to build the image."</EmptyState>
            </Show>
        </Boundary>
        <Pager info=info total=total what="jobs" />
        <CancelDialog open=cancelling job=target />
    }
}

#[component]
fn JobTableRow(
    #[prop(into)] name: Signal<String>,
    list: Query<Option<JobRows>>,
    id: String,
    on_cancel: Callback<(String, i32)>,
) -> impl IntoView {
    let link = {
        let id = id.clone();
        Memo::new(move |_| routes::job(&name.get(), &id))
    };
    let row = Memo::new(move |old: Option<&Option<JobRow>>| {
        list.with(|rows| rows.and_then(Option::as_ref)?.nodes.iter().find(|row| row.id.inner() == id).cloned())
            .or_else(|| old.cloned().flatten())
    });
    let number = Memo::new(move |_| row.with(|row| row.as_ref().map_or(0, |row| row.number)));
    let revision =
        Memo::new(move |_| row.with(|row| row.as_ref().map(|row| row.revision_name.clone()).unwrap_or_default()));
    let image = Memo::new(move |_| row.with(|row| row.as_ref().and_then(|row| row.image.clone())));
    let state = Signal::derive(move || row.with(|row| row.as_ref().map(|row| row.state.clone())));
    let can_cancel =
        Memo::new(move |_| state.with(|state| state.as_ref().is_some_and(|state| !state.status.is_terminal())));
    let cancel = move |_| {
        if let Some(row) = row.get_untracked() {
            on_cancel.run((row.id.into_inner(), row.number));
        }
    };
    view! {
        <tr role="row">
            <td role="cell" data-label="Updated at" class="nowrap">
                <RelativeTime at=Signal::derive(move || row.with(|row| row.as_ref().map(|row| row.updated_at.clone()))) />
            </td>
            <th role="rowheader" scope="row" data-label="Image revision">
                <A href=move || link.get() attr:class="row-name mono">{revision}</A>
                <span class="muted">{move || format!(" #{}", number.get())}</span>
            </th>
            <td role="cell" data-label="Status"><StatusBadge state=state /></td>
            <td role="cell" data-label="Image" class="image-cell">
                {move || match image.get() {
                    Some(image) => view! { <Copyable text=image what="image" /> }.into_any(),
                    None => view! { <span class="muted">"-"</span> }.into_any(),
                }}
            </td>
            <td role="cell" data-label="Actions" class="actions">
                <A href=move || link.get() attr:class="button small" attr:aria-label=move || format!("View job {}", number.get())>
                    "View"
                </A>
                <Show when=move || can_cancel.get()>
                    <button
                        type="button"
                        class="button small danger-quiet"
                        aria-label=move || format!("Cancel job {}", number.get())
                        on:click=cancel
                    >
                        "Cancel"
                    </button>
                </Show>
            </td>
        </tr>
    }
}
