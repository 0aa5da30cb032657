//! URLs in requirements of the pip list: where they are, and which of them uv can install from.

use url::Url;

use super::invalid;
use crate::problem::{ParseError, ProblemCode, quoted};
use crate::requirement::url_rules::SECRET_IN_URL;

/// The endings of the archives that uv installs from.
const ARCHIVES: [&str; 3] = [".whl", ".tar.gz", ".zip"];

/// A URL in a requirement.
pub(super) struct Link<'a> {
    /// The URL as typed, without extras.
    pub(super) url: &'a str,
    /// Where it begins in the text.
    pub(super) start: usize,
    /// Where it, and the extras behind it, end in the text.
    pub(super) end: usize,
    /// The extras behind a URL without a name, in brackets.
    pub(super) extras: &'a str,
    /// Whether no name stands before it.
    pub(super) unnamed: bool,
}

/// Where the URL is, in a text that has one: behind `name [extras] @`, or first of all.
pub(super) fn find_link(text: &str) -> Option<Link<'_>> {
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
pub(super) fn check_url(url: &Url, link: &Link<'_>, text: &str) -> Result<bool, ParseError> {
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
