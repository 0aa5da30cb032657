//! Somebody else has changed the spec: what to do with what was typed here.

use leptos::prelude::*;

use super::values::{FormModel, FormValues};
use crate::ui::Notice;

/// Says that the spec has changed, and offers its current version. What was typed stays in the form until then.
#[component]
pub(super) fn ConflictNotice(
    /// Loads the current version into the form.
    #[prop(into)]
    on_load: Callback<()>,
) -> impl IntoView {
    view! {
        <div role="alert">
            <Notice kind="warning">
                <p class="notice-title">"This image spec has been changed in the meantime"</p>
                <p>
                    "Nothing was saved, and what you typed is still below. Load the current version to go on from there: your "
                    "text is then shown beside it."
                </p>
                <button type="button" class="button small" on:click=move |_| on_load.run(())>"Load the current version"</button>
            </Notice>
        </div>
    }
}

/// What was typed before the current version was loaded, field by field, to be taken over or let go.
#[component]
pub(super) fn TypedBefore(
    /// What was typed.
    typed: RwSignal<Option<FormValues>>,
    /// The form, with the current version in it.
    form: FormModel,
) -> impl IntoView {
    let differences = Memo::new(move |_| {
        let values = form.values();
        typed.with(|typed| typed.as_ref().map(|typed| typed.differences(&values))).unwrap_or_default()
    });
    view! {
        <section class="card typed-before" aria-label="What you typed before" hidden=move || differences.with(Vec::is_empty)>
            <h2 class="card-title">"What you typed before"</h2>
            <p class="hint">"The form below holds the current version. These fields differ from what you had typed."</p>
            {move || {
                differences
                    .get()
                    .into_iter()
                    .map(|(field, label)| {
                        let text = typed.with_untracked(|typed| {
                            typed.as_ref().map(|typed| typed.field(field).to_owned()).unwrap_or_default()
                        });
                        let take = move |_| typed.with_untracked(|typed| {
                            if let Some(typed) = typed {
                                form.load_field(field, typed);
                            }
                        });
                        view! {
                            <div class="typed-field">
                                <h3>{label}</h3>
                                <pre class="code-block" tabindex="0" aria-label=format!("{label}, as you typed it")>
                                    {if text.is_empty() { "(empty)".to_owned() } else { text }}
                                </pre>
                                <button type="button" class="button small" on:click=take aria-label=format!("Use mine for {label}")>
                                    "Use mine"
                                </button>
                            </div>
                        }
                    })
                    .collect_view()
            }}
            <button type="button" class="button small quiet" on:click=move |_| typed.set(None)>"Discard mine"</button>
        </section>
    }
}
