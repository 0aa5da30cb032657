//! Requirements of the pip list: PEP 508 as uv reads it, which is what installs them.
//!
//! Beyond PEP 508 a URL may stand without a name (`git+https://host/team/tool.git@v2`), as in a requirements file.
//! A URL names a wheel, a `.tar.gz` or a `.zip`, or a git repository: uv takes no others.
//!
//! Refused, although a requirements file may hold it: options, paths and `file:` URLs (the build has none of the person's
//! files), `${VARIABLES}` (the build has none of the person's environment), and URLs with credentials.
//!
//! # Canonical form
//!
//! `name[extra,…]specifiers ; marker`, `name[extra,…] @ URL ; marker`, or `URL[extra,…] ; marker`, where each part may be
//! missing, and:
//! - name and extras are normalised as in PEP 503 (lowercase; each run of `-`, `_` and `.` is one `-`); extras are sorted
//!   by their bytes, each once;
//! - each specifier is its operator and its version normalised as in PEP 440, without spaces; they are sorted by version
//!   and then by operator, each once, and joined by `,`;
//! - the URL is as typed;
//! - the marker is its tokens joined by single spaces. A string keeps its characters and stands in double quotes, or in
//!   single quotes where it holds a double quote.

mod link;
mod marker;

use std::fmt::Write as _;
use std::str::FromStr as _;

use url::Url;
use uv_pep508::{Requirement, VersionOrUrl};

use super::url_rules::refuse_credentials;
use crate::problem::{ParseError, ProblemCode, quoted};
use link::{check_url, find_link};

/// A Python package to install.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipRequirement {
    text: String,
    canonical: String,
    vcs: bool,
}

/// The most comparisons in a marker. The decision diagram that uv makes of a marker can double with every two of them.
const MAX_COMPARISONS: usize = 20;

impl PipRequirement {
    /// Reads one requirement.
    ///
    /// # Errors
    /// The text breaks a rule of lines, or is no requirement of this list. Columns count from the start of `text`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut parsed = None;
        let requirement = super::parse_with(text, |requirement| {
            parsed = Some(super::contained(|| read(requirement))?);
            Ok(())
        })?;
        let (canonical, vcs) = parsed.unwrap_or_default();
        Ok(Self { text: requirement.to_owned(), canonical, vcs })
    }

    /// The requirement as typed, without surrounding white space and comment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The canonical form; see the [module](self).
    #[must_use]
    pub fn canonical(&self) -> String {
        self.canonical.clone()
    }

    /// Whether it is fetched from a repository, which takes `git` in the image.
    #[must_use]
    pub const fn is_vcs(&self) -> bool {
        self.vcs
    }
}

fn invalid(message: impl Into<String>) -> ParseError {
    ParseError::new(ProblemCode::InvalidRequirement, message)
}

