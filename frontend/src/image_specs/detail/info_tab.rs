//! The Info tab: the form with the spec in it.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::graphql::Spec;
use super::page::CurrentSpec;
use crate::image_specs::form::{Editing, FormValues, SpecForm};
use crate::jobs::NewJob;
use crate::routes;
use crate::ui::{LeaveGuard, toast};

/// The form of an existing spec; leads to the page of the new job.
#[component]
pub fn InfoTab() -> impl IntoView {
    let spec = expect_context::<CurrentSpec>().spec;
    let editing = Memo::new(move |_| spec.with(|spec| spec.and_then(Option::as_ref).map(editing)));
    let guard = expect_context::<LeaveGuard>();
    let navigate = use_navigate();
    let leave = use_navigate();
    let kept = move |(name, job): (String, Option<NewJob>)| {
        toast::done(match &job {
            Some(job) => format!("{name} is saved; job {} builds its new image.", job.number),
            None => format!("{name} is saved."),
        });
        let target = job.map_or_else(|| routes::jobs(&name), |job| routes::job(&name, job.id.inner()));
        navigate(&target, NavigateOptions::default());
    };
    let cancel = move |()| guard.leave(routes::IMAGE_SPECS, &leave);
    // The form is made once the spec is there, and stays while the spec is renewed.
    let ready = Memo::new(move |_| editing.with(Option::is_some));
    let kept = Callback::new(kept);
    let cancel = Callback::new(cancel);
    view! {
        <Show when=move || ready.get()>
            <SpecForm editing=editing on_kept=kept on_cancel=cancel on_outdated=move |()| spec.refresh() />
        </Show>
    }
}

fn editing(spec: &Spec) -> Editing {
    let values = FormValues::new(&spec.name, &spec.base_image, spec.pull_secret.as_ref(), &spec.packages);
    Editing { version: spec.version, values }
}
