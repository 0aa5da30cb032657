//! A labelled form field with its hint and its message.

use leptos::prelude::*;

use super::message;

/// Label, control, hint, message. The control's `aria-describedby` is `ID-hint ID-problem`.
#[component]
pub fn Field(
    /// The id of the control.
    #[prop(into)]
    id: String,
    /// What is asked for.
    label: &'static str,
    /// Whether it must be filled in.
    #[prop(optional)]
    required: bool,
    /// How to fill it in.
    #[prop(default = "")]
    hint: &'static str,
    /// What is wrong with it.
    #[prop(into, default = Signal::from(None))]
    problem: Signal<Option<String>>,
    /// The control.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="field">
            <label class="field-label" class:required=required for=id.clone()>{label}</label>
            {children()}
            <p id=format!("{id}-hint") class="hint">{hint}</p>
            <FieldProblem id=format!("{id}-problem") problem=problem />
        </div>
    }
}

/// What is wrong with a field, under it.
#[component]
pub fn FieldProblem(
    /// Its id, for `aria-describedby`.
    #[prop(into)]
    id: String,
    /// The message, if any.
    #[prop(into)]
    problem: Signal<Option<String>>,
) -> impl IntoView {
    view! { <p id=id class="field-problem" aria-live="polite">{move || problem.get().map(|text| message(&text))}</p> }
}
