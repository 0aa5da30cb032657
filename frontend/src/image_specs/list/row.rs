//! A row of the list.

use leptos::prelude::*;
use leptos_router::components::A;

use super::graphql::{SpecRow, SpecRows};
use crate::jobs::StatusBadge;
use crate::live::Query;
use crate::routes;
use crate::ui::{Copyable, RelativeTime};

/// One spec. It reads the list, so that a change of its data does not make it anew.
#[component]
pub(super) fn SpecTableRow(
    /// The list.
    list: Query<SpecRows>,
    /// The spec's id.
    id: String,
    /// Called with the spec's name.
    #[prop(into)]
    on_delete: Callback<String>,
) -> impl IntoView {
    let row = Memo::new(move |old: Option<&Option<SpecRow>>| {
        list.with(|rows| rows.and_then(|rows| rows.nodes.iter().find(|row| row.id.inner() == id).cloned()))
            .or_else(|| old.cloned().flatten())
    });
    let name = Memo::new(move |_| row.with(|row| row.as_ref().map(|row| row.name.clone()).unwrap_or_default()));
    let image = Memo::new(move |_| row.with(|row| row.as_ref().and_then(|row| row.image.clone())));
    let state = Signal::derive(move || {
        row.with(|row| row.as_ref().and_then(|row| row.latest_job.as_ref()).map(|job| job.state.clone()))
    });
    let job_link = move || {
        row.with(|row| {
            row.as_ref().map_or_else(String::new, |row| match &row.latest_job {
                Some(job) => routes::job(&row.name, job.id.inner()),
                None => routes::jobs(&row.name),
            })
        })
    };
    view! {
        <tr role="row">
            <th role="rowheader" scope="row" data-label="Name">
                <A href=move || routes::info(&name.get()) attr:class="row-name">{name}</A>
            </th>
            <td role="cell" data-label="Status">
                <A href=job_link attr:class="status-link" attr:title="Open the latest job">
                    <StatusBadge state=state />
                </A>
            </td>
            <td role="cell" data-label="Image" class="image-cell">
                {move || match image.get() {
                    Some(image) => view! { <Copyable text=image what="image" /> }.into_any(),
                    None => view! { <span class="muted">"-"</span> }.into_any(),
                }}
            </td>
            <td role="cell" data-label="Updated" class="nowrap">
                <RelativeTime at=Signal::derive(move || row.with(|row| row.as_ref().map(|row| row.updated_at.clone()))) />
            </td>
            <td role="cell" data-label="Actions" class="actions">
                <A href=move || routes::jobs(&name.get()) attr:class="button small" attr:aria-label=move || format!("View jobs of {}", name.get())>"View"</A>
                <A href=move || routes::info(&name.get()) attr:class="button small" attr:aria-label=move || format!("Edit {}", name.get())>"Edit"</A>
                <button
                    type="button"
                    class="button small danger-quiet"
                    aria-label=move || format!("Delete {}", name.get())
                    on:click=move |_| on_delete.run(name.get_untracked())
                >
                    "Delete"
                </button>
            </td>
        </tr>
    }
}
