//! The name of an image spec.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::problem::{ParseError, ProblemCode, quoted};

/// The name of an image spec: 1 to 63 lowercase ASCII letters, digits, `-` and `.`, the first and the last of them a
/// letter or digit. Surrounding white space is not part of it. It never changes once the spec exists.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageName(String);

impl ImageName {
    /// The most characters of a name, so that every name derived from it fits its own limit.
    pub const MAX_CHARS: usize = 63;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as one component of a repository path. That grammar allows less: of separators standing side by side
    /// only hyphens. Any other run of them is spelled out between underscores, `d` for a dot and `h` for a hyphen, so
    /// `a..b` becomes `a_dd_b` and `a.-b` becomes `a_dh_b`. Underscores do not occur in names, so no two names share a
    /// component.
    #[must_use]
    pub fn repository_component(&self) -> String {
        let mut component = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some(start) = rest.find(is_separator) {
            let (before, from) = rest.split_at(start);
            let end = from.find(|c| !is_separator(c)).unwrap_or(from.len());
            let (run, after) = from.split_at(end);
            component.push_str(before);
            if run.len() == 1 || run.bytes().all(|b| b == b'-') {
                component.push_str(run);
            } else {
                component.push('_');
                component.extend(run.chars().map(|c| if c == '.' { 'd' } else { 'h' }));
                component.push('_');
            }
            rest = after;
        }
        component.push_str(rest);
        component
    }
}

const fn is_separator(c: char) -> bool {
    matches!(c, '.' | '-')
}

const fn is_alphanumeric(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9')
}

impl FromStr for ImageName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim();
        let offset = text.len() - text.trim_start().len();
        let invalid =
            |message: String, at: usize| Err(ParseError::new(ProblemCode::InvalidName, message).at(text, offset + at));
        if name.is_empty() {
            return Err(ParseError::new(
                ProblemCode::Required,
                "Enter a name, such as `base-notebook`: lowercase letters, digits, `-` and `.`.",
            ));
        }
        if let Some((at, c)) = name.char_indices().find(|&(_, c)| !is_alphanumeric(c) && !is_separator(c)) {
            let what = quoted(&c.to_string());
            return invalid(
                match c {
                    _ if c.is_whitespace() => "A name has no spaces: use `-` in their place.".to_owned(),
                    'A'..='Z' => format!("A name is all lowercase: write `{}` for {what}.", c.to_ascii_lowercase()),
                    _ => format!("{what} can't be in a name: use lowercase letters (a to z), digits, `-` and `.`."),
                },
                at,
            );
        }
        if name.len() > Self::MAX_CHARS {
            let message =
                format!("A name has at most {} characters, this one has {}: shorten it.", Self::MAX_CHARS, name.len());
            return Err(ParseError::new(ProblemCode::TooLong, message).at(text, offset + Self::MAX_CHARS));
        }
        if name.starts_with(is_separator) {
            return invalid(format!("A name begins with a letter or digit, not with `{}`.", &name[..1]), 0);
        }
        if name.ends_with(is_separator) {
            let last = name.len() - 1;
            return invalid(format!("A name ends with a letter or digit, not with `{}`.", &name[last..]), last);
        }
        Ok(Self(name.to_owned()))
    }
}

impl TryFrom<String> for ImageName {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ImageName> for String {
    fn from(name: ImageName) -> Self {
        name.0
    }
}

impl AsRef<str> for ImageName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_rule_of_the_reference() {
        let most = "a".repeat(63);
        for text in ["a", "0", "base-notebook", "v1.2", "a..b", "a.-b", "a--b", most.as_str()] {
            assert_eq!(text.parse::<ImageName>().map(|name| name.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(" a ".parse::<ImageName>().map(String::from), Ok("a".to_owned()));
    }

    #[test]
    fn refuses_all_else_at_its_column() {
        let long = "a".repeat(64);
        for (text, code, column) in [
            ("", ProblemCode::Required, None),
            ("  ", ProblemCode::Required, None),
            ("aB", ProblemCode::InvalidName, Some(2)),
            ("a b", ProblemCode::InvalidName, Some(2)),
            ("a_b", ProblemCode::InvalidName, Some(2)),
            ("é", ProblemCode::InvalidName, Some(1)),
            ("a/b", ProblemCode::InvalidName, Some(2)),
            ("a\nb", ProblemCode::InvalidName, Some(2)),
            (" -a", ProblemCode::InvalidName, Some(2)),
            ("a.", ProblemCode::InvalidName, Some(2)),
            (&long, ProblemCode::TooLong, Some(64)),
        ] {
            let error = text.parse::<ImageName>().unwrap_err();
            assert_eq!((error.code, error.column), (code, column), "{text}: {error}");
        }
        assert!(serde_json::from_str::<ImageName>("\"A\"").is_err());
    }

    #[test]
    fn becomes_a_component_of_a_repository_path() {
        for (name, component) in [
            ("a", "a"),
            ("a.b-c--d", "a.b-c--d"),
            ("a..b", "a_dd_b"),
            ("a.-b", "a_dh_b"),
            ("a-.-b", "a_hdh_b"),
            ("a..b.-c", "a_dd_b_dh_c"),
        ] {
            let name: ImageName = name.parse().unwrap();
            assert_eq!(name.repository_component(), component);
        }
    }
}
