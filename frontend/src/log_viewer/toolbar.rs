//! What can be done with the log.

use leptos::prelude::*;

use super::extent::Extent;
use super::state::Signals;
use crate::ui::Icon;

/// Counts, "Go to line", wrapping, download.
#[component]
pub(super) fn Toolbar(
    /// The viewer's state.
    signals: Signals,
    /// Whether long lines are wrapped.
    wrap: RwSignal<bool>,
    /// Where the whole log is.
    #[prop(into)]
    url: String,
    /// The name of the file to save it in.
    #[prop(into)]
    file: String,
    /// Called with the line to go to.
    #[prop(into)]
    on_line: Callback<u64>,
) -> impl IntoView {
    let wanted = RwSignal::new(String::new());
    let go = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Ok(line) = wanted.get_untracked().trim().parse::<u64>()
            && line > 0
        {
            on_line.run(line);
        }
    };
    let count = move || count_text(signals.extent.get(), signals.total.get(), signals.finished.get());
    view! {
        <div class="log-toolbar">
            <h2 id="log-title" class="card-title">"Log"</h2>
            <span class="muted log-count">{count}</span>
            <form class="log-go" on:submit=go>
                <label class="visually-hidden" for="log-line">"Go to line"</label>
                <input
                    id="log-line"
                    class="input small"
                    type="number"
                    min="1"
                    inputmode="numeric"
                    placeholder="Go to line"
                    bind:value=wanted
                />
            </form>
            <label class="check small">
                <input type="checkbox" bind:checked=wrap />
                "Wrap lines"
            </label>
            <a class="button small" href=url download=format!("{file}.log") rel="external">
                <Icon name="download" />
                "Download"
            </a>
        </div>
    }
}

fn count_text(shown: Extent, total: u64, finished: bool) -> String {
    let total = total.max(shown.next - 1);
    let end = if finished { "" } else { " so far" };
    match (total, shown.len()) {
        (0, _) => String::new(),
        (1, _) => format!("1 line{end}"),
        (_, shown_count) if shown_count == total => format!("{total} lines{end}"),
        _ => format!("Lines {} to {} of {total}{end}", shown.first, shown.next - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_says_what_is_shown_of_what_there_is() {
        assert_eq!(count_text(Extent::EMPTY, 0, false), "");
        assert_eq!(count_text(Extent::new(1, 1), 1, true), "1 line");
        assert_eq!(count_text(Extent::new(1, 30), 30, false), "30 lines so far");
        assert_eq!(count_text(Extent::new(501, 2_000), 2_500, true), "Lines 501 to 2500 of 2500");
    }
}
