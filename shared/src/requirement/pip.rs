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

use std::fmt::Write as _;
use std::str::FromStr as _;

use url::Url;
use uv_pep508::{Requirement, VersionOrUrl};

use super::url_rules::{SECRET_IN_URL, refuse_credentials};
use crate::problem::{ParseError, ProblemCode, quoted};

/// A Python package to install.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipRequirement {
    text: String,
    canonical: String,
    vcs: bool,
}

/// The most comparisons in a marker. The decision diagram that uv makes of a marker can double with every two of them.
const MAX_COMPARISONS: usize = 20;

/// The endings of the archives that uv installs from.
const ARCHIVES: [&str; 3] = [".whl", ".tar.gz", ".zip"];

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
        let _ = write!(canonical, " ; {}", marker_tokens(marker).join(" "));
    }
    Ok((canonical, vcs))
}

/// A URL in a requirement.
struct Link<'a> {
    /// The URL as typed, without extras.
    url: &'a str,
    /// Where it begins in the text.
    start: usize,
    /// Where it, and the extras behind it, end in the text.
    end: usize,
    /// The extras behind a URL without a name, in brackets.
    extras: &'a str,
    /// Whether no name stands before it.
    unnamed: bool,
}

/// Where the URL is, in a text that has one: behind `name [extras] @`, or first of all.
fn find_link(text: &str) -> Option<Link<'_>> {
    let name = text.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(text.len());
    let mut rest = text[name..].trim_start();
    if rest.starts_with('[') {
        rest = rest[rest.find(']')? + 1..].trim_start();
    }
    let (start, unnamed) = match rest.strip_prefix('@') {
        Some(after) => (text.len() - after.trim_start().len(), false),
        None if has_scheme(text) => (0, true),
        None => return None,
    };
    let mut depth = 0_u32;
    let mut end = text.len();
    for (at, c) in text[start..].char_indices() {
        let next_is_blank = text[start + at + c.len_utf8()..].starts_with(char::is_whitespace);
        match c {
            '[' if unnamed => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 && (c.is_whitespace() || c == ';' && next_is_blank) => {
                end = start + at;
                break;
            }
            _ => {}
        }
    }
    let whole = &text[start..end];
    let (url, extras) = match whole.rfind('[') {
        Some(bracket) if unnamed && whole.ends_with(']') => whole.split_at(bracket),
        _ => (whole, ""),
    };
    Some(Link { url, start, end, extras, unnamed })
}

/// Whether a text begins with `scheme://`.
fn has_scheme(text: &str) -> bool {
    text.find("://").is_some_and(|end| text[..end].chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)))
}

/// Judges a URL that the grammar took; returns whether it names a repository.
fn check_url(url: &Url, link: &Link<'_>, text: &str) -> Result<bool, ParseError> {
    let at_url = |message: String| Err(invalid(message).at(text, link.start));
    if Url::parse(link.url).as_ref() != Ok(url) {
        return at_url("A URL has no spaces: write `name @ https://…`, and put one package on each line.".to_owned());
    }
    let scheme = url.scheme();
    let vcs = match scheme {
        "http" | "https" => false,
        "git+http" | "git+https" | "git+ssh" => true,
        "file" | "git+file" => {
            return at_url("Files of your machine can't be reached from a build: use a URL of `https://`.".to_owned());
        }
        _ => {
            return at_url(format!(
                "{} is not supported: use `https://…` for an archive or `git+https://…` for a repository.",
                quoted(&format!("{scheme}:"))
            ));
        }
    };
    if url.host_str().is_none_or(str::is_empty) {
        return at_url("The URL names no host: write `https://host/…`.".to_owned());
    }
    // As the URL parser sees it, which takes `\` for `/` and more.
    if url.password().is_some() || (!url.username().is_empty() && scheme != "git+ssh") {
        return Err(ParseError::new(ProblemCode::Credentials, SECRET_IN_URL).at(text, link.start));
    }
    if !vcs && !ARCHIVES.iter().any(|ending| url.path().ends_with(ending)) {
        return at_url(
            "A URL ends in `.whl`, `.tar.gz` or `.zip`. For a repository, begin it with `git+https://`.".to_owned(),
        );
    }
    Ok(vcs)
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
            Some('-') if before.ends_with(char::is_whitespace) => {
                "Options can't be given here: enter a package only.".to_owned()
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

/// The tokens of a marker that the grammar took: strings, operators, parentheses and words.
fn marker_tokens(marker: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = marker.trim();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => {
                let inside = rest[1..].find(first).map_or(rest.len() - 1, |end| end);
                let value = &rest[1..=inside];
                let quote = if value.contains('"') { '\'' } else { '"' };
                tokens.push(format!("{quote}{value}{quote}"));
                rest = rest.get(inside + 2..).unwrap_or_default().trim_start();
                continue;
            }
            '(' | ')' => 1,
            c if is_operator(c) => rest.find(|c| !is_operator(c)).unwrap_or(rest.len()),
            _ => rest
                .find(|c: char| c.is_whitespace() || is_operator(c) || matches!(c, '(' | ')' | '\'' | '"'))
                .unwrap_or(rest.len()),
        };
        tokens.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    tokens
}

const fn is_operator(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '!' | '~')
}

#[cfg(test)]
#[path = "pip_tests.rs"]
mod tests;
