//! Where images go.

use cynic::{QueryBuilder, QueryFragment};

use crate::api::{self, ApiError, schema};

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query")]
struct RegistryQuery {
    registry: Registry,
}

/// The state of the push registry.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
pub(super) struct Registry {
    /// Whether one is set.
    pub(super) configured: bool,
    /// Whether it answers.
    pub(super) reachable: bool,
    /// What is wrong and what to do about it.
    pub(super) message: Option<String>,
}

pub(super) async fn registry() -> Result<Registry, ApiError> {
    api::run::<RegistryQuery, _>(RegistryQuery::build(())).await.map(|answer| answer.registry)
}
