//! The form itself.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::base_image_field::BaseImageField;
use super::conflict::{ConflictNotice, TypedBefore};
use super::graphql::{create, update};
use super::judge::{base_image_problem, name_problem};
use super::package_box::PackageBox;
use super::preview::Opinion;
use super::pull_secret_field::PullSecretField;
use super::submit::{Rejection, focus_first_problem, fresh_key};
use super::values::{FormModel, FormValues};
use crate::api::{ApiError, ProblemCode, UserError};
use crate::jobs::NewJob;
use crate::ui::{Disclosure, Field, LeaveGuard};

/// The spec that is edited, and its version.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::image_specs) struct Editing {
    pub(in crate::image_specs) version: i32,
    pub(in crate::image_specs) values: FormValues,
}

/// The form. With `editing` it changes that spec, else it makes a new one.
#[component]
pub(in crate::image_specs) fn SpecForm(
    /// The spec as the server has it now; it may change while the form is open. None: a new one.
    #[prop(into)]
    editing: Signal<Option<Editing>>,
    /// Called with the spec's name and its new job once the server has kept it.
    #[prop(into)]
    on_kept: Callback<(String, Option<NewJob>)>,
    /// Called for "Cancel".
    #[prop(into)]
    on_cancel: Callback<()>,
    /// Called when someone else has changed the spec: what `editing` holds is old.
    #[prop(into)]
    on_outdated: Callback<()>,
) -> impl IntoView {
    let start = editing.get_untracked();
    let is_new = start.is_none();
    let base = RwSignal::new(start.clone().unwrap_or(Editing { version: 0, values: FormValues::default() }));
    let form = FormModel::new(&base.with_untracked(|base| base.values.clone()));
    let values = Memo::new(move |_| form.values());
    let dirty = Memo::new(move |_| base.with(|base| values.with(|values| *values != base.values)));
    let guard = expect_context::<LeaveGuard>();
    Effect::new(move |_| guard.set(dirty.get()));
    on_cleanup(move || guard.set(false));

    let opinion = Opinion::new(form);
    let rejection = Rejection::new();
    let typed_before = RwSignal::new(None::<FormValues>);
    let (name_left, base_left, tried) = (RwSignal::new(false), RwSignal::new(false), RwSignal::new(false));
    let busy = RwSignal::new(false);
    let key = StoredValue::new((FormValues::default(), fresh_key()));

    // A newer version comes in quietly while nothing has been typed; else it is announced.
    let newer = Memo::new(move |_| {
        editing.with(|now| now.as_ref().is_some_and(|now| now.version > base.with(|base| base.version)))
    });
    let take_current = move || {
        if let Some(current) = editing.get_untracked() {
            form.load(&current.values);
            base.set(current);
            rejection.clear();
        }
    };
    Effect::new(move |_| {
        if newer.get() && !dirty.get_untracked() {
            take_current();
        }
    });
    let load_current = move |()| {
        typed_before.set(Some(values.get_untracked()));
        take_current();
    };

    let field_problem = move |field: &'static str, here: Option<String>| {
        here.or_else(|| {
            values.with(|values| rejection.problems(values, field)).into_iter().next().map(|error| error.message)
        })
    };
    let name_message = Signal::derive(move || {
        let shown = is_new && (name_left.get() || tried.get());
        field_problem("name", shown.then(|| values.with(|values| name_problem(&values.name))).flatten())
    });
    let base_message = Signal::derive(move || {
        let shown = base_left.get() || tried.get();
        field_problem(
            "baseImage",
            shown.then(|| values.with(|values| base_image_problem(&values.base_image))).flatten(),
        )
    });
    let secret_missing = move || values.with(|values| values.pull_secret.as_deref() == Some(""));
    let secret_message = Signal::derive(move || {
        let missing = tried.get() && secret_missing();
        field_problem("pullSecret", missing.then(|| "Choose a pull secret, or clear the box above.".to_owned()))
    });
    let list_problems = move |field: &'static str| {
        Signal::derive(move || {
            values.with(|values| {
                let mut all: Vec<UserError> = opinion.problems(values, field);
                for error in rejection.problems(values, field) {
                    if !all.iter().any(|known| known.line == error.line && known.message == error.message) {
                        all.push(error);
                    }
                }
                all
            })
        })
    };

    let send = move || {
        let sent = values.get_untracked();
        tried.set(true);
        rejection.clear();
        let fails_here = (is_new && name_problem(&sent.name).is_some())
            || base_image_problem(&sent.base_image).is_some()
            || sent.pull_secret.as_deref() == Some("");
        if fails_here || busy.get_untracked() {
            focus_first_problem();
            return;
        }
        busy.set(true);
        let version = base.with_untracked(|base| base.version);
        // The same key for a second attempt with the same content, a new one for new content.
        if key.with_value(|(of, _)| *of != sent) {
            key.set_value((sent.clone(), fresh_key()));
        }
        let key = key.with_value(|(_, key)| key.clone());
        spawn_local(async move {
            let answer = if is_new { create(sent.clone(), key).await } else { update(sent.clone(), version).await };
            if busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(kept) if kept.user_errors.is_empty() => {
                    guard.set(false);
                    on_kept.run((sent.name, kept.job));
                }
                Ok(kept) => {
                    let outdated = kept.user_errors.iter().any(|error| error.code == ProblemCode::Conflict);
                    rejection.reject(sent, kept.user_errors);
                    if outdated {
                        on_outdated.run(());
                    }
                    focus_first_problem();
                }
                Err(ApiError::SignedOut) => {}
                Err(error) => {
                    rejection.fail(error.to_string());
                    focus_first_problem();
                }
            }
        });
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let conflict = Memo::new(move |_| rejection.is_conflict() || (newer.get() && dirty.get()));
    view! {
        <form class="spec-form" on:submit=submit novalidate aria-label=if is_new { "New image spec" } else { "Image spec" }>
            <Show when=move || conflict.get()>
                <ConflictNotice on_load=load_current />
            </Show>
            <TypedBefore typed=typed_before form=form />
            {move || {
                let general = rejection.general();
                (!general.is_empty())
                    .then(|| {
                        view! {
                            <div class="notice danger" role="alert" tabindex="-1">
                                <div class="notice-body">
                                    <p class="notice-title">"The image spec was not saved"</p>
                                    {general.into_iter().map(|message| view! { <p>{message}</p> }).collect_view()}
                                </div>
                            </div>
                        }
                    })
            }}
            <div class="form-grid">
                <div class="form-side">
                    <Field
                        id="name"
                        label="Name"
                        required=true
                        hint=if is_new {
                            "Lowercase letters, digits, - and . ; begins and ends with a letter or a digit. It cannot be changed later."
                        } else {
                            "The name of an image spec cannot be changed."
                        }
                        problem=name_message
                    >
                        <input
                            id="name"
                            class="input mono"
                            type="text"
                            autocomplete="off"
                            autocapitalize="none"
                            spellcheck="false"
                            readonly=!is_new
                            aria-required="true"
                            aria-describedby="name-hint name-problem"
                            aria-invalid=move || name_message.with(Option::is_some).to_string()
                            prop:value=form.name
                            on:input:target=move |event| form.name.set(event.target().value())
                            on:blur=move |_| name_left.set(form.name.with_untracked(|name| !name.is_empty()))
                        />
                    </Field>
                    <BaseImageField
                        form=form
                        problem=base_message
                        on_leave=move |()| base_left.set(form.base_image.with_untracked(|text| !text.is_empty()))
                    />
                    <PullSecretField form=form problem=secret_message />
                </div>
                <fieldset class="form-packages">
                    <legend>"Packages"</legend>
                    <p class="hint">"One requirement a line. Blank lines and lines that begin with # are kept and not installed."</p>
                    <PackageBox
                        id="apt"
                        label="APT packages"
                        hint="name, name=version, name/release or name:arch"
                        placeholder="jq\ng++=4:12.2.0-3"
                        text=form.apt
                        problems=list_problems("packages.apt")
                    />
                    <PackageBox
                        id="conda"
                        label="Conda packages"
                        hint="A conda match specification, with channel and build where wanted"
                        placeholder="conda-forge::numpy==1.17*"
                        text=form.conda
                        problems=list_problems("packages.conda")
                    />
                    <PackageBox
                        id="pip"
                        label="Pip packages"
                        hint="A PEP 508 requirement: extras, versions, markers, URLs and git"
                        placeholder="requests[socks]>=2.31"
                        text=form.pip
                        problems=list_problems("packages.pip")
                    />
                </fieldset>
            </div>
            <Disclosure summary="Dockerfile preview">
                {move || match (opinion.outcome(), opinion.failure()) {
                    (_, Some(failure)) => view! { <p class="field-problem">{failure}</p> }.into_any(),
                    (Some((dockerfile, revision)), None) => {
                        view! {
                            <p class="hint">"Revision " <code>{revision.chars().take(8).collect::<String>()}</code></p>
                            <pre class="code-block" tabindex="0" aria-label="Dockerfile">{dockerfile}</pre>
                        }
                            .into_any()
                    }
                    (None, None) => {
                        view! { <p class="hint">"The Dockerfile appears here once base image and requirements are right."</p> }
                            .into_any()
                    }
                }}
            </Disclosure>
            <div class="form-actions">
                <button type="submit" class="button primary" aria-disabled=move || busy.get().to_string()>
                    {move || if busy.get() { "Saving…" } else { "Confirm" }}
                </button>
                <button type="button" class="button" on:click=move |_| on_cancel.run(())>"Cancel"</button>
                <span class="hint">
                    {if is_new { "Confirming builds the image." } else { "Confirming changes builds a new image." }}
                </span>
            </div>
        </form>
    }
}
