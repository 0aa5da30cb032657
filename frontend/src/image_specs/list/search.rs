//! The search field: what is typed goes into the address after a moment.

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};

use crate::ui::Icon;

const PAUSE_MS: u32 = 250;

/// Filters the list by name.
#[component]
pub(super) fn SearchField(
    /// What the address says.
    #[prop(into)]
    search: Signal<Option<String>>,
    /// The address of the list.
    #[prop(into)]
    path: Signal<String>,
) -> impl IntoView {
    let params = use_query_map();
    let navigate = use_navigate();
    let text = RwSignal::new(search.get_untracked().unwrap_or_default());
    let pause = StoredValue::new_local(None::<Timeout>);
    // Back and Forward change the address, and the field follows.
    Effect::new(move |_| {
        let said = search.get().unwrap_or_default();
        if text.with_untracked(|text| text.trim() != said) {
            text.set(said);
        }
    });
    let go = move || {
        let typed = text.get_untracked().trim().to_owned();
        if typed == search.get_untracked().unwrap_or_default() {
            return;
        }
        let mut params = params.get_untracked();
        for key in ["after", "before", "q"] {
            params.remove(key);
        }
        if !typed.is_empty() {
            params.insert("q", typed);
        }
        let target = format!("{}{}", path.get_untracked(), params.to_query_string());
        navigate(&target, NavigateOptions { replace: true, scroll: false, ..Default::default() });
    };
    let typed = {
        let go = go.clone();
        move |value: String| {
            text.set(value);
            let go = go.clone();
            // The one before is dropped, and with it its timer.
            pause.set_value(Some(Timeout::new(PAUSE_MS, go)));
        }
    };
    view! {
        <form
            class="search"
            role="search"
            on:submit=move |event| {
                event.prevent_default();
                pause.set_value(None);
                go();
            }
        >
            <label class="visually-hidden" for="search">"Search by name"</label>
            <Icon name="search" />
            <input
                id="search"
                class="input"
                type="search"
                placeholder="Search by name"
                autocomplete="off"
                spellcheck="false"
                prop:value=text
                on:input:target=move |event| typed(event.target().value())
            />
        </form>
    }
}
