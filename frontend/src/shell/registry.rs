//! The warning that no image can be pushed.

use gloo_timers::callback::Interval;
use leptos::prelude::*;
use leptos_router::components::A;

use super::graphql::registry;
use crate::live::Query;
use crate::routes;
use crate::ui::Notice;

const LOOK_AGAIN_MS: u32 = 30_000;

/// Stands on top of every page while there is no push registry, or it does not answer.
#[component]
pub fn RegistryBanner() -> impl IntoView {
    let state = Query::new(registry);
    let looking = StoredValue::new_local(Interval::new(LOOK_AGAIN_MS, move || state.refresh()));
    on_cleanup(move || looking.dispose());

    let warning = Memo::new(move |_| {
        state.with(|registry| {
            let registry = registry.filter(|registry| !registry.configured || !registry.reachable)?;
            let title = if registry.configured {
                "Images cannot be pushed at this moment"
            } else {
                "No push registry is configured"
            };
            Some((title, registry.message.clone().unwrap_or_default()))
        })
    });
    view! {
        <div role="status" aria-label="Push registry">
            {move || {
                warning
                    .get()
                    .map(|(title, message)| {
                        view! {
                            <Notice kind="warning">
                                <p class="notice-title">{title}</p>
                                <p>{message} " " <A href=routes::REGISTRY_HELP>"How to set up the push registry"</A></p>
                            </Notice>
                        }
                    })
            }}
        </div>
    }
}
