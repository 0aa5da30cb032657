//! The form of a spec: for a new one, and in the Info tab of an existing one.
//!
//! Names and image references are judged here, by the code that the server runs; requirement lines by the server, a moment
//! after the typing pauses. Nothing that was typed is ever lost by an answer.

mod base_image_field;
mod conflict;
mod create_page;
mod graphql;
mod judge;
mod lines;
mod package_box;
mod preview;
mod pull_secret_field;
mod spec_form;
mod submit;
mod values;

pub use create_page::CreatePage;
pub(super) use spec_form::{Editing, SpecForm};
pub(super) use values::FormValues;
