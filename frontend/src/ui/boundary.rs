//! What a page shows while there is nothing to show: it loads, it is empty, it failed.

use leptos::prelude::*;

use super::Icon;
use crate::live::Query;

/// Says that an answer is awaited. It appears only after a moment, so that quick answers do not flicker.
#[component]
pub fn Loading() -> impl IntoView {
    view! {
        <div class="loading" role="status">
            <span class="spinner" aria-hidden="true"></span>
            "Loading…"
        </div>
    }
}

/// Says that there is nothing yet, and what to do about it.
#[component]
pub fn EmptyState(
    /// In one short sentence.
    #[prop(into)]
    title: Signal<String>,
    /// What to do next.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <Icon name="cask" />
            <p class="empty-title">{title}</p>
            {children.map(|children| view! { <div class="empty-body">{children()}</div> })}
        </div>
    }
}

/// Says why something could not be loaded, and offers to try again.
#[component]
pub fn ErrorState(
    /// The reason, as a sentence.
    #[prop(into)]
    message: Signal<String>,
    /// Tries again.
    #[prop(into)]
    on_retry: Callback<()>,
) -> impl IntoView {
    view! {
        <div class="notice danger" role="alert">
            <Icon name="alert" />
            <div class="notice-body">
                <p>{message}</p>
                <button type="button" class="button small" on:click=move |_| on_retry.run(())>"Try again"</button>
            </div>
        </div>
    }
}

/// A box that draws the eye: a warning, a failure, a hint.
#[component]
pub fn Notice(
    /// `info`, `warning` or `danger`.
    kind: &'static str,
    /// Its content.
    children: Children,
) -> impl IntoView {
    view! {
        <div class=format!("notice {kind}")>
            <Icon name=if kind == "info" { "info" } else { "alert" } />
            <div class="notice-body">{children()}</div>
        </div>
    }
}

/// Shows its content once the query has an answer; before that the loading state, or why there is none. An answer that
/// could not be renewed stays, with a note.
#[component]
pub fn Boundary<T: Clone + PartialEq + Send + Sync + 'static>(
    /// The query.
    query: Query<T>,
    /// The content. It is made once and reads the query itself.
    children: ChildrenFn,
) -> impl IntoView {
    let answered = Memo::new(move |_| query.answered());
    let message = Memo::new(move |_| query.error().map(|error| error.to_string()));
    let retry = move || query.refresh();
    view! {
        {move || {
            message
                .get()
                .map(|message| view! { <ErrorState message=message on_retry=move |()| retry() /> })
        }}
        {move || {
            if answered.get() {
                children().into_any()
            } else if message.with(Option::is_none) {
                view! { <Loading /> }.into_any()
            } else {
                ().into_any()
            }
        }}
    }
}
