//! The rows of the tables. Nothing outside `store` sees them.

pub(crate) mod base_image;
pub(crate) mod build_job;
pub(crate) mod image_spec;
pub(crate) mod log_chunk;
pub(crate) mod pull_secret;
pub(crate) mod revision;
