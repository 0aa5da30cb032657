//! The base image: any reference, with the catalogue's entries as suggestions.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;

use super::graphql::{BaseImageChoice, base_images};
use super::values::FormModel;
use crate::base_images::BaseImageType;
use crate::live::Query;
use crate::ui::{Combobox, Field, Suggestion};

const PAUSE_MS: u32 = 200;

/// The combobox of the base image. Choosing an entry fills in its pull secret.
#[component]
pub(super) fn BaseImageField(
    /// The form.
    form: FormModel,
    /// What is wrong with the text.
    #[prop(into)]
    problem: Signal<Option<String>>,
    /// Called when the field is left.
    #[prop(into)]
    on_leave: Callback<()>,
) -> impl IntoView {
    // A text that was chosen from the list is no search: the whole list is then more useful.
    let chosen = RwSignal::new(form.base_image.get_untracked());
    let search = Memo::new(move |_| {
        let text = form.base_image.get().trim().to_owned();
        (!text.is_empty() && text != chosen.get()).then_some(text)
    });
    let choices = Query::new(move || {
        let search = search.get();
        async move {
            if search.is_some() {
                TimeoutFuture::new(PAUSE_MS).await;
            }
            base_images(search).await
        }
    });
    let suggestions = Memo::new(move |_| {
        choices
            .with(|choices| choices.map(|choices| choices.nodes.iter().flat_map(suggest).collect::<Vec<_>>()))
            .unwrap_or_default()
    });
    let more = Memo::new(move |_| {
        let (shown, all) = choices.with(|choices| choices.map(|all| (all.nodes.len(), all.total_count)))?;
        (usize::try_from(all).is_ok_and(|all| all > shown))
            .then(|| format!("{shown} of {all} base images are shown. Type a part of a name to find the others."))
    });
    let choose = move |suggestion: Suggestion| {
        chosen.set(suggestion.value.clone());
        let secret = choices.with_untracked(|choices| {
            choices?.nodes.iter().find(|choice| suggestion.key.starts_with(choice.id.inner()))?.pull_secret.clone()
        });
        form.uses_secret.set(secret.is_some());
        form.secret.set(secret.unwrap_or_default());
    };
    view! {
        <Field
            id="base-image"
            label="Base image"
            required=true
            hint="A registered base image, or the reference of any image, such as docker.io/library/python:3.12."
            problem=problem
        >
            <Combobox
                id="base-image"
                list_label="Base images"
                value=form.base_image
                suggestions=suggestions
                note=more
                on_choose=choose
                on_leave=on_leave
                described_by="base-image-hint base-image-problem"
                invalid=Signal::derive(move || problem.with(Option::is_some))
                placeholder="Search or type a reference"
            />
        </Field>
    }
}

/// An entry, and its variant for GPUs where it has one.
fn suggest(choice: &BaseImageChoice) -> Vec<Suggestion> {
    let entry = |suffix: &str, url: &str, badge: &str| Suggestion {
        key: format!("{}{suffix}", choice.id.inner()),
        value: url.to_owned(),
        title: choice.display_name.clone(),
        detail: url.to_owned(),
        badge: badge.to_owned(),
    };
    match (choice.kind, choice.url_for_gpu.as_deref().filter(|url| *url != choice.url)) {
        (BaseImageType::Universal, Some(gpu)) => vec![entry("", &choice.url, "CPU"), entry(":gpu", gpu, "GPU")],
        (kind, _) => vec![entry("", &choice.url, kind.label())],
    }
}
