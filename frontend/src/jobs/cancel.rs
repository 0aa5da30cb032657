//! The question before a job is cancelled.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::graphql::cancel;
use crate::ui::{ConfirmDialog, toast};

/// Asks, cancels, tells. That the job has ended then comes by the feed.
#[component]
pub(super) fn CancelDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The job's id and number.
    #[prop(into)]
    job: Signal<Option<(String, i32)>>,
) -> impl IntoView {
    let busy = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        if open.get() {
            problem.set(None);
        }
    });
    let confirm = move |()| {
        let Some((id, number)) = job.get_untracked() else { return };
        busy.set(true);
        problem.set(None);
        spawn_local(async move {
            let answer = cancel(id).await;
            if busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(errors) if errors.is_empty() => {
                    open.set(false);
                    toast::done(format!("Job {number} is being cancelled."));
                }
                Ok(errors) => problem.set(errors.into_iter().next().map(|error| error.message)),
                Err(error) => problem.set(Some(error.to_string())),
            }
        });
    };
    let title =
        move || job.with(|job| job.as_ref().map_or_else(String::new, |(_, number)| format!("Cancel job {number}?")));
    view! {
        <ConfirmDialog
            open=open
            title=title
            confirm="Cancel the job"
            dismiss="Keep it running"
            busy=busy
            problem=problem
            on_confirm=confirm
        >
            <p>"The build is stopped. The job and its log stay."</p>
        </ConfirmDialog>
    }
}
