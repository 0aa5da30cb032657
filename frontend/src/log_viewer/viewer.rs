//! The viewer on the page.

use std::rc::Rc;

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::extent::line_of_hash;
use super::pane::Pane;
use super::state::{Availability, Signals, Viewer};
use super::toolbar::Toolbar;
use crate::ui::{Icon, Notice};

/// So near to the end, in pixels, counts as being there.
const NEAR_END_PX: i32 = 24;

/// Shows the log of a job.
#[component]
pub fn LogViewer(
    /// The job's id.
    #[prop(into)]
    job: String,
    /// Where the whole log can be downloaded.
    #[prop(into)]
    url: String,
    /// What to call the downloaded file, without its ending.
    #[prop(into)]
    file: String,
) -> impl IntoView {
    let signals = Signals::new();
    let wrap = RwSignal::new(false);
    let scroller = NodeRef::<html::Div>::new();
    let viewer = StoredValue::new_local(None::<Rc<Viewer>>);
    let act = move |act: &dyn Fn(&Viewer)| {
        // Cloned out: what it does may reach this value again.
        if let Some(viewer) = viewer.get_value() {
            act(&viewer);
        }
    };
    let hash = use_location().hash;
    Effect::new(move |_| {
        let Some(element) = scroller.get() else { return };
        if viewer.with_value(Option::is_none) {
            viewer.set_value(Some(Viewer::new(job.clone(), Pane::new(element.into()), signals)));
        }
        match (line_of_hash(&hash.get()), signals.availability.get_untracked()) {
            (Some(line), _) => act(&|viewer| viewer.show_line(line)),
            (None, Availability::Loading) => act(&Viewer::show_end),
            (None, _) => act(&Viewer::unmark),
        }
    });

    // Once the page has taken on what changed (rows, wrapping, the button on top), the end is in sight again.
    let keep_end = move || {
        request_animation_frame(move || {
            if signals.following.try_get_untracked() == Some(true)
                && let Some(element) = scroller.try_get_untracked().flatten()
            {
                element.set_scroll_top(element.scroll_height());
            }
        });
    };
    Effect::new(move |_| {
        signals.extent.track();
        signals.attached.track();
        signals.following.track();
        wrap.track();
        keep_end();
    });
    let resized = window_event_listener(ev::resize, move |_| keep_end());
    on_cleanup(move || resized.remove());

    let last_top = StoredValue::new(0);
    let scrolled = move |_| {
        let Some(element) = scroller.get_untracked() else { return };
        let top = element.scroll_top();
        let near_end = element.scroll_height() - element.client_height() - top < NEAR_END_PX;
        let went_up = top < last_top.get_value();
        last_top.set_value(top);
        if near_end && signals.attached.get_untracked() && !went_up {
            signals.following.set(true);
        } else if went_up && !near_end {
            signals.following.set(false);
        }
    };
    let navigate = use_navigate();
    let path = use_location().pathname;
    let go_to_line = move |line: u64| {
        let target = format!("{}#L{line}", path.get_untracked());
        navigate(&target, NavigateOptions { replace: true, scroll: false, ..Default::default() });
        act(&|viewer| viewer.show_line(line));
    };
    let is_empty = Memo::new(move |_| signals.extent.with(|extent| extent.len() == 0));
    let has_earlier = Memo::new(move |_| signals.extent.with(|extent| extent.first > 1));
    let has_later = Memo::new(move |_| !signals.attached.get() && !is_empty.get());
    let at_rest = Memo::new(move |_| signals.following.get() && signals.attached.get());
    view! {
        <section class="card log" aria-labelledby="log-title">
            <Toolbar signals=signals wrap=wrap url=url file=file on_line=go_to_line />
            {move || match signals.availability.get() {
                Availability::Unavailable(reason) => {
                    view! {
                        <div role="alert">
                            <Notice kind="danger">
                                <p class="notice-title">"The log cannot be shown"</p>
                                <p>{reason}</p>
                                <button type="button" class="button small" on:click=move |_| act(&Viewer::show_end)>"Try again"</button>
                            </Notice>
                        </div>
                    }
                        .into_any()
                }
                _ => ().into_any(),
            }}
            <div class="log-frame">
                // Not announced line by line: a build prints hundreds. The job's status is announced instead.
                <div
                    node_ref=scroller
                    class="log-pane"
                    class:wrap=wrap
                    role="log"
                    aria-live="off"
                    aria-label="Build log"
                    tabindex="0"
                    on:scroll=scrolled
                >
                    <div class="log-edge" hidden=move || !has_earlier.get()>
                        <button
                            type="button"
                            class="button small"
                            aria-disabled=move || signals.fetching.get().to_string()
                            on:click=move |_| act(&Viewer::show_earlier)
                        >
                            "Load earlier lines"
                        </button>
                    </div>
                </div>
                <p class="log-state" hidden=move || !is_empty.get()>
                    {move || match (signals.availability.get(), signals.finished.get()) {
                        (Availability::Loading, _) => "loading…",
                        (Availability::Unavailable(_), _) => "",
                        (Availability::Ready, true) => "(no data)",
                        (Availability::Ready, false) => "(no data) Lines appear here as soon as there are any.",
                    }}
                </p>
                <div class="log-bottom">
                    <Show when=move || has_later.get()>
                        <button type="button" class="button small" on:click=move |_| act(&Viewer::show_later)>"Load later lines"</button>
                    </Show>
                    <Show when=move || !at_rest.get() && !is_empty.get()>
                        <button type="button" class="button small primary" on:click=move |_| act(&Viewer::show_end)>
                            <Icon name="arrow-down" />
                            "Scroll to bottom"
                        </button>
                    </Show>
                </div>
            </div>
        </section>
    }
}
