//! The question before a job is cancelled.

use leptos::prelude::*;

use super::graphql::cancel;
use crate::ui::{ActionDialog, Answer, toast};

/// Asks, cancels, tells. That the job has ended then comes by the feed.
#[component]
pub(super) fn CancelDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The job's id and number.
    #[prop(into)]
    job: Signal<Option<(String, i32)>>,
) -> impl IntoView {
    let number = move || job.with_untracked(|job| job.as_ref().map(|(_, number)| *number));
    let act = move |()| -> Answer {
        match job.get_untracked() {
            Some((id, _)) => Box::pin(cancel(id)),
            None => Box::pin(std::future::ready(Ok(Vec::new()))),
        }
    };
    let done = move |()| {
        if let Some(number) = number() {
            toast::done(format!("Job {number} is being cancelled."));
        }
    };
    let title =
        move || job.with(|job| job.as_ref().map_or_else(String::new, |(_, number)| format!("Cancel job {number}?")));
    view! {
        <ActionDialog
            open=open
            title=title
            confirm="Cancel the job"
            dismiss="Keep it running"
            act=act
            on_done=done
        >
            <p>"The build is stopped. The job and its log stay."</p>
        </ActionDialog>
    }
}
