//! Short messages about what has just been done.

use std::cell::Cell;
use std::sync::LazyLock;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;

use super::Icon;

const DONE_MS: u32 = 6_000;
const FAILED_MS: u32 = 15_000;
const AT_MOST: usize = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    number: u32,
    text: String,
    failed: bool,
}

thread_local! {
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

static MESSAGES: LazyLock<ArcRwSignal<Vec<Message>>> = LazyLock::new(|| ArcRwSignal::new(Vec::new()));

/// Says that something was done.
pub fn done(text: impl Into<String>) {
    show(text.into(), false);
}

/// Says that something could not be done.
pub fn failed(text: impl Into<String>) {
    show(text.into(), true);
}

fn show(text: String, failed: bool) {
    let number = NEXT.get();
    NEXT.set(number.wrapping_add(1));
    MESSAGES.update(|messages| {
        messages.push(Message { number, text, failed });
        let surplus = messages.len().saturating_sub(AT_MOST);
        messages.drain(..surplus);
    });
    Timeout::new(if failed { FAILED_MS } else { DONE_MS }, move || dismiss(number)).forget();
}

fn dismiss(number: u32) {
    MESSAGES.update(|messages| messages.retain(|message| message.number != number));
}

/// Where the messages appear. On the page once; it is always there, so that screen readers know it.
#[component]
pub fn Toasts() -> impl IntoView {
    view! {
        <div class="toasts" role="status" aria-live="polite" aria-label="Messages">
            <For each=|| MESSAGES.get() key=|message| message.number let:message>
                <div class=if message.failed { "toast failed" } else { "toast" }>
                    <Icon name=if message.failed { "alert" } else { "check" } />
                    <span>{message.text}</span>
                    <button
                        type="button"
                        class="icon-button"
                        aria-label="Dismiss message"
                        on:click=move |_| dismiss(message.number)
                    >
                        <Icon name="close" />
                    </button>
                </div>
            </For>
        </div>
    }
}
