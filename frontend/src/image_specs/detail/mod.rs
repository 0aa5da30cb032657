//! The page of a spec: its heading and its tabs.

mod graphql;
mod info_tab;
mod page;

pub use info_tab::InfoTab;
pub use page::DetailPage;
