//! References to images in registries, in the grammar of the OCI distribution project.
//!
//! ```text
//! reference  = [host[:port] "/"] path [":" tag] ["@" digest]
//! host       = domain name | IPv4 address | "[" IPv6 address "]"
//! path       = component *("/" component)             at most 255 characters
//! component  = [a-z0-9]+ ((. | _ | __ | -+) [a-z0-9]+)*
//! tag        = [A-Za-z0-9_] [A-Za-z0-9_.-]{0,127}
//! digest     = "sha256:" 64 hex digits | "sha512:" 128 hex digits
//! ```
//!
//! The first component is a host where it has a `.` or a `:`, or is `localhost`. Without a host the registry is
//! `docker.io`, where a path of one component is below `library/`. Without tag and digest the tag is `latest`.

mod grammar;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use self::grammar::{Misfit, check_digest, check_host, check_path, check_tag};
use crate::problem::{ParseError, ProblemCode, quoted};

const DEFAULT_HOST: &str = "docker.io";
/// Names by which programs speak to the registry of `docker.io`.
const DOCKER_HUB: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
const DEFAULT_NAMESPACE: &str = "library/";
const DEFAULT_TAG: &str = "latest";
/// More than any valid reference has.
const MAX_REFERENCE: usize = 1_000;

/// A reference to an image in a registry: `host[:port]/path[:tag][@digest]`.
///
/// It is kept and shown as typed, without surrounding white space; [`canonical`](Self::canonical) is the form with every
/// default filled in. Equality is that of the text as typed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference {
    text: String,
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageReference {
    /// The registry as `host[:port]`, in lower case; `docker.io` where none was given, and for its other names.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path in the registry, such as `library/python`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `latest` where neither tag nor digest was given.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, such as `sha256:…`. Where there is one, it and not the tag says which image is meant.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The reference as typed, without surrounding white space.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form with every default filled in: `host/repository[:tag][@digest]`.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = format!("{}/{}", self.host, self.repository);
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(digest);
        }
        text
    }

    /// The same repository by another tag, without a digest.
    ///
    /// # Errors
    /// The tag is none.
    pub fn with_tag(&self, tag: &str) -> Result<Self, ParseError> {
        check_tag(tag).map_err(|(message, at)| invalid(message).at(tag, at))?;
        Ok(self.with(Some(tag), None))
    }

    /// The same repository by digest, without a tag.
    ///
    /// # Errors
    /// The digest is none.
    pub fn with_digest(&self, digest: &str) -> Result<Self, ParseError> {
        check_digest(digest).map_err(|(message, at)| invalid(message).at(digest, at))?;
        Ok(self.with(None, Some(digest)))
    }

    fn with(&self, tag: Option<&str>, digest: Option<&str>) -> Self {
        let mut other = Self {
            text: String::new(),
            host: self.host.clone(),
            repository: self.repository.clone(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        };
        other.text = other.canonical();
        other
    }
}

impl FromStr for ImageReference {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let reference = text.trim();
        if reference.is_empty() {
            return Err(ParseError::new(
                ProblemCode::Required,
                "Enter an image, such as `python:3.12` or `registry.example.com/team/notebook:2.1`.",
            ));
        }
        let leading = text.len() - text.trim_start().len();
        parse(reference).map_err(|(message, at)| invalid(message).at(text, leading + at))
    }
}

/// A registry host, `host[:port]`, as references spell it: in lower case, and `docker.io` by whichever of its names. None
/// where the text is none.
#[must_use]
pub fn registry_host(text: &str) -> Option<String> {
    // The grammar of whole references judges it: it must stay the host when a repository follows.
    let host = Some(text.trim()).filter(|host| !host.contains('/'))?;
    let reference = parse(&format!("{host}/x")).ok()?;
    matches!(reference.repository(), "x" | "library/x").then_some(reference.host)
}

fn invalid(message: String) -> ParseError {
    ParseError::new(ProblemCode::InvalidImageReference, message)
}

fn parse(text: &str) -> Result<ImageReference, Misfit> {
    if let Some((at, _)) = text.char_indices().nth(MAX_REFERENCE) {
        return Err((format!("An image has at most {MAX_REFERENCE} characters: shorten it."), at));
    }
    if let Some(at) = text.find("://") {
        return Err((format!("Leave out `{}`: an image has no scheme.", quoted_scheme(&text[..at])), 0));
    }
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| !c.is_ascii_graphic()) {
        let message = if c.is_whitespace() {
            "An image has no spaces: remove what is not part of it.".to_owned()
        } else {
            format!("{} can't be in an image's name: remove it.", quoted(&c.to_string()))
        };
        return Err((message, at));
    }
    let (before_digest, digest) = match text.split_once('@') {
        Some((before, digest)) => {
            check_digest(digest).map_err(|(message, at)| (message, before.len() + 1 + at))?;
            (before, Some(digest))
        }
        None => (text, None),
    };
    let (host, rest) = split_host(before_digest);
    if let Some(host) = host {
        check_host(host)?;
    }
    let path_start = host.map_or(0, |host| host.len() + 1);
    let (path, tag) = match rest.split_once(':') {
        Some((path, tag)) => {
            check_tag(tag).map_err(|(message, at)| (message, path_start + path.len() + 1 + at))?;
            (path, Some(tag))
        }
        None => (rest, None),
    };
    check_path(path).map_err(|(message, at)| (message, path_start + at))?;
    if host.is_none() && path.len() == 64 && path.bytes().all(|b| b.is_ascii_hexdigit()) {
        let message = "This is an image's id: enter its name, or `name@sha256:…` for exactly this image.";
        return Err((message.to_owned(), 0));
    }

    let host = match host.map(str::to_ascii_lowercase) {
        None => DEFAULT_HOST.to_owned(),
        Some(host) if DOCKER_HUB.contains(&&*host) => DEFAULT_HOST.to_owned(),
        Some(host) => host,
    };
    let namespace = if host == DEFAULT_HOST && !path.contains('/') { DEFAULT_NAMESPACE } else { "" };
    let tag = tag.or(if digest.is_none() { Some(DEFAULT_TAG) } else { None });
    Ok(ImageReference {
        text: text.to_owned(),
        host,
        repository: format!("{namespace}{path}"),
        tag: tag.map(str::to_owned),
        digest: digest.map(str::to_owned),
    })
}

fn quoted_scheme(scheme: &str) -> String {
    let known: String = scheme.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    format!("{known}://")
}

/// The host, where the text has one, and the rest behind its slash.
fn split_host(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':', '[']) || first.eq_ignore_ascii_case("localhost") => {
            (Some(first), rest)
        }
        _ => (None, text),
    }
}

impl TryFrom<String> for ImageReference {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(reference: ImageReference) -> Self {
        reference.text
    }
}

impl fmt::Display for ImageReference {
    /// The reference as typed, without surrounding white space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
