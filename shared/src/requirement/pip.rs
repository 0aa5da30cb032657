//! Requirements of the pip list.
use super::requirement_of_line;
use crate::problem::{ParseError, ProblemCode};

/// A requirement of the pip list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipRequirement {
    text: String,
    canonical: String,
}

impl PipRequirement {
    /// Reads one requirement.
    ///
    /// # Errors
    /// The text is none.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match requirement_of_line(text)? {
            Some(text) => Ok(Self { text: text.to_owned(), canonical: text.to_owned() }),
            None => Err(ParseError::new(ProblemCode::Required, "Enter a package.")),
        }
    }

    /// The requirement as typed, without surrounding white space and comment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form that is the same for every spelling of the same requirement.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.canonical.clone()
    }
}
