//! A query that keeps itself up to date.

use std::future::Future;

use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::track_epoch;
use crate::api::ApiError;

/// How long hints are gathered before one fetch answers them, in milliseconds.
const GATHER_MS: u32 = 150;

/// The latest answer to a question that depends on signals. While it is asked again, the old answer stays.
pub struct Query<T: Send + Sync + 'static> {
    data: RwSignal<Option<T>>,
    error: RwSignal<Option<ApiError>>,
    again: RwSignal<u32>,
    pending: StoredValue<bool>,
}

impl<T: Send + Sync + 'static> Clone for Query<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Query<T> {}

impl<T: Clone + PartialEq + Send + Sync + 'static> Query<T> {
    /// Asks now, and again whenever a signal changes that `ask` reads before its first await. An answer that was overtaken
    /// by a newer question is dropped.
    pub fn new<F>(ask: impl Fn() -> F + 'static) -> Self
    where
        F: Future<Output = Result<T, ApiError>> + 'static,
    {
        let query = Self {
            data: RwSignal::new(None),
            error: RwSignal::new(None),
            again: RwSignal::new(0),
            pending: StoredValue::new(false),
        };
        let question = StoredValue::new(0u32);
        Effect::new(move |_| {
            track_epoch();
            query.again.track();
            let number = question.get_value().wrapping_add(1);
            question.set_value(number);
            let answer = ask();
            spawn_local(async move {
                let answer = answer.await;
                if question.try_get_value() == Some(number) {
                    query.keep(answer);
                }
            });
        });
        query
    }

    fn keep(self, answer: Result<T, ApiError>) {
        match answer {
            Ok(data) => {
                if self.data.with_untracked(|old| old.as_ref() != Some(&data)) {
                    self.data.set(Some(data));
                }
                self.error.set(None);
            }
            // The sign-in page is up; what is behind it stays as it was.
            Err(ApiError::SignedOut) => {}
            Err(error) => self.error.set(Some(error)),
        }
    }

    /// The latest answer, none before the first. Tracks.
    pub fn get(self) -> Option<T> {
        self.data.get()
    }

    /// Reads the latest answer without a copy. Tracks.
    pub fn with<R>(self, read: impl FnOnce(Option<&T>) -> R) -> R {
        self.data.with(|data| read(data.as_ref()))
    }

    /// Reads the latest answer as it is, without tracking.
    pub fn with_untracked<R>(self, read: impl FnOnce(Option<&T>) -> R) -> R {
        self.data.with_untracked(|data| read(data.as_ref()))
    }

    /// Why the latest attempt gave no answer. Tracks.
    pub fn error(self) -> Option<ApiError> {
        self.error.get()
    }

    /// Whether there is an answer, be it an old one. Tracks.
    pub fn answered(self) -> bool {
        self.data.with(Option::is_some)
    }

    /// Asks again.
    pub fn refresh(self) {
        self.again.update(|again| *again = again.wrapping_add(1));
    }

    /// Asks again in a moment, once for all hints that come until then.
    pub fn refresh_soon(self) {
        if self.pending.try_get_value() != Some(false) {
            return;
        }
        self.pending.set_value(true);
        Timeout::new(GATHER_MS, move || {
            if self.pending.try_set_value(false).is_none() {
                self.again.try_update(|again| *again = again.wrapping_add(1));
            }
        })
        .forget();
    }
}
