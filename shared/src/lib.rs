//! Image specs and build jobs: their types, their rules, and the texts that follow from them.
//!
//! No I/O, no clock, no SQL, no Kubernetes; the same code judges in the browser and on the server. The grammars of conda
//! and pip are heavy and sit behind the feature `grammars`, which the browser bundle leaves out.
//!
//! Without `grammars` there are names, image references, [`Packages`] with what can be told of its lines without a grammar
//! ([`Packages::line_problems`]), jobs and problems. With it there are also `Content` and `parse_spec`, which accept a
//! spec: whatever passes there is valid, and everything else follows from it — hash, Dockerfile, what the builder does.

#[macro_use]
mod words;

#[cfg(feature = "grammars")]
pub mod canonical;
#[cfg(feature = "grammars")]
pub mod dockerfile;
mod image_reference;
mod job;
mod name;
mod packages;
mod problem;
mod requirement;
mod revision;
mod spec;

pub use image_reference::{ImageReference, registry_host};
pub use job::{Failure, FailureCode, JobStatus, Phase};
pub use name::ImageName;
pub use packages::{MAX_LINES, MAX_LIST_BYTES, MAX_REQUIREMENTS, Packages};
pub use problem::{Field, ParseError, Problem, ProblemCode};
pub use requirement::{AptRequirement, MAX_LINE_CHARS, requirement_of_line};
pub use revision::RevisionHash;
pub use spec::ImageSpecInput;
pub use words::UnknownWord;

#[cfg(feature = "grammars")]
pub use {
    packages::Requirements,
    requirement::{CondaRequirement, PipRequirement},
    spec::{Content, parse_spec},
};
