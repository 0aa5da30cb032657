//! The button that builds a spec once more.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use wasm_bindgen_futures::spawn_local;

use super::graphql::rebuild;
use crate::routes;
use crate::ui::{LeaveGuard, toast};

/// Asks for a fresh build and goes to its page.
#[component]
pub fn RebuildButton(
    /// The spec.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let busy = RwSignal::new(false);
    let guard = expect_context::<LeaveGuard>();
    let navigate = use_navigate();
    let start = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let name = name.get_untracked();
        let navigate = navigate.clone();
        spawn_local(async move {
            let answer = rebuild(name.clone()).await;
            let left = busy.try_set(false).is_some();
            match answer {
                Ok(answer) => match (answer.user_errors.into_iter().next(), answer.job) {
                    (Some(error), _) => toast::failed(error.message),
                    (None, Some(job)) => {
                        toast::done(format!("Job {} of {name} is queued.", job.number));
                        if !left {
                            guard.leave(&routes::job(&name, job.id.inner()), &navigate);
                        }
                    }
                    (None, None) => toast::done(format!("{name} is being rebuilt.")),
                },
                Err(error) => toast::failed(error.to_string()),
            }
        });
    };
    view! {
        <button type="button" class="button" aria-disabled=move || busy.get().to_string() on:click=start>
            "Rebuild"
        </button>
    }
}
