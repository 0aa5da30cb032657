//! Tabs whose panels are pages of their own: each has an address.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// One tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// Its key, part of its id.
    pub key: &'static str,
    /// Its name.
    pub label: &'static str,
    /// The address of its page.
    pub href: String,
}

/// A list of tabs (W3C pattern, with manual activation: the panels load). The panel is to be
/// `role="tabpanel" id="panel" aria-labelledby="tab-KEY"`.
#[component]
pub fn Tabs(
    /// The accessible name of the list.
    label: &'static str,
    /// The tabs.
    #[prop(into)]
    tabs: Signal<Vec<Tab>>,
    /// The key of the one that is shown.
    #[prop(into)]
    selected: Signal<&'static str>,
) -> impl IntoView {
    let keydown = move |event: KeyboardEvent| {
        let keys: Vec<&'static str> = tabs.with_untracked(|tabs| tabs.iter().map(|tab| tab.key).collect());
        let focused = document().active_element().map(|element| element.id()).unwrap_or_default();
        let Some(index) = keys.iter().position(|key| focused == tab_id(key)) else { return };
        let next = match event.key().as_str() {
            "ArrowRight" => (index + 1) % keys.len(),
            "ArrowLeft" => (index + keys.len() - 1) % keys.len(),
            "Home" => 0,
            "End" => keys.len() - 1,
            " " => {
                event.prevent_default();
                if let Some(tab) = element(keys[index]) {
                    tab.click();
                }
                return;
            }
            _ => return,
        };
        event.prevent_default();
        if let Some(tab) = element(keys[next]) {
            // A tab on the page takes the focus.
            let _ = tab.focus();
        }
    };
    view! {
        <div class="tabs" role="tablist" aria-label=label on:keydown=keydown>
            {move || {
                tabs.get()
                    .into_iter()
                    .map(|tab| {
                        let key = tab.key;
                        view! {
                            <a
                                id=tab_id(key)
                                class="tab"
                                role="tab"
                                href=tab.href
                                aria-selected=move || (selected.get() == key).to_string()
                                aria-controls=move || (selected.get() == key).then_some("panel")
                                tabindex=move || if selected.get() == key { "0" } else { "-1" }
                            >
                                {tab.label}
                            </a>
                        }
                    })
                    .collect_view()
            }}
        </div>
    }
}

fn tab_id(key: &str) -> String {
    format!("tab-{key}")
}

fn element(key: &str) -> Option<web_sys::HtmlElement> {
    document().get_element_by_id(&tab_id(key))?.dyn_into().ok()
}
