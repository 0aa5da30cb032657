//! The server's opinion of the form, asked for whenever the typing pauses.

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::graphql::{Preview, preview};
use super::judge::name_problem;
use super::values::{FormModel, FormValues};
use crate::api::{ApiError, UserError};

const PAUSE_MS: u32 = 350;

/// What the server thinks of the form.
#[derive(Clone, Copy)]
pub(super) struct Opinion {
    /// The latest answer and the values that it is about.
    judged: RwSignal<Option<(FormValues, Preview)>>,
    /// Why the latest question had no answer.
    failure: RwSignal<Option<String>>,
}

impl Opinion {
    /// Asks as the form changes. An answer to a question that was overtaken is dropped.
    pub(super) fn new(form: FormModel) -> Self {
        let opinion = Self { judged: RwSignal::new(None), failure: RwSignal::new(None) };
        let question = StoredValue::new(0u32);
        let values = Memo::new(move |_| form.values());
        Effect::new(move |asked_before: Option<()>| {
            let values = values.get();
            let number = question.get_value().wrapping_add(1);
            question.set_value(number);
            let is_latest = move || question.try_get_value() == Some(number);
            spawn_local(async move {
                if asked_before.is_some() {
                    TimeoutFuture::new(PAUSE_MS).await;
                }
                if !is_latest() {
                    return;
                }
                // The name is judged here: a missing one must not hide the Dockerfile.
                let name =
                    if name_problem(&values.name).is_none() { values.name.clone() } else { "preview".to_owned() };
                let answer = preview(name, &values).await;
                if is_latest() {
                    opinion.keep(values, answer);
                }
            });
        });
        opinion
    }

    fn keep(self, values: FormValues, answer: Result<Preview, ApiError>) {
        match answer {
            Ok(preview) => {
                self.failure.set(None);
                self.judged.set(Some((values, preview)));
            }
            Err(ApiError::SignedOut) => {}
            Err(error) => self.failure.set(Some(error.to_string())),
        }
    }

    /// What is wrong with the form's lists, as far as the text of a list is still the one that was judged. Tracks.
    pub(super) fn problems(self, values: &FormValues, field: &str) -> Vec<UserError> {
        self.judged.with(|judged| {
            judged
                .iter()
                .filter(|(of, _)| of.field(field) == values.field(field))
                .flat_map(|(_, preview)| &preview.problems)
                .filter(|problem| problem.field.as_deref() == Some(field))
                .cloned()
                .map(UserError::from)
                .collect()
        })
    }

    /// The Dockerfile and the revision, where the form has no problems. Tracks.
    pub(super) fn outcome(self) -> Option<(String, String)> {
        self.judged.with(|judged| {
            let (_, preview) = judged.as_ref()?;
            Some((preview.dockerfile.clone()?, preview.revision.clone()?))
        })
    }

    /// Why the form could not be judged. Tracks.
    pub(super) fn failure(self) -> Option<String> {
        self.failure.get()
    }
}
