//! The page of the catalogue.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;

use super::edit_dialog::EditDialog;
use super::graphql::{BaseImage, base_images, delete};
use crate::live::Query;
use crate::ui::{Answer, Boundary, Copyable, DeleteDialog, EmptyState, Icon, PageHeading};

const AT_ONCE: i32 = 50;
const PAUSE_MS: u32 = 200;

/// The catalogue of base images.
#[component]
pub fn BaseImagesPage() -> impl IntoView {
    let search = RwSignal::new(String::new());
    let shown = RwSignal::new(AT_ONCE);
    let list = Query::new(move || {
        let (text, count) = (search.get().trim().to_owned(), shown.get());
        async move {
            if !text.is_empty() {
                TimeoutFuture::new(PAUSE_MS).await;
            }
            base_images(Some(text).filter(|text| !text.is_empty()), count).await
        }
    });
    let editing = RwSignal::new(false);
    let entry = RwSignal::new(None::<BaseImage>);
    let deleting = RwSignal::new(false);
    let doomed = RwSignal::new(String::new());
    let edit = move |which: Option<BaseImage>| {
        entry.set(which);
        editing.set(true);
    };
    let nodes = Memo::new(move |_| list.with(|list| list.map(|list| list.nodes.clone())).unwrap_or_default());
    let is_empty = Memo::new(move |_| nodes.with(Vec::is_empty));
    let has_more = Memo::new(move |_| list.with(|list| list.is_some_and(|list| list.page_info.has_next_page)));
    let delete_named = |name: String| -> Answer { Box::pin(delete(name)) };
    view! {
        <div class="page-head">
            <PageHeading text="Base images" />
            <button type="button" class="button primary" on:click=move |_| edit(None)>
                <Icon name="plus" />
                "Add"
            </button>
        </div>
        <p class="lead">"The form of an image spec suggests these. Any other image can be used as well."</p>
        <div class="toolbar">
            <div class="search" role="search">
                <label class="visually-hidden" for="base-search">"Search base images"</label>
                <Icon name="search" />
                <input id="base-search" class="input" type="search" placeholder="Search" autocomplete="off" spellcheck="false" bind:value=search />
            </div>
        </div>
        <Boundary query=list>
            <div class="table-wrap" hidden=move || is_empty.get()>
                <table class="table" role="table" aria-label="Base images">
                    <thead role="rowgroup">
                        <tr role="row">
                            <th role="columnheader" scope="col">"Name"</th>
                            <th role="columnheader" scope="col">"Type"</th>
                            <th role="columnheader" scope="col">"Image reference"</th>
                            <th role="columnheader" scope="col">"Pull secret"</th>
                            <th role="columnheader" scope="col">"Actions"</th>
                        </tr>
                    </thead>
                    <tbody role="rowgroup">
                        <For each=move || nodes.get() key=|entry| format!("{entry:?}") let:entry>
                            {
                                let (name, gpu) = (entry.name.clone(), entry.url_for_gpu.clone());
                                let to_edit = entry.clone();
                                let to_delete = name.clone();
                                view! {
                                    <tr role="row">
                                        <th role="rowheader" scope="row" data-label="Name">
                                            <span class="row-name">{entry.display_name}</span>
                                            <span class="row-note mono">{name.clone()}</span>
                                            <span class="row-note">{entry.description}</span>
                                        </th>
                                        <td role="cell" data-label="Type"><span class="badge neutral">{entry.kind.label()}</span></td>
                                        <td role="cell" data-label="Image reference" class="image-cell">
                                            <Copyable text=entry.url what="image reference" />
                                            {gpu.map(|gpu| view! { <span class="row-note">"GPU: "<code>{gpu}</code></span> })}
                                        </td>
                                        <td role="cell" data-label="Pull secret">{entry.pull_secret.unwrap_or_else(|| "-".to_owned())}</td>
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
            <Show when=move || has_more.get()>
                <div class="more">
                    <p class="muted">
                        {move || {
                            let all = list.with(|list| list.map_or(0, |list| list.total_count));
                            format!("{} of {all} base images are shown; the search looks at all of them.", nodes.with(Vec::len))
                        }}
                    </p>
                    <button type="button" class="button" on:click=move |_| shown.update(|shown| *shown += AT_ONCE)>"Show more"</button>
                </div>
            </Show>
            <Show when=move || is_empty.get()>
                {move || {
                    if search.with(|text| text.trim().is_empty()) {
                        view! {
                            <EmptyState title="There are no base images yet.">
                                "Add those that your image specs are usually built on."
                            </EmptyState>
                        }
                            .into_any()
                    } else {
                        view! { <EmptyState title="No base image fits the search.">"Clear it to see all of them."</EmptyState> }.into_any()
                    }
                }}
            </Show>
        </Boundary>
        <EditDialog open=editing entry=entry on_kept=move |()| list.refresh() />
        <DeleteDialog
            open=deleting
            name=doomed
            delete=delete_named
            on_deleted=move |()| list.refresh()
        >
            <p>"It is suggested no more. Image specs that are built on it keep it."</p>
        </DeleteDialog>
    }
}
