//! What is wrong with what a person typed, and where.
//!
//! A [`ParseError`] judges one word and knows nothing of where it stood; a [`Problem`] is the same with its place in the
//! spec. Messages are whole sentences that say what to type instead.

use std::fmt;

use serde::{Deserialize, Serialize};

words! {
    /// The part of an input that a problem or a failure is about.
    Field {
        /// The name of an image spec, a base image or a pull secret.
        Name = "name",
        /// The base image of a spec.
        BaseImage = "baseImage",
        /// The pull secret of a spec or of a base image.
        PullSecret = "pullSecret",
        /// The Debian packages of a spec.
        PackagesApt = "packages.apt",
        /// The conda packages of a spec.
        PackagesConda = "packages.conda",
        /// The Python packages of a spec.
        PackagesPip = "packages.pip",
        /// The version of a spec that an edit is based on.
        Version = "version",
        /// The id of a job or of another object.
        Id = "id",
        /// The key that makes a repeated request harmless.
        IdempotencyKey = "idempotencyKey",
        /// The name of a base image for people.
        DisplayName = "displayName",
        /// The description of a base image.
        Description = "description",
        /// The kind of machine that a base image is for.
        Type = "type",
        /// The reference of a base image.
        Url = "url",
        /// The reference of a base image for machines with a GPU.
        UrlForGpu = "urlForGpu",
        /// The registry host that a pull secret is for.
        Host = "host",
        /// The user name of a pull secret.
        Username = "username",
        /// The password of a pull secret.
        Password = "password",
    }
}

words! {
    /// What kind of problem it is, for programs.
    ProblemCode {
        /// A value is missing.
        Required = "REQUIRED",
        /// A value has too many characters.
        TooLong = "TOO_LONG",
        /// A list has too many entries.
        TooMany = "TOO_MANY",
        /// A name breaks the rule of names.
        InvalidName = "INVALID_NAME",
        /// A text is no image reference.
        InvalidImageReference = "INVALID_IMAGE_REFERENCE",
        /// A line is no requirement of its list.
        InvalidRequirement = "INVALID_REQUIREMENT",
        /// A text has a control or line-break character.
        ControlCharacter = "CONTROL_CHARACTER",
        /// A text holds a user name or a password, which would end up in the image.
        Credentials = "CREDENTIALS",
        /// A value breaks a rule that has no code of its own.
        Invalid = "INVALID",
        /// The name is in use.
        Taken = "TAKEN",
        /// There is no such object.
        NotFound = "NOT_FOUND",
        /// The object has changed in the meantime, or its state does not allow this.
        Conflict = "CONFLICT",
    }
}

/// What is wrong with one word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// The kind of problem, for programs.
    pub code: ProblemCode,
    /// What is wrong and what to type instead.
    pub message: String,
    /// Where in the text it is: the character's number, from 1. `None`: the whole text.
    pub column: Option<u32>,
}

impl ParseError {
    /// A problem with the whole text.
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), column: None }
    }

    /// The same problem at the character that begins at byte `offset` of `text`. An offset beyond the text, or inside a
    /// character, is moved to the nearest character before it.
    #[must_use]
    pub fn at(mut self, text: &str, offset: usize) -> Self {
        let before = text.char_indices().take_while(|(start, c)| start + c.len_utf8() <= offset).count();
        self.column = u32::try_from(before + 1).ok();
        self
    }

    /// The same problem in a longer text, of which `leading` characters stand before the text that was judged.
    #[must_use]
    pub fn shifted(mut self, leading: usize) -> Self {
        let leading = u32::try_from(leading).unwrap_or(u32::MAX);
        self.column = self.column.map(|column| column.saturating_add(leading));
        self
    }

    /// The same problem with its place in a spec. `line` counts from 1.
    #[must_use]
    pub fn in_field(self, field: Field, line: Option<u32>) -> Problem {
        Problem { code: self.code, message: self.message, field, line, column: self.column }
    }
}

/// What is wrong with what a person typed, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind of problem, for programs.
    pub code: ProblemCode,
    /// What is wrong and what to type instead.
    pub message: String,
    /// The field that it is about.
    pub field: Field,
    /// The place in the field's list, from 1, blank and comment lines counted. `None`: the whole field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The character in the line or value, from 1. `None`: the whole line or value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

impl fmt::Display for Problem {
    /// `packages.pip, line 3, column 7: message`, for terminals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.field)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The text in backquotes, shortened where it is long, for use inside a message.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let shown: String = text.chars().take(MOST).flat_map(shown_char).collect();
    if text.chars().count() > MOST { format!("`{shown}…`") } else { format!("`{shown}`") }
}

/// A character as it can be shown within a sentence.
fn shown_char(c: char) -> impl Iterator<Item = char> {
    let hidden = c.is_control() || c == '\u{2028}' || c == '\u{2029}';
    let escaped = hidden.then(|| c.escape_unicode()).into_iter().flatten();
    escaped.chain((!hidden).then_some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let error = ParseError::new(ProblemCode::Invalid, "No.");
        assert_eq!(error.clone().at("äb", 0).column, Some(1));
        assert_eq!(error.clone().at("äb", 2).column, Some(2));
        assert_eq!(error.clone().at("äb", 1).column, Some(1));
        assert_eq!(error.clone().at("äb", 99).column, Some(3));
        assert_eq!(error.at("äb", 2).shifted(3).column, Some(5));
    }

    #[test]
    fn a_problem_reads_as_a_sentence_with_its_place() {
        let problem = ParseError::new(ProblemCode::Invalid, "No.").at("ab", 1).in_field(Field::PackagesPip, Some(3));
        assert_eq!(problem.to_string(), "packages.pip, line 3, column 2: No.");
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"code": "INVALID", "message": "No.", "field": "packages.pip", "line": 3, "column": 2})
        );
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    #[test]
    fn quoted_text_stays_short_and_on_one_line() {
        assert_eq!(quoted("a b"), "`a b`");
        assert_eq!(quoted("a\nb"), "`a\\u{a}b`");
        assert!(quoted(&"x".repeat(500)).chars().count() < 70);
    }
}
