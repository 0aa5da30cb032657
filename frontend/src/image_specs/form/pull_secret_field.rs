//! Whether a pull secret is used, and which.

use leptos::prelude::*;
use leptos_router::components::A;

use super::graphql::pull_secrets;
use super::values::FormModel;
use crate::live::Query;
use crate::routes;
use crate::ui::FieldProblem;

/// A checkbox, then a choice.
#[component]
pub(super) fn PullSecretField(
    /// The form.
    form: FormModel,
    /// What is wrong with the choice.
    #[prop(into)]
    problem: Signal<Option<String>>,
) -> impl IntoView {
    let secrets = Query::new(pull_secrets);
    let options = move || {
        let chosen = form.secret.get();
        let mut options: Vec<(String, String)> = secrets
            .with(|secrets| {
                secrets.map(|secrets| {
                    secrets
                        .iter()
                        .map(|secret| (secret.name.clone(), format!("{} ({})", secret.name, secret.host)))
                        .collect()
                })
            })
            .unwrap_or_default();
        // One that is gone, or not loaded yet, stays chosen: the person sees what the spec says.
        if !chosen.is_empty() && !options.iter().any(|(name, _)| *name == chosen) {
            let label = if secrets.answered() { format!("{chosen} (no longer there)") } else { chosen.clone() };
            options.push((chosen, label));
        }
        options
    };
    let none_yet = move || secrets.with(|secrets| secrets.is_some_and(Vec::is_empty));
    view! {
        <div class="field">
            <label class="check">
                <input type="checkbox" id="use-pull-secret" bind:checked=form.uses_secret />
                "Use pull secret"
            </label>
            <Show when=move || form.uses_secret.get()>
                <label class="visually-hidden" for="pull-secret">"Pull secret"</label>
                <select
                    id="pull-secret"
                    class="input"
                    aria-describedby="pull-secret-problem"
                    aria-invalid=move || problem.with(Option::is_some).to_string()
                    on:change:target=move |event| form.secret.set(event.target().value())
                >
                    <option value="" selected=move || form.secret.with(String::is_empty)>"Choose a pull secret"</option>
                    {move || {
                        options()
                            .into_iter()
                            .map(|(name, label)| {
                                let selected = {
                                    let name = name.clone();
                                    move || form.secret.with(|chosen| *chosen == name)
                                };
                                view! { <option value=name.clone() selected=selected>{label}</option> }
                            })
                            .collect_view()
                    }}
                </select>
                <p class="hint" hidden=move || !none_yet()>
                    "There are no pull secrets yet. " <A href=routes::PULL_SECRETS>"Add one"</A>
                </p>
            </Show>
            <FieldProblem id="pull-secret-problem" problem=problem />
        </div>
    }
}
