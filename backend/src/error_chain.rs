//! An error as one line: what it says, and what lies beneath it.

use std::error::Error;

/// The error with what lies beneath it, from the outside in. What a level has said already is not said again.
pub(crate) fn one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let beneath = error.to_string();
        if !text.contains(&beneath) {
            text = format!("{text}: {beneath}");
        }
        source = error.source();
    }
    text
}
