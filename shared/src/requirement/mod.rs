//! The requirements of a spec: what each list takes on a line.
//!
//! Every requirement is judged as a [line] first, then by the grammar of its list. It keeps its text as typed
//! (`as_str`), which is the one word that the Dockerfile hands on, and has a canonical form, the same for every spelling
//! of the same wish, which the revision's hash is made of.

mod apt;
#[cfg(feature = "grammars")]
mod conda;
mod line;
#[cfg(feature = "grammars")]
mod pip;
#[cfg(feature = "grammars")]
mod url_rules;

pub use apt::AptRequirement;
#[cfg(feature = "grammars")]
pub use conda::CondaRequirement;
pub use line::{MAX_LINE_CHARS, requirement_of_line};
#[cfg(feature = "grammars")]
pub use pip::PipRequirement;

use crate::problem::{ParseError, ProblemCode, quoted};

/// The requirement in a text that must hold one, judged as a line and by a grammar, whose columns are moved to where they
/// are in the text.
fn parse_with(text: &str, grammar: impl FnOnce(&str) -> Result<(), ParseError>) -> Result<&str, ParseError> {
    let requirement =
        requirement_of_line(text)?.ok_or_else(|| ParseError::new(ProblemCode::Required, "Enter a package."))?;
    let leading = text.chars().take_while(|c| c.is_whitespace()).count();
    grammar(requirement).map(|()| requirement).map_err(|mut error| {
        error.column.get_or_insert(1);
        error.shifted(leading)
    })
}

/// What to say where two packages seem to stand on one line.
fn has_a_space(text: &str) -> String {
    format!("{} has a space: put one package on each line.", quoted(text))
}

/// Runs a grammar that others wrote, on a person's input. Its panic is that input's error, not the server's end; the
/// panic hook has told of it by then.
#[cfg(feature = "grammars")]
fn contained<T>(grammar: impl FnOnce() -> Result<T, ParseError>) -> Result<T, ParseError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(grammar)).unwrap_or_else(|_| {
        Err(ParseError::new(
            ProblemCode::InvalidRequirement,
            "This can't be read as a requirement: write it another way.",
        ))
    })
}

/// The text as one word of a POSIX shell, which expands nothing in it.
#[cfg(feature = "grammars")]
pub(crate) fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
