//! An editable combobox with a list of suggestions (W3C pattern "editable combobox with list autocomplete"). Free text is
//! allowed: the list only helps.

use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use web_sys::{ScrollIntoViewOptions, ScrollLogicalPosition};

use super::Icon;

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What it stands for; unique in the list.
    pub key: String,
    /// What the field takes on when it is chosen.
    pub value: String,
    /// Its first line.
    pub title: String,
    /// Its second line.
    pub detail: String,
    /// A short mark at its end, or nothing.
    pub badge: String,
}

/// A text field that suggests.
#[component]
pub fn Combobox(
    /// The field's id, which its label names.
    #[prop(into)]
    id: String,
    /// The accessible name of the list.
    list_label: &'static str,
    /// The text.
    value: RwSignal<String>,
    /// What fits the text.
    #[prop(into)]
    suggestions: Signal<Vec<Suggestion>>,
    /// What the list leaves out, said at its end.
    #[prop(into)]
    note: Signal<Option<String>>,
    /// Called when the person picks an entry; the text has already been set.
    #[prop(into)]
    on_choose: Callback<Suggestion>,
    /// Called when the field is left.
    #[prop(into)]
    on_leave: Callback<()>,
    /// The ids of hint and message.
    #[prop(into)]
    described_by: String,
    /// Whether the text breaks a rule.
    #[prop(into)]
    invalid: Signal<bool>,
    /// Shown in the empty field.
    placeholder: &'static str,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let active = RwSignal::new(None::<usize>);
    let input = NodeRef::<html::Input>::new();
    let list_id = format!("{id}-list");
    let option_id = {
        let list_id = list_id.clone();
        move |index: usize| format!("{list_id}-{index}")
    };
    let shown = Memo::new(move |_| open.get() && suggestions.with(|all| !all.is_empty()));

    let close = move || {
        open.set(false);
        active.set(None);
    };
    let choose = move |index: usize| {
        if let Some(suggestion) = suggestions.with_untracked(|all| all.get(index).cloned()) {
            value.set(suggestion.value.clone());
            close();
            on_choose.run(suggestion);
        }
    };
    let step = move |forward: bool| {
        let count = suggestions.with_untracked(Vec::len);
        if count == 0 {
            return;
        }
        let was_open = open.get_untracked();
        open.set(true);
        active.update(|active| {
            *active = Some(match (*active, forward) {
                (None, true) => 0,
                (None, false) => count - 1,
                (Some(index), _) if !was_open => index.min(count - 1),
                (Some(index), true) => (index + 1) % count,
                (Some(index), false) => (index + count - 1) % count,
            });
        });
    };
    let keydown = move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowDown" if event.alt_key() => {
            event.prevent_default();
            open.set(true);
        }
        "ArrowDown" | "ArrowUp" => {
            event.prevent_default();
            step(event.key() == "ArrowDown");
        }
        "Enter" if shown.get_untracked() => {
            if let Some(index) = active.get_untracked() {
                event.prevent_default();
                choose(index);
            } else {
                close();
            }
        }
        "Escape" if shown.get_untracked() => {
            event.prevent_default();
            event.stop_propagation();
            close();
        }
        _ => {}
    };
    {
        let option_id = option_id.clone();
        Effect::new(move |_| {
            let Some(option) = active.get().and_then(|index| document().get_element_by_id(&option_id(index))) else {
                return;
            };
            let nearest = ScrollIntoViewOptions::new();
            nearest.set_block(ScrollLogicalPosition::Nearest);
            option.scroll_into_view_with_scroll_into_view_options(&nearest);
        });
    }
    let active_id = {
        let option_id = option_id.clone();
        move || if shown.get() { active.get().map(&option_id) } else { None }
    };
    let toggle = move |_| {
        open.update(|open| *open = !*open);
        if let Some(input) = input.get_untracked() {
            // Focus is a comfort: the list opens all the same.
            let _ = input.focus();
        }
    };
    view! {
        <div class="combobox">
            <input
                id=id
                node_ref=input
                class="input mono"
                type="text"
                role="combobox"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                placeholder=placeholder
                aria-autocomplete="list"
                aria-haspopup="listbox"
                aria-expanded=move || shown.get().to_string()
                aria-controls=list_id.clone()
                aria-activedescendant=active_id
                aria-describedby=described_by
                aria-invalid=move || invalid.get().to_string()
                aria-required="true"
                prop:value=value
                on:input:target=move |event| {
                    value.set(event.target().value());
                    active.set(None);
                    open.set(true);
                }
                on:keydown=keydown
                on:blur=move |_| {
                    close();
                    on_leave.run(());
                }
            />
            <button
                type="button"
                class="combobox-toggle"
                tabindex="-1"
                aria-label=format!("Show {}", list_label.to_lowercase())
                aria-expanded=move || shown.get().to_string()
                aria-controls=list_id.clone()
                on:mousedown=|event| event.prevent_default()
                on:click=toggle
            >
                <Icon name="chevron" />
            </button>
            <div class="combobox-popup" hidden=move || !shown.get()>
                <ul id=list_id class="combobox-list" role="listbox" aria-label=list_label>
                    {move || {
                        suggestions
                            .get()
                            .into_iter()
                            .enumerate()
                            .map(|(index, suggestion)| {
                                view! {
                                    <li
                                        id=option_id(index)
                                        class="combobox-option"
                                        role="option"
                                        aria-selected=move || (active.get() == Some(index)).to_string()
                                        on:mousedown=|event| event.prevent_default()
                                        on:mouseenter=move |_| active.set(Some(index))
                                        on:click=move |_| choose(index)
                                    >
                                        <span class="combobox-title">{suggestion.title}</span>
                                        <span class="badge neutral">{suggestion.badge}</span>
                                        <span class="combobox-detail mono">{suggestion.detail}</span>
                                    </li>
                                }
                            })
                            .collect_view()
                    }}
                </ul>
                <p class="combobox-note" role="status">{move || note.get()}</p>
            </div>
        </div>
    }
}
