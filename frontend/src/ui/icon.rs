//! The few icons of the app, drawn by hand on a 16 by 16 grid.

use leptos::prelude::*;

/// An icon. It has no accessible name: the control around it has one.
#[component]
pub fn Icon(
    /// Which.
    name: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" inner_html=strokes(name) />
    }
}

fn strokes(name: &str) -> &'static str {
    match name {
        "alert" => r#"<path d="M8 2 1.8 13.2h12.4z"/><path d="M8 6.4v3.2M8 11.6v.2"/>"#,
        "arrow-down" => r#"<path d="M8 2.5v10M3.8 8.6 8 12.8l4.2-4.2"/>"#,
        "cask" => {
            r#"<path d="M4.2 2h7.6c1.6 3.6 1.6 8.4 0 12H4.2C2.6 10.4 2.6 5.6 4.2 2z"/><path d="M3.3 5.200h9.400M3.3 10.800h9.4"/>"#
        }
        "check" => r#"<path d="m2.8 8.6 3.4 3.4 7-7.6"/>"#,
        "chevron" => r#"<path d="m3.5 6 4.5 4.500L12.5 6"/>"#,
        "copy" => r#"<path d="M5.5 5.500h8v8h-8z"/><path d="M10.5 5.500v-3h-8v8h3"/>"#,
        "download" => r#"<path d="M8 2v7.500M4.5 6.2 8 9.700l3.5-3.500M2.5 13.500h11"/>"#,
        "info" => r#"<circle cx="8" cy="8" r="6.2"/><path d="M8 7.400v3.800M8 4.800v.2"/>"#,
        "moon" => r#"<path d="M13.5 9.600A6 6 0 0 1 6.4 2.500a6 6 0 1 0 7.1 7.100z"/>"#,
        "plus" => r#"<path d="M8 3v10M3 8h10"/>"#,
        "search" => r#"<circle cx="7" cy="7" r="4.5"/><path d="m10.4 10.4 3.6 3.6"/>"#,
        "sun" => {
            r#"<circle cx="8" cy="8" r="3"/><path d="M8 1v1.500M8 13.500V15M1 8h1.500M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1"/>"#
        }
        "close" => r#"<path d="m3.5 3.5 9 9M12.5 3.500l-9 9"/>"#,
        _ => "",
    }
}
