//! The page for a new spec.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;

use super::spec_form::SpecForm;
use crate::jobs::NewJob;
use crate::routes;
use crate::ui::{LeaveGuard, PageHeading, toast};

/// The form for a new spec; leads to the page of its first job.
#[component]
pub fn CreatePage() -> impl IntoView {
    let navigate = use_navigate();
    let leave = use_navigate();
    let guard = expect_context::<LeaveGuard>();
    let kept = move |(name, job): (String, Option<NewJob>)| {
        toast::done(format!("{name} is created; its image is being built."));
        let target = job.map_or_else(|| routes::jobs(&name), |job| routes::job(&name, job.id.inner()));
        navigate(&target, NavigateOptions { replace: true, ..Default::default() });
    };
    view! {
        <nav class="crumbs" aria-label="Breadcrumb"><A href=routes::IMAGE_SPECS>"Image specs"</A></nav>
        <PageHeading text="New image spec" />
        <SpecForm
            editing=Signal::stored(None)
            on_kept=kept
            on_cancel=move |()| guard.leave(routes::IMAGE_SPECS, &leave)
            on_outdated=|()| {}
        />
    }
}
