//! Requirements of the APT list: Debian binary packages.
//!
//! ```text
//! requirement  = name [":" architecture] ["=" version | "/" release]
//! name         = [a-z0-9] [a-z0-9+.-]+                      Debian policy 5.6.1
//! architecture = [a-z0-9] [a-z0-9-]*
//! version      = [epoch ":"] upstream ["-" revision] ["*"]  Debian policy 5.6.12
//! release      = [A-Za-z0-9] [A-Za-z0-9+._~-]*              a suite or codename, such as `bookworm-backports`
//! ```
//!
//! Upstream version: a digit, then letters, digits and `.+-~`. Revision: letters, digits and `.+~`. Epoch: digits. A `*`
//! at the end is apt's own: any version that begins so. No part ends with `-`: to apt that means "remove the package".

use crate::problem::{ParseError, ProblemCode, quoted};

/// A Debian package to install: `name`, `name=version`, `name/release`, `name:arch`, `name:arch=version` or
/// `name:arch/release`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AptRequirement(String);

impl AptRequirement {
    /// Reads one requirement.
    ///
    /// # Errors
    /// The text breaks a rule of lines, or is no requirement of this list. Columns count from the start of `text`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        super::parse_with(text, check).map(|text| Self(text.to_owned()))
    }

    /// The requirement as typed, without surrounding white space and comment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the package, without architecture, version and release.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split([':', '=', '/']).next().unwrap_or(&self.0)
    }

    /// The canonical form: the requirement as it is, for it can be spelled in one way only.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.0.clone()
    }
}

fn check(text: &str) -> Result<(), ParseError> {
    let invalid =
        |message: String, at: usize| Err(ParseError::new(ProblemCode::InvalidRequirement, message).at(text, at));
    if let Some(at) = text.find(char::is_whitespace) {
        return invalid(super::has_a_space(text), at);
    }
    let name_end = text.find([':', '=', '/']).unwrap_or(text.len());
    let name = &text[..name_end];
    if let Some((at, c)) = name.char_indices().find(|&(_, c)| !is_name(c)) {
        return invalid(
            match c {
                'A'..='Z' => {
                    format!("Debian packages are all lowercase: write {}.", quoted(&name.to_ascii_lowercase()))
                }
                '<' | '>' | '~' | '!' => {
                    format!("APT takes `name=version` only: it can't compare versions with `{c}`.")
                }
                '[' => "Debian packages have no extras: remove the brackets.".to_owned(),
                _ => format!(
                    "{} can't be in a Debian package's name: use lowercase letters, digits, `+`, `-` and `.`.",
                    quoted(&c.to_string())
                ),
            },
            at,
        );
    }
    if name.len() < 2 {
        return invalid("A Debian package's name has at least two characters.".to_owned(), 0);
    }
    let mut at = name_end;
    let mut rest = &text[at..];
    let ends_with_minus = |part: &str, end: usize| {
        part.ends_with('-').then(|| {
            let message =
                format!("{} ends with `-`, which tells apt to remove the package: leave it out.", quoted(text));
            ParseError::new(ProblemCode::InvalidRequirement, message).at(text, end - 1)
        })
    };
    if let Some(error) = ends_with_minus(name, at) {
        return Err(error);
    }
    if let Some(after) = rest.strip_prefix(':') {
        let end = after.find(['=', '/', ':']).unwrap_or(after.len());
        let architecture = &after[..end];
        if architecture.is_empty() {
            return invalid("Enter an architecture after `:`, such as `amd64`, or leave out the `:`.".to_owned(), at);
        }
        let fits = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
        if architecture.starts_with('-') || !architecture.chars().all(fits) {
            let message = format!("{} is no architecture: write, for example, `:amd64`.", quoted(architecture));
            return invalid(message, at + 1);
        }
        at += 1 + end;
        if let Some(error) = ends_with_minus(architecture, at) {
            return Err(error);
        }
        rest = &after[end..];
    }
    if rest.is_empty() {
        return Ok(());
    }
    let part = &rest[1..];
    let start = at + 1;
    match rest.chars().next() {
        Some('=') => check_version(part).or_else(|(message, offset)| invalid(message, start + offset))?,
        Some('/') => check_release(part).or_else(|(message, offset)| invalid(message, start + offset))?,
        _ => return invalid("One architecture is enough: write `name:arch`.".to_owned(), at),
    }
    ends_with_minus(part, text.len()).map_or(Ok(()), Err)
}

