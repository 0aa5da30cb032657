//! The way to the server: GraphQL over HTTP for queries and mutations, over one WebSocket for subscriptions.
//!
//! Every document is a cynic fragment beside the feature that uses it, checked against `schema.graphql` at compile time.

mod backoff;
mod error;
mod http;
mod protocol;
pub mod socket;
mod types;

pub use error::ApiError;
pub use http::{run, sign_in, sign_out};
pub use types::{
    DateTime, FailureCode, JobStatus, PackageLists, PackagesInput, PageInfo, Phase, ProblemCode, UserError,
};

/// The schema's types, generated from `schema.graphql`.
#[cynic::schema("cooperage")]
pub mod schema {}
