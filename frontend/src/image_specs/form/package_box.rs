//! A box of requirements, one a line, with numbered lines and marks on the bad ones.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::lines::line_span;
use crate::api::UserError;
use crate::ui::message;

/// Height of a line in the box, in pixels; the style sheet says the same.
const LINE_PX: i32 = 20;
const ROWS: std::ops::RangeInclusive<usize> = 4..=14;

/// One of the three boxes.
#[component]
pub(super) fn PackageBox(
    /// The id of the box.
    id: &'static str,
    /// Its label.
    label: &'static str,
    /// What is allowed in it.
    hint: &'static str,
    /// An example, shown while it is empty.
    placeholder: &'static str,
    /// Its text.
    text: RwSignal<String>,
    /// What is wrong with it.
    #[prop(into)]
    problems: Signal<Vec<UserError>>,
) -> impl IntoView {
    let area = NodeRef::<html::Textarea>::new();
    let scrolled = RwSignal::new(0);
    let count = Memo::new(move |_| text.with(|text| text.split('\n').count()));
    let numbers = move || (1..=count.get()).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
    let rows = move || (count.get() + 1).clamp(*ROWS.start(), *ROWS.end()).to_string();
    let bad_lines = Memo::new(move |_| {
        let mut lines: Vec<i32> = problems.with(|all| all.iter().filter_map(|problem| problem.line).collect());
        lines.dedup();
        lines
    });
    let invalid = Memo::new(move |_| problems.with(|all| !all.is_empty()));
    let shift = move || format!("translateY({}px)", -scrolled.get());

    let go_to = move |problem: &UserError| {
        let (Some(area), Some(line)) = (area.get_untracked(), problem.line) else { return };
        let span = text.with_untracked(|text| line_span(text, line.unsigned_abs()));
        if let Some((start, end)) = span {
            // The box is on the page and the span inside of its text: neither is refused.
            let _ = area.focus();
            let _ = area.set_selection_range(start, end);
            area.set_scroll_top((line - 3).max(0) * LINE_PX);
        }
    };
    view! {
        <div class="field package-field">
            <label class="field-label" for=id>{label}</label>
            <div class="editor" class:invalid=invalid>
                <div class="editor-marks" aria-hidden="true">
                    <div style:transform=shift>
                        {move || {
                            bad_lines
                                .get()
                                .into_iter()
                                .map(|line| {
                                    view! { <div class="editor-mark" style:top=format!("{}px", (line - 1) * LINE_PX)></div> }
                                })
                                .collect_view()
                        }}
                    </div>
                </div>
                <div class="editor-gutter" aria-hidden="true">
                    <div class="editor-numbers" style:transform=shift>{numbers}</div>
                </div>
                <textarea
                    id=id
                    node_ref=area
                    class="editor-text"
                    rows=rows
                    wrap="off"
                    spellcheck="false"
                    autocomplete="off"
                    autocapitalize="none"
                    placeholder=placeholder
                    aria-describedby=format!("{id}-hint {id}-problems")
                    aria-invalid=move || invalid.get().to_string()
                    prop:value=text
                    on:input:target=move |event| text.set(event.target().value())
                    on:scroll=move |event| {
                        if let Some(area) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) {
                            scrolled.set(area.scroll_top());
                        }
                    }
                ></textarea>
            </div>
            <p id=format!("{id}-hint") class="hint">{hint}</p>
            <ul id=format!("{id}-problems") class="line-problems" aria-live="polite" aria-label=format!("Problems in {label}")>
                {move || {
                    problems
                        .get()
                        .into_iter()
                        .map(|problem| {
                            let text = message(&problem.message);
                            let place = problem.line.map(|line| format!("Line {line}"));
                            view! {
                                <li class="field-problem">
                                    {place
                                        .map(|place| {
                                            view! {
                                                <button type="button" class="link" on:click=move |_| go_to(&problem)>{place}</button>
                                                ": "
                                            }
                                        })}
                                    {text}
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </div>
    }
}
