//! What holds for every requirement line, before any grammar looks at it.
//!
//! A line is one line: no control character and no Unicode line break is in it. It has at most 1,000 characters, and its
//! requirement begins with a letter, a digit or `_`, so it can be neither an option nor a path. White space around it is
//! not part of it. A blank line, and a line whose first character is `#`, hold no requirement. A `#` that follows white
//! space begins a comment up to the end of the line, as in a requirements file: the line is kept as typed, and the
//! comment is no part of the requirement.

use crate::problem::{ParseError, ProblemCode, quoted};

/// The most characters of a line, comment and surrounding white space counted.
pub const MAX_LINE_CHARS: usize = 1_000;

/// The requirement of a line, without surrounding white space and trailing comment; `None` for a blank line and for a
/// comment.
///
/// # Errors
/// The line breaks a rule that holds for every requirement.
pub fn requirement_of_line(line: &str) -> Result<Option<&str>, ParseError> {
    if let Some((at, c)) = line.char_indices().find(|&(_, c)| is_forbidden(c)) {
        let message = match c {
            '\t' => "A tab is in this line: use a space in its place.".to_owned(),
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                "A line break is in this line: put one package on each line.".to_owned()
            }
            _ => format!("An invisible control character ({}) is in this line: remove it.", quoted(&c.to_string())),
        };
        return Err(ParseError::new(ProblemCode::ControlCharacter, message).at(line, at));
    }
    if let Some((at, _)) = line.char_indices().nth(MAX_LINE_CHARS) {
        let message = format!(
            "This line has {} characters, and {MAX_LINE_CHARS} are the most: shorten it.",
            line.chars().count()
        );
        return Err(ParseError::new(ProblemCode::TooLong, message).at(line, at));
    }
    let start = line.len() - line.trim_start().len();
    let text = without_comment(line).trim();
    let Some(first) = text.chars().next() else {
        return Ok(None);
    };
    if !first.is_ascii_alphanumeric() && first != '_' {
        let message = match first {
            '-' => format!("{} looks like an option: enter packages only, one on each line.", quoted(text)),
            '.' | '/' | '~' | '\\' => {
                format!("{} looks like a path: files of your machine can't be reached from a build.", quoted(text))
            }
            '\'' | '"' => "Leave out the quotes: a requirement is taken as it stands.".to_owned(),
            _ => {
                format!("A requirement begins with a letter, a digit or `_`, not with {}.", quoted(&first.to_string()))
            }
        };
        return Err(ParseError::new(ProblemCode::InvalidRequirement, message).at(line, start));
    }
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| is_invisible(c)) {
        let message = format!("An invisible character (U+{:04X}) is in this line: remove it.", u32::from(c));
        return Err(ParseError::new(ProblemCode::ControlCharacter, message).at(line, start + at));
    }
    Ok(Some(text))
}

/// Whether a character breaks the line, or may not be seen and be taken for nothing.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters that show nothing, or turn the direction of what follows: a requirement could pass for another one.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The line up to its comment.
fn without_comment(line: &str) -> &str {
    let comment =
        line.char_indices().find(|&(at, c)| c == '#' && line[..at].chars().next_back().is_none_or(char::is_whitespace));
    comment.map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_white_space_are_no_requirement() {
        for line in ["", "   ", "\u{a0}", "#", "# numpy", "  # numpy", "#-r x"] {
            assert_eq!(requirement_of_line(line), Ok(None), "{line:?}");
        }
        for line in ["numpy", "  numpy  ", "numpy # fast", "numpy\u{a0}# fast", "numpy  #", "\u{3000}numpy"] {
            assert_eq!(requirement_of_line(line), Ok(Some("numpy")), "{line:?}");
        }
        assert_eq!(requirement_of_line("a @ https://h/x.zip#sha256=1 # why"), Ok(Some("a @ https://h/x.zip#sha256=1")));
    }

    #[test]
    fn a_line_is_one_line() {
        for c in ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{85}', '\u{2028}', '\u{2029}', '\t', '\0', '\u{7f}'] {
            for line in [format!("é{c}x"), format!("#{c}"), format!("x{c}")] {
                let error = requirement_of_line(&line).unwrap_err();
                assert_eq!(error.code, ProblemCode::ControlCharacter, "{line:?}");
                assert_eq!(error.column, Some(2), "{line:?}");
            }
        }
        for c in ['\u{200b}', '\u{202e}', '\u{feff}'] {
            assert_eq!(requirement_of_line(&format!(" a{c}b")).unwrap_err().column, Some(3));
            assert_eq!(requirement_of_line(&format!("# a{c}b")), Ok(None));
        }
    }

    #[test]
    fn a_thousand_characters_and_no_more() {
        let most = "é".repeat(MAX_LINE_CHARS - 1);
        assert!(requirement_of_line(&format!("a{most}")).is_ok());
        let error = requirement_of_line(&format!("ab{most}")).unwrap_err();
        assert_eq!((error.code, error.column), (ProblemCode::TooLong, Some(1001)));
    }

    #[test]
    fn options_paths_and_the_like_begin_no_requirement() {
        for (line, word) in [
            ("-r x", "option"),
            (" --pre", "option"),
            ("./x", "path"),
            ("/x", "path"),
            ("~/x", "path"),
            ("'numpy'", "quotes"),
            ("*", "letter"),
            ("$(id)", "letter"),
            ("é", "letter"),
            ("\u{feff}numpy", "letter"),
        ] {
            let error = requirement_of_line(line).unwrap_err();
            assert!(error.message.contains(word), "{line}: {error}");
        }
    }
}
