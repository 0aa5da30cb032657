//! What resolvers call: the store to read, the job service to act.

use std::sync::Arc;

use async_graphql::{Context, Error, Result};

use super::problem::{bad_user_input, internal, unavailable};
use super::registry_health::RegistryHealth;
use crate::config::RegistryConfig;
use crate::jobs::JobService;
use crate::jobs::events::Events;
use crate::logs::LogStore;
use crate::secrets::SecretKey;
use crate::store::{Store, StoreError};

/// What resolvers call. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// Rows, to read; and the catalogue and the pull secrets, to write.
    pub store: Store,
    /// Everything that changes a spec or a job.
    pub jobs: JobService,
    /// Where changes of jobs are heard of.
    pub events: Events,
    /// The logs.
    pub logs: LogStore,
    /// Where images go.
    pub registry_config: RegistryConfig,
    /// Whether they can go there.
    pub registry_health: Arc<RegistryHealth>,
    /// The key that seals pull secrets.
    pub key: SecretKey,
}

/// The services of this request.
pub(super) fn services<'a>(ctx: &Context<'a>) -> Result<&'a Services> {
    ctx.data::<Services>()
}

/// A store's error as a client sees it.
#[must_use]
pub fn store_error(error: StoreError) -> Error {
    match error {
        StoreError::InvalidCursor => {
            bad_user_input("That cursor is none that this list gave: start from its first page.")
        }
        StoreError::InvalidPage(message) => bad_user_input(message),
        StoreError::Unkeepable => {
            bad_user_input("A text holds the character U+0000, which cannot be kept: leave it out.")
        }
        error @ StoreError::Unavailable(_) => unavailable(&error),
        error => internal(&error),
    }
}

/// A text without the blanks around it; none where nothing is left.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
