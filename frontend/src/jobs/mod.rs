//! Build jobs: the list in a spec's Jobs tab, and the page of one.

mod cancel;
mod failure;
mod graphql;
mod job_page;
mod jobs_tab;
mod rebuild;
mod spec_view;
mod status;

pub use graphql::{JobState, NewJob};
pub use job_page::JobPage;
pub use jobs_tab::JobsTab;
pub use rebuild::RebuildButton;
pub use status::StatusBadge;
