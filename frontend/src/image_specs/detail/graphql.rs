//! What the page of a spec asks for.

use cynic::{QueryBuilder, QueryFragment, QueryVariables};

use crate::api::{self, ApiError, PackageLists, schema};
use crate::jobs::JobState;

#[derive(QueryVariables)]
struct SpecVariables {
    name: String,
}

#[derive(QueryFragment)]
#[cynic(graphql_type = "Query", variables = "SpecVariables")]
struct SpecQuery {
    #[arguments(name: $name)]
    image_spec: Option<Spec>,
}

/// A spec as its page shows it.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "ImageSpec")]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) version: i32,
    pub(super) base_image: String,
    pub(super) pull_secret: Option<String>,
    pub(super) packages: PackageLists,
    pub(super) image: Option<String>,
    pub(super) latest_job: Option<LatestJob>,
}

/// The latest job of a spec.
#[derive(QueryFragment, Clone, Debug, PartialEq)]
#[cynic(graphql_type = "BuildJob")]
pub(super) struct LatestJob {
    #[cynic(spread)]
    pub(super) state: JobState,
}

/// The spec of this name; none where there is none.
pub(super) async fn spec(name: String) -> Result<Option<Spec>, ApiError> {
    api::run(SpecQuery::build(SpecVariables { name })).await.map(|answer| answer.image_spec)
}
