//! Build jobs: what people ask for, and the reconciler that makes it so.
//!
//! [`JobService`] writes what is wanted to the database and returns; the [`reconciler`] reads what the database wants and
//! what the engine has, and makes one the other. Neither needs the other to be there at the same moment.

pub mod bridge;
mod conclude;
mod error;
pub mod events;
mod plan;
pub mod reconciler;
mod reuse;
mod service;
#[cfg(test)]
mod tests;
mod upkeep;

pub use error::JobsError;
pub use service::{CreateSpec, JobService, UpdateSpec};
