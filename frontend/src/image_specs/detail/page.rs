//! Heading, status, what can be done with the spec, and the tabs.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::{A, Outlet};
use leptos_router::hooks::{use_location, use_navigate, use_params_map};

use super::graphql::{Spec, spec};
use crate::image_specs::delete_dialog::DeleteSpecDialog;
use crate::jobs::{RebuildButton, StatusBadge};
use crate::live::{Query, on_job_change};
use crate::routes;
use crate::ui::{Boundary, Copyable, EmptyState, LeaveGuard, PageHeading, Tab, Tabs};

/// The spec of the page, for its tabs.
#[derive(Clone, Copy)]
pub(super) struct CurrentSpec {
    /// What the server knows; none inside where there is no such spec.
    pub(super) spec: Query<Option<Spec>>,
}

/// The page of a spec.
#[component]
pub fn DetailPage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.with(|params| params.get("name")).unwrap_or_default());
    // Another spec is another page: nothing of the one before stays.
    move || view! { <SpecPage name=name.get() /> }
}

#[component]
fn SpecPage(name: String) -> impl IntoView {
    let name = Memo::new(move |_| name.clone());
    let current = Query::new(move || spec(name.get()));
    provide_context(CurrentSpec { spec: current });
    on_job_change(move |job| {
        if job.is_none_or(|job| name.with_untracked(|name| *name == job.image_spec.name)) {
            current.refresh_soon();
        }
    });

    let path = use_location().pathname;
    let selected = Memo::new(move |_| if path.get() == routes::jobs(&name.get()) { "jobs" } else { "info" });
    let tabs = Signal::derive(move || {
        let name = name.get();
        vec![
            Tab { key: "info", label: "Info", href: routes::info(&name) },
            Tab { key: "jobs", label: "Jobs", href: routes::jobs(&name) },
        ]
    });
    let exists = Memo::new(move |_| current.with(|spec| spec.is_some_and(Option::is_some)));
    let missing = Memo::new(move |_| current.with(|spec| spec.is_some_and(Option::is_none)));
    let state = Signal::derive(move || {
        current.with(|spec| {
            spec.and_then(Option::as_ref).and_then(|spec| spec.latest_job.as_ref()).map(|job| job.state.clone())
        })
    });
    let image =
        Memo::new(move |_| current.with(|spec| spec.and_then(Option::as_ref).and_then(|spec| spec.image.clone())));
    let deleting = RwSignal::new(false);
    let navigate = use_navigate();
    let guard = expect_context::<LeaveGuard>();
    let deleted = move |()| {
        guard.set(false);
        navigate(routes::IMAGE_SPECS, NavigateOptions::default());
    };
    view! {
        <nav class="crumbs" aria-label="Breadcrumb"><A href=routes::IMAGE_SPECS>"Image specs"</A></nav>
        <div class="page-head">
            <PageHeading text=name />
            <Show when=move || exists.get()>
                <StatusBadge state=state />
                <div class="page-actions">
                    <RebuildButton name=name />
                    <button type="button" class="button danger-quiet" on:click=move |_| deleting.set(true)>"Delete"</button>
                </div>
            </Show>
        </div>
        <Boundary query=current>
            <Show when=move || exists.get()>
                {move || {
                    image
                        .get()
                        .map(|image| {
                            view! {
                                <p class="latest-image">
                                    <span class="muted">"Latest image "</span>
                                    <Copyable text=image what="image" />
                                </p>
                            }
                        })
                }}
                <Tabs label="Image spec" tabs=tabs selected=selected />
                <div id="panel" role="tabpanel" class="tab-panel" aria-labelledby=move || format!("tab-{}", selected.get())>
                    <Outlet />
                </div>
            </Show>
            <Show when=move || missing.get()>
                <EmptyState title=move || format!("There is no image spec named {}.", name.get())>
                    <A href=routes::IMAGE_SPECS>"Go to the image specs"</A>
                </EmptyState>
            </Show>
        </Boundary>
        <DeleteSpecDialog open=deleting name=name on_deleted=deleted />
    }
}
