//! What the forms in dialogs share: the messages at their fields, the way to the server, and the two buttons.

use std::future::Future;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::toast;
use crate::api::{ApiError, UserError};

/// What a field's message is.
pub type FieldMessage = Signal<Option<String>>;

/// A form on its way to the server.
#[derive(Clone, Copy)]
pub struct EditForm {
    /// Whether its dialog is open.
    open: RwSignal<bool>,
    /// Called once it is kept.
    on_kept: Callback<()>,
    /// The fields that show their own messages.
    shown: &'static [&'static str],
    errors: RwSignal<Vec<UserError>>,
    failure: RwSignal<Option<String>>,
    tried: RwSignal<bool>,
    busy: RwSignal<bool>,
}

impl EditForm {
    /// A form whose fields `shown` have their messages beside them; all other messages stand above the buttons.
    pub fn new(open: RwSignal<bool>, on_kept: Callback<()>, shown: &'static [&'static str]) -> Self {
        Self {
            open,
            on_kept,
            shown,
            errors: RwSignal::new(Vec::new()),
            failure: RwSignal::new(None),
            tried: RwSignal::new(false),
            busy: RwSignal::new(false),
        }
    }

    /// The message of a field: what `check` says of it once the person has tried to save, else what the server said.
    pub fn message(
        self,
        field: &'static str,
        check: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> FieldMessage {
        Signal::derive(move || self.tried.get().then(&check).flatten().or_else(|| self.said(field)))
    }

    /// The message of a field that must be filled in; `missing` is what it says where it is not.
    pub fn required(self, field: &'static str, value: RwSignal<String>, missing: &'static str) -> FieldMessage {
        self.message(field, move || value.with(|value| value.trim().is_empty()).then(|| missing.to_owned()))
    }

    fn said(self, field: &str) -> Option<String> {
        self.errors.with(|errors| {
            errors.iter().find(|error| error.field.as_deref() == Some(field)).map(|error| error.message.clone())
        })
    }

    fn general(self) -> Option<String> {
        let elsewhere = |error: &&UserError| !error.field.as_deref().is_some_and(|field| self.shown.contains(&field));
        self.failure
            .get()
            .or_else(|| self.errors.with(|errors| errors.iter().find(elsewhere).map(|error| error.message.clone())))
    }

    /// Sends the form by `keep`, unless a field's message stands against it; then closes the dialog.
    pub fn submit<F>(self, event: &SubmitEvent, fields: &[FieldMessage], name: String, keep: impl FnOnce() -> F)
    where
        F: Future<Output = Result<Vec<UserError>, ApiError>> + 'static,
    {
        event.prevent_default();
        self.tried.set(true);
        self.errors.set(Vec::new());
        self.failure.set(None);
        if fields.iter().any(|message| message.with_untracked(Option::is_some)) || self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        let answer = keep();
        spawn_local(async move {
            let answer = answer.await;
            // The dialog may have been closed meanwhile, and the form with it.
            if self.busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(wrong) if wrong.is_empty() => {
                    self.open.set(false);
                    toast::done(format!("{name} is saved."));
                    self.on_kept.run(());
                }
                Ok(wrong) => self.errors.set(wrong),
                Err(error) => self.failure.set(Some(error.to_string())),
            }
        });
    }
}

/// `aria-invalid` of a control with this message.
pub fn invalid(message: FieldMessage) -> impl Fn() -> String + Clone {
    move || message.with(Option::is_some).to_string()
}

/// The end of the form: what is wrong with it as a whole, and its two buttons.
#[component]
pub fn EditActions(
    /// The form.
    form: EditForm,
) -> impl IntoView {
    view! {
        <p class="field-problem" role="alert">{move || form.general()}</p>
        <div class="dialog-actions">
            <button type="button" class="button" on:click=move |_| form.open.set(false)>"Cancel"</button>
            <button type="submit" class="button primary" aria-disabled=move || form.busy.get().to_string()>"Save"</button>
        </div>
    }
}
