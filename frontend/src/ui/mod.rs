//! Widgets that every feature uses. They know nothing of specs and jobs.

mod action_dialog;
mod boundary;
mod combobox;
mod copy;
mod dialog;
mod discard;
mod disclosure;
mod edit_form;
mod field;
mod icon;
mod message;
mod pager;
mod sort;
mod tabs;
mod time;
mod title;
pub mod toast;

pub use action_dialog::{ActionDialog, Answer, DeleteDialog};
pub use boundary::{Boundary, EmptyState, Notice};
pub use combobox::{Combobox, Suggestion};
pub use copy::Copyable;
pub use dialog::{ConfirmDialog, Dialog};
pub use discard::{DiscardDialog, LeaveGuard, install_leave_guard};
pub use disclosure::Disclosure;
pub use edit_form::{EditActions, EditForm, invalid};
pub use field::{Field, FieldProblem};
pub use icon::Icon;
pub use message::message;
pub use pager::{PageArguments, Pager, page_arguments};
pub use sort::{Sort, SortHeader};
pub use tabs::{Tab, Tabs};
pub use time::{RelativeTime, duration_text, size_text};
pub use title::{PageHeading, page_title};
pub use toast::Toasts;

/// An id that is unique on the page, to tie a label or a message to its field.
pub fn unique_id(what: &str) -> String {
    use std::cell::Cell;
    thread_local! {
        static NEXT: Cell<u32> = const { Cell::new(0) };
    }
    let number = NEXT.get();
    NEXT.set(number + 1);
    format!("{what}-{number}")
}
