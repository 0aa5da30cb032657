//! Image specs and build jobs: their types, their rules, and the texts that follow from them.
//!
//! No I/O, no clock, no SQL, no Kubernetes; the same code judges in the browser and on the server. The grammars of conda
//! and pip are heavy and sit behind the feature `grammars`, which the browser bundle leaves out.

mod image_reference;
mod job;
mod name;
mod packages;
mod problem;
mod revision;

pub use image_reference::ImageReference;
pub use job::{Failure, FailureCode, JobStatus, Phase, UnknownWord};
pub use name::ImageName;
pub use packages::Packages;
pub use problem::Field;
pub use revision::RevisionHash;
