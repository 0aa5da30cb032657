//! The page's title and heading: after a change of page, the focus goes to the heading, so that a screen reader says where
//! one is.

use std::cell::Cell;

use leptos::html;
use leptos::prelude::*;

thread_local! {
    static FIRST_PAGE: Cell<bool> = const { Cell::new(true) };
}

/// Names the page in the tab of the browser, as long as the current owner lives.
pub fn page_title(title: impl Fn() -> String + 'static) {
    Effect::new(move |_| document().set_title(&format!("{} · Cooperage", title())));
}

/// The heading of a page; it gives the page its title too.
#[component]
pub fn PageHeading(
    /// The text.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    let node = NodeRef::<html::H1>::new();
    page_title(move || text.get());
    Effect::new(move |_| {
        let Some(heading) = node.get() else { return };
        // On the first page the browser's own place for the focus is the right one.
        if !FIRST_PAGE.replace(false) {
            let heading = heading.clone();
            request_animation_frame(move || {
                if document().active_element().is_none_or(|element| element.tag_name() == "BODY") {
                    // A heading with tabindex takes the focus.
                    let _ = heading.focus();
                }
            });
        }
    });
    view! { <h1 node_ref=node class="page-title" tabindex="-1">{text}</h1> }
}
