//! Sortable column headers, kept in the address.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_location;
use leptos_router::params::ParamsMap;

/// By what a list is sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The key of the column.
    pub column: String,
    /// Whether the largest comes first.
    pub descending: bool,
}

impl Sort {
    /// Reads the sorting from the query part of the address, as `sort=column` or `sort=-column`.
    pub fn read(query: &ParamsMap, default: &str) -> Self {
        let text = query.get("sort").unwrap_or_else(|| default.to_owned());
        match text.strip_prefix('-') {
            Some(column) => Self { column: column.to_owned(), descending: true },
            None => Self { column: text, descending: false },
        }
    }
}

/// A column header that sorts; sorting starts at the first page again.
#[component]
pub fn SortHeader(
    /// The column's key.
    column: &'static str,
    /// The column's name.
    label: &'static str,
    /// How the list is sorted now.
    #[prop(into)]
    sort: Signal<Sort>,
    /// Whether the first click shows the largest first.
    #[prop(optional)]
    descending_first: bool,
) -> impl IntoView {
    let location = use_location();
    let current = move || sort.with(|sort| (sort.column == column).then_some(sort.descending));
    let target = move || {
        let descending = current().map_or(descending_first, |descending| !descending);
        let mut params = location.query.get();
        params.remove("after");
        params.remove("before");
        params.replace("sort", format!("{}{column}", if descending { "-" } else { "" }));
        format!("{}{}", location.pathname.get(), params.to_query_string())
    };
    let order = move || match current() {
        Some(true) => Some("descending"),
        Some(false) => Some("ascending"),
        None => None,
    };
    let arrow = move || match current() {
        Some(true) => "↓",
        Some(false) => "↑",
        None => "",
    };
    view! {
        <th role="columnheader" scope="col" aria-sort=order>
            <A href=target attr:class="sort-link" scroll=false>
                {label}
                <span class="sort-arrow" aria-hidden="true">{arrow}</span>
            </A>
        </th>
    }
}
