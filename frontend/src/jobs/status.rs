//! The status of a job in a word, with its phase or its place in the queue.

use leptos::prelude::*;

use super::graphql::JobState;
use crate::api::{JobStatus, Phase};

/// The status of a job.
#[component]
pub fn StatusBadge(
    /// None: there is no job yet.
    #[prop(into)]
    state: Signal<Option<JobState>>,
) -> impl IntoView {
    let class = move || format!("badge {}", state.with(|state| state.as_ref().map_or("neutral", tone)));
    let text = Memo::new(move |_| state.with(|state| state.as_ref().map_or_else(|| "No job".to_owned(), status_text)));
    view! {
        <span class=class>
            <span class="badge-dot" aria-hidden="true"></span>
            {text}
        </span>
    }
}

/// The status in words: "Running: build", "Queued, next in line".
pub(super) fn status_text(state: &JobState) -> String {
    match state.status {
        JobStatus::Queued => match state.queue_position {
            Some(1) => "Queued, next in line".to_owned(),
            Some(place) => format!("Queued, place {place}"),
            None => "Queued".to_owned(),
        },
        JobStatus::Running => match state.phase {
            Some(phase) => format!("Running: {}", phase_text(phase)),
            None => "Running".to_owned(),
        },
        JobStatus::Succeeded => "Succeeded".to_owned(),
        JobStatus::Failed => "Failed".to_owned(),
        JobStatus::Cancelled => "Cancelled".to_owned(),
    }
}

fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Prepare => "prepare",
        Phase::Pull => "pull",
        Phase::Build => "build",
        Phase::Push => "push",
    }
}

fn tone(state: &JobState) -> &'static str {
    match state.status {
        JobStatus::Queued => "waiting",
        JobStatus::Running => "active",
        JobStatus::Succeeded => "success",
        JobStatus::Failed => "danger",
        JobStatus::Cancelled => "neutral",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_it_waits_for_or_does() {
        let text = |status, phase, queue_position| status_text(&JobState { status, phase, queue_position });
        assert_eq!(text(JobStatus::Queued, None, Some(1)), "Queued, next in line");
        assert_eq!(text(JobStatus::Queued, None, Some(3)), "Queued, place 3");
        assert_eq!(text(JobStatus::Running, Some(Phase::Push), None), "Running: push");
        assert_eq!(text(JobStatus::Failed, None, None), "Failed");
    }
}
