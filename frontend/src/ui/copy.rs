//! Copying a text to the clipboard.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{Icon, toast};

/// A button that copies a text.
#[component]
pub fn CopyButton(
    /// The text.
    #[prop(into)]
    text: Signal<String>,
    /// What is copied, for the accessible name: "image" gives "Copy image".
    what: &'static str,
) -> impl IntoView {
    let copy = move |_| {
        let text = text.get_untracked();
        spawn_local(async move {
            if write(&text).await {
                toast::done("Copied to the clipboard.");
            } else {
                toast::failed("The browser did not allow copying. Select the text and copy it by hand.");
            }
        });
    };
    view! {
        <button type="button" class="icon-button" aria-label=format!("Copy {what}") title=format!("Copy {what}") on:click=copy>
            <Icon name="copy" />
        </button>
    }
}

/// A text in a code face with its copy button.
#[component]
pub fn Copyable(
    /// The text.
    #[prop(into)]
    text: Signal<String>,
    /// What it is, for the accessible name.
    what: &'static str,
) -> impl IntoView {
    view! {
        <span class="copyable">
            <code>{text}</code>
            <CopyButton text=text what=what />
        </span>
    }
}

async fn write(text: &str) -> bool {
    let navigator = window().navigator();
    // Outside of secure contexts (plain HTTP from another machine) the browser has no clipboard object.
    let has_clipboard = js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard"))
        .is_ok_and(|clipboard| !clipboard.is_undefined() && !clipboard.is_null());
    if has_clipboard && JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok() {
        return true;
    }
    write_by_selection(text).unwrap_or(false)
}

/// The old way, which works without a secure context.
fn write_by_selection(text: &str) -> Result<bool, JsValue> {
    let page = document();
    let area = page.create_element("textarea")?.unchecked_into::<web_sys::HtmlTextAreaElement>();
    area.set_value(text);
    area.set_class_name("visually-hidden");
    let body = page.body().ok_or(JsValue::NULL)?;
    let focused = page.active_element();
    body.append_child(&area)?;
    area.select();
    let copied = page.unchecked_ref::<web_sys::HtmlDocument>().exec_command("copy");
    area.remove();
    if let Some(focused) = focused.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        focused.focus()?;
    }
    copied
}
