//! What came of confirming the form.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::values::FormValues;
use crate::api::{ProblemCode, UserError};

/// The server's last answer to the form.
#[derive(Clone, Copy)]
pub(super) struct Rejection {
    /// What was sent and what is wrong with it.
    rejected: RwSignal<Option<(FormValues, Vec<UserError>)>>,
    /// Why there was no answer.
    failure: RwSignal<Option<String>>,
}

impl Rejection {
    pub(super) fn new() -> Self {
        Self { rejected: RwSignal::new(None), failure: RwSignal::new(None) }
    }

    /// Forgets it all: the form is sent once more.
    pub(super) fn clear(self) {
        self.rejected.set(None);
        self.failure.set(None);
    }

    /// Keeps what was wrong with what was sent.
    pub(super) fn reject(self, sent: FormValues, errors: Vec<UserError>) {
        self.rejected.set(Some((sent, errors)));
    }

    /// Keeps why there was no answer.
    pub(super) fn fail(self, message: String) {
        self.failure.set(Some(message));
    }

    /// What was wrong with a field, as long as it holds what was sent. Tracks.
    pub(super) fn problems(self, values: &FormValues, field: &str) -> Vec<UserError> {
        self.rejected.with(|rejected| {
            rejected
                .iter()
                .filter(|(sent, _)| sent.field(field) == values.field(field))
                .flat_map(|(_, errors)| errors)
                .filter(|error| error.field.as_deref() == Some(field))
                .cloned()
                .collect()
        })
    }

    /// What is wrong with no field in particular, or could not be asked. Tracks.
    pub(super) fn general(self) -> Vec<String> {
        let errors = self.rejected.with(|rejected| {
            rejected
                .iter()
                .flat_map(|(_, errors)| errors)
                .filter(|error| error.field.is_none() && error.code != ProblemCode::Conflict)
                .map(|error| error.message.clone())
                .collect::<Vec<_>>()
        });
        errors.into_iter().chain(self.failure.get()).collect()
    }

    /// Whether the spec was changed by someone else. Tracks.
    pub(super) fn is_conflict(self) -> bool {
        self.rejected.with(|rejected| {
            rejected.iter().flat_map(|(_, errors)| errors).any(|error| error.code == ProblemCode::Conflict)
        })
    }
}

/// Puts the focus where the first problem is, once it is shown.
pub(super) fn focus_first_problem() {
    request_animation_frame(|| {
        let found = document().query_selector("form [aria-invalid=true], form .notice[tabindex]").ok().flatten();
        if let Some(element) = found.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
            // The element is on the page and takes the focus.
            let _ = element.focus();
        }
    });
}

/// A key that no other form has.
pub(super) fn fresh_key() -> String {
    let part = || (js_sys::Math::random() * f64::from(u32::MAX)) as u32;
    format!("web-{:08x}{:08x}{:08x}{:08x}", part(), part(), part(), part())
}
