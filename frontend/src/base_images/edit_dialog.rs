//! The form of an entry of the catalogue.

use cooperage_shared::ImageReference;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::graphql::{BaseImage, BaseImageInput, BaseImageType, keep, secret_names};
use crate::live::Query;
use crate::ui::{Dialog, EditActions, EditForm, Field, invalid};

/// The dialog with the form; none in `entry` means a new one.
#[component]
pub(super) fn EditDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The entry to change.
    entry: RwSignal<Option<BaseImage>>,
    /// Called once it is kept.
    #[prop(into)]
    on_kept: Callback<()>,
) -> impl IntoView {
    let title = move || {
        entry.with(|entry| entry.as_ref().map_or("New base image".to_owned(), |entry| format!("Edit {}", entry.name)))
    };
    view! {
        <Dialog open=open title=title>
            <EntryForm open=open entry=entry.get_untracked() on_kept=on_kept />
        </Dialog>
    }
}

#[component]
fn EntryForm(open: RwSignal<bool>, entry: Option<BaseImage>, on_kept: Callback<()>) -> impl IntoView {
    let is_new = entry.is_none();
    let text = |read: fn(&BaseImage) -> String| RwSignal::new(entry.as_ref().map(read).unwrap_or_default());
    let name = text(|entry| entry.name.clone());
    let display_name = text(|entry| entry.display_name.clone());
    let description = text(|entry| entry.description.clone());
    let url = text(|entry| entry.url.clone());
    let url_for_gpu = text(|entry| entry.url_for_gpu.clone().unwrap_or_default());
    let pull_secret = text(|entry| entry.pull_secret.clone().unwrap_or_default());
    let kind = RwSignal::new(entry.as_ref().map(|entry| entry.kind).unwrap_or_default());
    let secrets = Query::new(secret_names);
    let form = EditForm::new(open, on_kept, &["name", "url", "urlForGpu", "pullSecret"]);
    let name_problem = form.required("name", name, "Give it a name.");
    let url_problem = form.message("url", move || url.with(|url| reference_problem(url.trim(), true)));
    let gpu_problem = form.message("urlForGpu", move || url_for_gpu.with(|url| reference_problem(url.trim(), false)));
    let secret_problem = form.message("pullSecret", || None);

    let submit = move |event: SubmitEvent| {
        let filled =
            |signal: RwSignal<String>| Some(signal.get_untracked().trim().to_owned()).filter(|text| !text.is_empty());
        let input = BaseImageInput {
            name: name.get_untracked().trim().to_owned(),
            display_name: filled(display_name),
            description: filled(description),
            kind: kind.get_untracked(),
            url: url.get_untracked().trim().to_owned(),
            url_for_gpu: filled(url_for_gpu).filter(|_| kind.get_untracked() == BaseImageType::Universal),
            pull_secret: filled(pull_secret),
        };
        let fields = [name_problem, url_problem, gpu_problem];
        form.submit(&event, &fields, input.name.clone(), || keep(input, is_new));
    };
    view! {
        <form class="dialog-form" on:submit=submit novalidate>
            <Field
                id="base-name"
                label="Name"
                required=true
                hint=if is_new { "Lowercase letters, digits, - and . ; it cannot be changed later." } else { "" }
                problem=name_problem
            >
                <input id="base-name" class="input mono" type="text" autocomplete="off" autocapitalize="none" spellcheck="false"
                    readonly=!is_new aria-required="true" aria-describedby="base-name-hint base-name-problem"
                    aria-invalid=invalid(name_problem) bind:value=name />
            </Field>
            <Field id="base-display" label="Display name" hint="What the form of an image spec shows; the name where left empty.">
                <input id="base-display" class="input" type="text" autocomplete="off" aria-describedby="base-display-hint"
                    bind:value=display_name />
            </Field>
            <Field id="base-description" label="Description">
                <textarea id="base-description" class="input" rows="2" bind:value=description></textarea>
            </Field>
            <Field id="base-type" label="Type">
                <select id="base-type" class="input" on:change:target=move |event| {
                    let chosen = BaseImageType::ALL.into_iter().find(|kind| kind.label() == event.target().value());
                    kind.set(chosen.unwrap_or_default());
                }>
                    {BaseImageType::ALL
                        .into_iter()
                        .map(|each| view! { <option value=each.label() selected=move || kind.get() == each>{each.label()}</option> })
                        .collect_view()}
                </select>
            </Field>
            <Field id="base-url" label="Image reference" required=true hint="Such as docker.io/library/python:3.12." problem=url_problem>
                <input id="base-url" class="input mono" type="text" autocomplete="off" autocapitalize="none" spellcheck="false"
                    aria-required="true" aria-describedby="base-url-hint base-url-problem" aria-invalid=invalid(url_problem) bind:value=url />
            </Field>
            <div hidden=move || kind.get() != BaseImageType::Universal>
                <Field id="base-gpu" label="Image reference for GPU" hint="Where machines with a GPU need another image." problem=gpu_problem>
                    <input id="base-gpu" class="input mono" type="text" autocomplete="off" autocapitalize="none" spellcheck="false"
                        aria-describedby="base-gpu-hint base-gpu-problem" aria-invalid=invalid(gpu_problem) bind:value=url_for_gpu />
                </Field>
            </div>
            <Field id="base-secret" label="Pull secret" problem=secret_problem>
                <select id="base-secret" class="input" aria-describedby="base-secret-problem" on:change:target=move |event| pull_secret.set(event.target().value())>
                    <option value="" selected=move || pull_secret.with(String::is_empty)>"None"</option>
                    {move || {
                        let chosen = pull_secret.get();
                        let mut names = secrets.get().unwrap_or_default();
                        if !chosen.is_empty() && !names.contains(&chosen) {
                            names.push(chosen.clone());
                        }
                        names
                            .into_iter()
                            .map(|name| view! { <option value=name.clone() selected=name == chosen>{name.clone()}</option> })
                            .collect_view()
                    }}
                </select>
            </Field>
            <EditActions form=form />
        </form>
    }
}

fn reference_problem(text: &str, required: bool) -> Option<String> {
    if text.is_empty() {
        return required.then(|| "Give the reference of the image.".to_owned());
    }
    text.parse::<ImageReference>().err().map(|error| error.message)
}
