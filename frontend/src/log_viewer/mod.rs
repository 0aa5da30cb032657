//! The log of a job: live, numbered, complete.
//!
//! What is shown is always one run of lines without a gap ([`extent`]). While the run reaches the log's end it is attached: a
//! subscription, which always asks from the next line that is missing, makes it grow. Detached, after a jump to a far line,
//! it grows on demand only.

mod ansi;
mod extent;
mod graphql;
mod pane;
mod state;
mod toolbar;
mod viewer;

pub use viewer::LogViewer;