const fn is_name(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '+' | '-' | '.')
}

/// What a part may hold beyond letters, digits, `.` and `+`, and its message.
fn check_version(version: &str) -> Result<(), (String, usize)> {
    if version.starts_with('=') {
        return Err(("APT takes one `=`: write `name=version`.".to_owned(), 0));
    }
    let exact = version.strip_suffix('*').unwrap_or(version);
    let upstream = match exact.split_once(':') {
        Some((epoch, rest)) => {
            if epoch.is_empty() || !epoch.bytes().all(|b| b.is_ascii_digit()) {
                return Err(("The part before `:` in a version is a number, such as `4:12.2.0-3`.".to_owned(), 0));
            }
            rest
        }
        None => exact,
    };
    let start = exact.len() - upstream.len();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '~');
    if let Some((at, c)) = upstream.char_indices().find(|&(_, c)| !fits(c)) {
        let message = match c {
            '*' => "A `*` stands only at the end of a version, such as `1.7*`.".to_owned(),
            '/' => "APT takes a version or a release: remove one of them.".to_owned(),
            _ => format!("{} can't be in a Debian version.", quoted(&c.to_string())),
        };
        return Err((message, start + at));
    }
    if !upstream.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(("A Debian version begins with a digit, such as `1.7.1-3`.".to_owned(), start));
    }
    Ok(())
}

fn check_release(release: &str) -> Result<(), (String, usize)> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '~' | '_');
    if !release.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(("Enter a release after `/`, such as `bookworm-backports`.".to_owned(), 0));
    }
    match release.char_indices().find(|&(_, c)| !fits(c)) {
        Some((at, '=')) => Err(("APT takes a version or a release: remove one of them.".to_owned(), at)),
        Some((at, c)) => Err((format!("{} can't be in a release's name.", quoted(&c.to_string())), at)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_debian_has() {
        for text in [
            "jq",
            "g++",
            "libstdc++6",
            "0ad",
            "libc6:amd64",
            "jq=1.6-2.1",
            "g++=4:12.2.0-3",
            "git/bookworm-backports",
            "libc6:i386=2.36-9+deb12u10",
            "python3:any",
            "a1/sid",
            "linux-image-6.1.0-18-amd64",
            "jq=1.6~rc1-2+b1",
            "jq=1.7*",
            "foo:amd64/stable",
        ] {
            let requirement = AptRequirement::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            assert_eq!(requirement.as_str(), text);
            assert_eq!(requirement.canonical(), text);
        }
        assert_eq!(AptRequirement::parse("libc6:i386=2").unwrap().name(), "libc6");
    }

    #[test]
    fn refuses_all_else_at_its_column() {
        for (text, column) in [
            ("foo bar", 4),
            ("Foo", 1),
            ("a", 1),
            ("jq>=1", 3),
            ("jq==1", 4),
            ("jq=", 4),
            ("jq=x", 4),
            ("jq=1-", 5),
            ("jq-", 3),
            ("jq:", 3),
            ("jq:AMD", 4),
            ("jq:amd64:i386", 9),
            ("jq/", 4),
            ("jq/x=1", 5),
            ("jq=1/x", 5),
            ("jq=x:1", 4),
            ("jq=1*2", 5),
            ("jq;id", 3),
            ("jq$(id)", 3),
            ("jq'", 3),
            ("näh", 2),
            ("-y", 1),
            ("  fo_o", 5),
        ] {
            let error = AptRequirement::parse(text).expect_err(text);
            assert_eq!(error.column, Some(column), "{text}: {error}");
        }
    }
}
