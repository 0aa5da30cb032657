//! The GraphQL API: thin resolvers over the store, to read, and the job service, to act.
//!
//! What a person typed wrong is data (`userErrors`, `problems`); top-level errors are for programs and carry
//! `extensions.code`. Nothing here knows SQL, and nothing decides what a job may do.

mod api;
pub mod base_image;
pub mod build_job;
pub mod connection;
mod ids;
pub mod image_spec;
pub mod image_spec_mutation;
pub mod job_events;
pub mod loaders;
pub mod log;
pub mod node;
pub mod preview;
pub mod problem;
pub mod pull_secret;
pub mod registry;
mod registry_health;
pub mod services;
pub mod spec_events;
mod text;
pub mod words;

use async_graphql::{MergedObject, MergedSubscription, Result, Schema, SchemaBuilder};
use chrono::{DateTime, Utc};

pub use api::Api;
pub use ids::GlobalId;
pub use loaders::Loaders;
pub use registry_health::RegistryHealth;
pub use services::Services;

use cooperage_shared::Field;
use problem::{ProblemCode, UserError};

use crate::jobs::JobsError;

/// How deep a query may nest; an introspection query of usual tools needs 15.
const DEPTH: usize = 20;
/// How much a query may ask for: fields, those of a list counted once for each object that a page may have.
const COMPLEXITY: usize = 20_000;

/// What can be read.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct Query(
    image_spec::ImageSpecQuery,
    build_job::BuildJobQuery,
    base_image::BaseImageQuery,
    pull_secret::PullSecretQuery,
    registry::RegistryQuery,
    preview::PreviewQuery,
    node::NodeQuery,
);

/// What can be changed. Every mutation says in `userErrors` what a person can put right.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub struct Mutation(
    image_spec_mutation::ImageSpecMutation,
    build_job::BuildJobMutation,
    base_image::BaseImageMutation,
    pull_secret::PullSecretMutation,
);

/// What is told as it happens.
#[derive(MergedSubscription, Default)]
#[graphql(name = "Subscription")]
pub struct Subscription(log::LogSubscription, job_events::JobSubscription, spec_events::SpecSubscription);

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .override_output_type_description::<DateTime<Utc>>(
            "A moment, as RFC 3339 writes it: `2026-01-31T09:30:00.123Z`.",
        )
        .override_output_type_description::<image_spec::ImageSpecConnection>("A page of image specs.")
        .override_output_type_description::<build_job::BuildJobConnection>("A page of build jobs.")
        .override_output_type_description::<base_image::BaseImageConnection>("A page of base images.")
        .limit_depth(DEPTH)
        .limit_complexity(COMPLEXITY)
}

/// The API over `services`.
#[must_use]
pub fn api(services: Services) -> Api {
    Api(builder().data(services).finish())
}

/// The schema in its own language, as checked in at `schema.graphql`.
#[must_use]
pub fn sdl() -> String {
    let text = builder().finish().sdl();
    format!("{}\n", text.trim_end())
}

/// Names the types of a connection.
macro_rules! names {
    ($type:ident, $connection:literal, $edge:literal) => {
        /// The names of the connection and its edge.
        pub struct $type;

        impl async_graphql::connection::ConnectionNameType for $type {
            fn type_name<T: async_graphql::OutputType>() -> String {
                $connection.to_owned()
            }
        }

        impl async_graphql::connection::EdgeNameType for $type {
            fn type_name<T: async_graphql::OutputType>() -> String {
                $edge.to_owned()
            }
        }
    };
}
pub(crate) use names;

/// A job service's error as a person's mistake, or as ours.
fn user_errors(error: JobsError) -> Result<Vec<UserError>> {
    let (code, field) = match error {
        JobsError::Store(error) => return Err(services::store_error(error)),
        JobsError::NameTaken => (ProblemCode::Taken, Some(Field::Name)),
        JobsError::SpecNotFound => (ProblemCode::NotFound, Some(Field::Name)),
        JobsError::JobNotFound => (ProblemCode::NotFound, Some(Field::Id)),
        JobsError::Conflict { .. } => (ProblemCode::Conflict, Some(Field::Version)),
        JobsError::PullSecretUnknown(_) => (ProblemCode::NotFound, Some(Field::PullSecret)),
        JobsError::KeyTaken => (ProblemCode::Conflict, Some(Field::IdempotencyKey)),
        JobsError::Ended(_) => (ProblemCode::Conflict, Some(Field::Id)),
    };
    Ok(vec![UserError::new(code, field, error.to_string())])
}