/// The canonical form, and whether it is fetched from a repository.
fn read(text: &str) -> Result<(String, bool), ParseError> {
    refuse_variables(text)?;
    refuse_credentials(text)?;
    let link = find_link(text);
    let marker_start = match &link {
        Some(link) => link.end,
        None => text.find(';').unwrap_or(text.len()),
    };
    if link.is_none()
        && let Some(at) = text[..marker_start].find(" -")
    {
        return Err(invalid("Options can't be given here: enter a package only.").at(text, at + 1));
    }
    let marker = text[marker_start..].trim_start().strip_prefix(';');
    if marker.is_some_and(|marker| comparisons(marker) > MAX_COMPARISONS) {
        let message = format!("A marker has at most {MAX_COMPARISONS} comparisons: shorten it.");
        return Err(invalid(message).at(text, marker_start));
    }
    if marker.is_some_and(|marker| marker.matches('(').count() > MAX_COMPARISONS) {
        let message = format!("A marker has at most {MAX_COMPARISONS} parentheses: shorten it.");
        return Err(invalid(message).at(text, marker_start));
    }
    let requirement = match &link {
        Some(link) if link.unnamed => {
            // The same grammar, with a name in front: extras, URL and marker are then judged alike.
            let after = &text[link.end..];
            let named = format!("unnamed{} @ {}{after}", link.extras, link.url);
            Requirement::<Url>::from_str(&named).map_err(|error| {
                let url_start = named.len() - after.len() - link.url.len();
                let at = error.start.saturating_sub(url_start).min(text.len());
                explained(&error, text, at)
            })?
        }
        Some(_) | None => Requirement::<Url>::from_str(text).map_err(|error| explained(&error, text, error.start))?,
    };

    let mut canonical = String::new();
    let unnamed = link.as_ref().is_some_and(|link| link.unnamed);
    if let (true, Some(link)) = (unnamed, &link) {
        canonical.push_str(link.url);
    } else {
        canonical.push_str(requirement.name.as_ref());
    }
    let mut extras: Vec<&str> = requirement.extras.iter().map(AsRef::as_ref).collect();
    extras.sort_unstable();
    extras.dedup();
    if !extras.is_empty() {
        let _ = write!(canonical, "[{}]", extras.join(","));
    }
    let mut vcs = false;
    match (&requirement.version_or_url, &link) {
        (Some(VersionOrUrl::Url(url)), Some(link)) => {
            vcs = check_url(url, link, text)?;
            if !link.unnamed {
                let _ = write!(canonical, " @ {}", link.url);
            }
        }
        (Some(VersionOrUrl::VersionSpecifier(specifiers)), None) => {
            let mut specifiers: Vec<String> = specifiers.iter().map(ToString::to_string).collect();
            specifiers.dedup();
            canonical.push_str(&specifiers.join(","));
        }
        (None, None) => {}
        (Some(VersionOrUrl::Url(_)), None) | (_, Some(_)) => {
            return Err(invalid("Write a package from a URL as `name @ https://…`."));
        }
    }
    if let Some(marker) = marker {
        let _ = write!(canonical, " ; {}", marker::tokens(marker).join(" "));
    }
    Ok((canonical, vcs))
}

/// uv replaces `${NAME}` in URLs by the variable's value, so the same text could mean something else on each machine.
fn refuse_variables(text: &str) -> Result<(), ParseError> {
    for (at, _) in text.match_indices("${") {
        let name = &text[at + 2..];
        let length = name.find(|c: char| !matches!(c, 'A'..='Z' | '0'..='9' | '_')).unwrap_or(name.len());
        if length > 0 && name[length..].starts_with('}') {
            let message = format!(
                "A build has none of your variables: write what {} stands for, if it is no secret.",
                quoted(&text[at..at + length + 3])
            );
            return Err(invalid(message).at(text, at));
        }
    }
    Ok(())
}

/// An upper bound of the comparisons in a marker: each has at least one string.
fn comparisons(marker: &str) -> usize {
    marker.matches(['\'', '"']).count().div_ceil(2)
}

/// What the grammar says, as a sentence, with the places where people go wrong most told in their words.
fn explained(error: &uv_pep508::Pep508Error<Url>, text: &str, at: usize) -> ParseError {
    let at = at.min(text.len());
    let before = text.get(..at).unwrap_or(text);
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    let said = error.message.to_string();
    let message = if said.starts_with("Expected one of `@`") {
        match next {
            Some(c) if before.ends_with(char::is_whitespace) && c.is_alphanumeric() => super::has_a_space(text),
            Some('/' | '\\' | ':') => {
                "Files of your machine can't be reached from a build: enter a name, or `name @ https://…`.".to_owned()
            }
            Some(c) => format!(
                "{} is unexpected here. After the name come a version such as `>=1.2`, `@` and a URL, or `;` and a marker.",
                quoted(&c.to_string())
            ),
            None => said,
        }
    } else if said.starts_with("URL requirement must be preceded") {
        "This looks like a file, and files of your machine can't be reached from a build: enter a name, or \
         `name @ https://…`."
            .to_owned()
    } else if matches!(error.message, uv_pep508::Pep508ErrorSource::UrlError(_)) {
        format!("This is no URL ({said}): write `name @ https://…` or `name @ git+https://…`.")
    } else if said.starts_with("No such comparison operator") {
        "Write `==` for one version, or compare with `>=`, `<=`, `>`, `<`, `~=` or `!=`.".to_owned()
    } else if said.starts_with("Trailing `") {
        "Put a comma between two versions, as in `name>=1,<2`, and each package on a line of its own.".to_owned()
    } else {
        said
    };
    invalid(sentence(&message)).at(text, at)
}

/// The first line of a message, ended by a full stop.
pub(crate) fn sentence(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim();
    let mut chars = line.chars();
    let capital: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if line.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{capital}{}{end}", chars.as_str())
}

#[cfg(test)]
mod tests;
