//! Image specs: the list, the form, and the page of one with its tabs.

mod delete_dialog;
mod detail;
mod form;
mod list;

pub use detail::{DetailPage, InfoTab};
pub use form::CreatePage;
pub use list::ListPage;
