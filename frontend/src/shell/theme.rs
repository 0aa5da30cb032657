//! Light and dark. The system's choice holds until the person makes their own, which this browser keeps.
//! `public/theme.js` applies a kept choice before the first paint.

use leptos::prelude::*;

use crate::ui::Icon;

const KEY: &str = "theme";

/// Switches between light and dark.
#[component]
pub fn ThemeToggle() -> impl IntoView {
    let dark = RwSignal::new(is_dark());
    let toggle = move |_| {
        let theme = if dark.get_untracked() { "light" } else { "dark" };
        if let Some(root) = document().document_element() {
            // "data-theme" is a valid name, the only reason to refuse.
            let _ = root.set_attribute("data-theme", theme);
        }
        if let Ok(Some(storage)) = window().local_storage() {
            // A browser that keeps nothing: the choice holds for this page.
            let _ = storage.set_item(KEY, theme);
        }
        dark.set(theme == "dark");
    };
    view! {
        <button
            type="button"
            class="icon-button"
            aria-label=move || if dark.get() { "Use the light theme" } else { "Use the dark theme" }
            title=move || if dark.get() { "Use the light theme" } else { "Use the dark theme" }
            on:click=toggle
        >
            {move || if dark.get() { view! { <Icon name="sun" /> } } else { view! { <Icon name="moon" /> } }}
        </button>
    }
}

fn is_dark() -> bool {
    match document().document_element().and_then(|root| root.get_attribute("data-theme")) {
        Some(theme) => theme == "dark",
        None => {
            window().match_media("(prefers-color-scheme: dark)").ok().flatten().is_some_and(|query| query.matches())
        }
    }
}
