//! The page of the list: search, sorting and place are in the address.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_location, use_query_map};

use super::graphql::specs;
use super::row::SpecTableRow;
use super::search::SearchField;
use crate::image_specs::delete_dialog::DeleteSpecDialog;
use crate::live::{Query, on_job_change};
use crate::routes;
use crate::ui::{Boundary, EmptyState, Icon, PageHeading, Pager, Sort, SortHeader, page_arguments};

const PAGE_SIZE: i32 = 25;
const NEWEST_FIRST: &str = "-created";

/// The list of image specs.
#[component]
pub fn ListPage() -> impl IntoView {
    let params = use_query_map();
    let path = use_location().pathname;
    let search = Memo::new(move |_| params.with(|params| params.get("q")).filter(|text| !text.is_empty()));
    let sort = Memo::new(move |_| params.with(|params| Sort::read(params, NEWEST_FIRST)));
    let place = Memo::new(move |_| params.with(|params| page_arguments(params, PAGE_SIZE)));
    let list = Query::new(move || {
        let (search, sort, place) = (search.get(), sort.get(), place.get());
        async move { specs(search, &sort, place).await }
    });
    on_job_change(move |_| list.refresh_soon());

    let doomed = RwSignal::new(String::new());
    let deleting = RwSignal::new(false);
    let ask_delete = Callback::new(move |name: String| {
        doomed.set(name);
        deleting.set(true);
    });
    let ids = Memo::new(move |_| {
        list.with(|rows| rows.map(|rows| rows.nodes.iter().map(|row| row.id.inner().to_owned()).collect::<Vec<_>>()))
            .unwrap_or_default()
    });
    let is_empty = Memo::new(move |_| ids.with(Vec::is_empty));
    let total = Memo::new(move |_| list.with(|rows| rows.map_or(0, |rows| rows.total_count)));
    view! {
        <div class="page-head">
            <PageHeading text="Image specs" />
            <A href=routes::NEW_IMAGE_SPEC attr:class="button primary">
                <Icon name="plus" />
                "Add"
            </A>
        </div>
        <div class="toolbar">
            <SearchField search=search path=path />
        </div>
        <Boundary query=list>
            <div class="table-wrap" hidden=move || is_empty.get()>
                <table class="table" role="table" aria-label="Image specs">
                    <thead role="rowgroup">
                        <tr role="row">
                            <SortHeader column="name" label="Name" sort=sort />
                            <SortHeader column="status" label="Status" sort=sort />
                            <th role="columnheader" scope="col">"Image"</th>
                            <SortHeader column="updated" label="Updated" sort=sort descending_first=true />
                            <th role="columnheader" scope="col">"Actions"</th>
                        </tr>
                    </thead>
                    <tbody role="rowgroup">
                        <For each=move || ids.get() key=|id| id.clone() let:id>
                            <SpecTableRow list=list id=id on_delete=ask_delete />
                        </For>
                    </tbody>
                </table>
            </div>
            {move || {
                is_empty
                    .get()
                    .then(|| match search.get() {
                        Some(text) => {
                            view! {
                                <EmptyState title=format!("No image spec has “{text}” in its name.")>
                                    <A href=routes::IMAGE_SPECS>"Show all image specs"</A>
                                </EmptyState>
                            }
                                .into_any()
                        }
                        None => {
                            view! {
                                <EmptyState title="There are no image specs yet.">
                                    <A href=routes::NEW_IMAGE_SPEC>"Add the first one"</A>
                                    ": name it, choose a base image, and list the packages it needs."
                                </EmptyState>
                            }
                                .into_any()
                        }
                    })
            }}
        </Boundary>
        <Pager info=Signal::derive(move || list.with(|rows| rows.map(|rows| rows.page_info.clone()))) total=total what="image specs" />
        <p class="visually-hidden" role="status">
            {move || search.get().map(|text| format!("{} image specs have “{text}” in their name", total.get()))}
        </p>
        <DeleteSpecDialog open=deleting name=doomed on_deleted=move |()| list.refresh() />
    }
}
