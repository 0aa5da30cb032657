//! The rules of free text.

use cooperage_shared::Field;

use super::problem::{ProblemCode, UserError};

/// The error for a text of more than `most` characters.
pub(super) fn too_long(field: Field, text: &str, most: usize) -> Option<UserError> {
    let count = text.chars().count();
    (count > most).then(|| {
        let message = format!("That has {count} characters, and {most} are the most: make it shorter.");
        UserError::new(ProblemCode::TooLong, Some(field), message)
    })
}

/// The error for a text with control characters in it.
pub(super) fn control_characters(field: Field, text: &str) -> Option<UserError> {
    text.chars().any(char::is_control).then(|| {
        let message = "There is a control character or a line break in it: remove it.";
        UserError::new(ProblemCode::ControlCharacter, Some(field), message)
    })
}
