//! Pages of a connection, kept in the address: Back goes to the page before.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;
use leptos_router::params::ParamsMap;

use crate::api::PageInfo;

/// The arguments of a connection for the page that the address names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageArguments {
    /// So many from the start.
    pub first: Option<i32>,
    /// After this cursor.
    pub after: Option<String>,
    /// So many from the end.
    pub last: Option<i32>,
    /// Before this cursor.
    pub before: Option<String>,
}

/// Reads the page from the query part of the address.
pub fn page_arguments(query: &ParamsMap, size: i32) -> PageArguments {
    match (query.get("after"), query.get("before")) {
        (None, Some(before)) => PageArguments { last: Some(size), before: Some(before), ..PageArguments::default() },
        (after, _) => PageArguments { first: Some(size), after, ..PageArguments::default() },
    }
}

/// "Previous" and "Next", where there is more than one page.
#[component]
pub fn Pager(
    /// Where the page stands.
    #[prop(into)]
    info: Signal<Option<PageInfo>>,
    /// How many entries there are on all pages.
    #[prop(into)]
    total: Signal<i32>,
    /// What they are called, in the plural.
    what: &'static str,
) -> impl IntoView {
    let location = use_location();
    let path = location.pathname;
    let query = location.query;
    let target = move |key: &'static str, cursor: Option<String>| {
        let mut params = query.get();
        params.remove("after");
        params.remove("before");
        if let Some(cursor) = cursor {
            params.insert(key, cursor);
        }
        format!("{}{}", path.get(), params.to_query_string())
    };
    let step = move |label: &'static str, key: &'static str, read: fn(&PageInfo) -> Option<String>| {
        move || match info.with(|info| info.as_ref().and_then(read)) {
            Some(cursor) => {
                view! { <A href=target(key, Some(cursor)) attr:class="button small">{label}</A> }.into_any()
            }
            None => view! { <span class="button small" aria-disabled="true">{label}</span> }.into_any(),
        }
    };
    let several = Memo::new(move |_| {
        info.with(|info| info.as_ref().is_some_and(|info| info.has_next_page || info.has_previous_page))
    });
    view! {
        <nav class="pager" aria-label="Pages" hidden=move || !several.get()>
            <span class="pager-total">{move || format!("{} {what} in all", total.get())}</span>
            {step("Previous", "before", |info| info.start_cursor.clone().filter(|_| info.has_previous_page))}
            {step("Next", "after", |info| info.end_cursor.clone().filter(|_| info.has_next_page))}
        </nav>
    }
}
