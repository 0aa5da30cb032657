//! Requirements of the conda list: match specifications, as rattler reads them leniently.
//!
//! ```text
//! (channel(/subdir):(namespace):)name(version(build))[key=value,…]
//! ```
//!
//! Lenient, because the reference's own `conda-forge::numpy==1.17*` is valid only so. What leniency would also let pass
//! is refused before: options, quotes around the whole, and what is given twice.
//!
//! # Canonical form
//!
//! The text as typed, with white space normalised outside of quotes: each run is one space, and none is left between the
//! name and a comparison (`numpy >=1`), behind a comparison (`>= 1`), around `,` and `|`, and before `[`; inside of
//! brackets none is left behind `[` and `,`, and around `=`.

use rattler_conda_types::{MatchSpec, ParseMatchSpecError, ParseStrictness};

use super::url_rules::refuse_credentials;
use crate::problem::{ParseError, ProblemCode, quoted};

/// A conda package to install.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CondaRequirement {
    text: String,
    canonical: String,
}

/// The most `(` in a requirement: the grammar recurses on each.
const MAX_PARENTHESES: usize = 20;

impl CondaRequirement {
    /// Reads one requirement.
    ///
    /// # Errors
    /// The text breaks a rule of lines, or is no requirement of this list. Columns count from the start of `text`.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let requirement = super::parse_with(text, |requirement| super::contained(|| read(requirement)).map(|_| ()))?;
        Ok(Self { text: requirement.to_owned(), canonical: canonical(requirement) })
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
}

fn invalid(message: impl Into<String>) -> ParseError {
    ParseError::new(ProblemCode::InvalidRequirement, message)
}

/// Judges a requirement by the grammar.
fn read(text: &str) -> Result<MatchSpec, ParseError> {
    refuse_credentials(text)?;
    if let Some(at) = option_in(text) {
        return Err(invalid("Options can't be given here: enter a package only.").at(text, at));
    }
    if text.matches('(').count() > MAX_PARENTHESES {
        return Err(invalid(format!("A version has at most {MAX_PARENTHESES} parentheses: shorten it.")));
    }
    let bracket = text.find('[').unwrap_or(text.len());
    let strange = |c: char| !c.is_ascii() && !c.is_whitespace() || matches!(c, '#' | ';' | '`' | '\\' | '$');
    if let Some((at, c)) = text[..bracket].char_indices().find(|&(_, c)| strange(c)) {
        // A regular expression as build ends with `$`.
        if c != '$' || !text.contains('^') {
            return Err(invalid(format!("`{c}` can't be in a conda package.")).at(text, at));
        }
    }
    if let Some(at) = text.find('[').filter(|_| !text.ends_with(']')) {
        return Err(invalid("Close the brackets, `[key=value,key=value]`, and end with them.").at(text, at));
    }
    if let Some(at) = second_name(text) {
        return Err(invalid(super::has_a_space(text)).at(text, at));
    }
    let spec = MatchSpec::from_str(text, ParseStrictness::Lenient).map_err(|error| explained(&error, text))?;
    if let Some(key) = key_twice(text).or_else(|| given_twice(text)) {
        let message = format!("The {key} is given twice, and only one of them could count: remove one.");
        return Err(invalid(message).at(text, text.find('[').unwrap_or_default()));
    }
    if spec.url.as_ref().is_some_and(|url| !matches!(url.scheme(), "http" | "https")) {
        return Err(invalid(NO_FILES));
    }
    let channel = spec.channel.as_ref().map(|channel| channel.base_url.as_ref().scheme());
    if channel.is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(invalid(NO_FILES));
    }
    if text.split_once(':').is_some_and(|(channel, _)| channel.split('/').any(|part| part == "..")) {
        return Err(invalid("Name a channel, such as `conda-forge`, without `..`."));
    }
    if let Some(build) = &spec.build {
        let build = build.to_string();
        let regex = build.starts_with('^') && build.ends_with('$');
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.+*".contains(c);
        if !regex && !build.trim_start_matches('=').chars().all(plain) {
            let at = text.rfind(&build).unwrap_or_default();
            let message = if build.contains(char::is_whitespace) {
                super::has_a_space(text)
            } else if build.starts_with(['<', '>', '!', '~']) {
                "Put a comma between two versions: write, for example, `numpy>=1.26,<2`.".to_owned()
            } else {
                format!("{} is no build: write `name=version=build`.", quoted(&build))
            };
            return Err(invalid(message).at(text, at));
        }
    }
    Ok(spec)
}

/// What stands both before and within the brackets. The brackets would win without a word.
fn given_twice(text: &str) -> Option<&'static str> {
    let bracket = text.find('[')?;
    let spec = |text: &str| MatchSpec::from_str(text, ParseStrictness::Lenient).ok();
    let (outside, inside) = (spec(&text[..bracket])?, spec(&format!("name{}", &text[bracket..]))?);
    let both = |key, outside: bool, inside: bool| (outside && inside).then_some(key);
    both("version", outside.version.is_some(), inside.version.is_some())
        .or(both("build", outside.build.is_some(), inside.build.is_some()))
        .or(both("channel", outside.channel.is_some(), inside.channel.is_some()))
        .or(both("subdir", outside.subdir.is_some(), inside.subdir.is_some()))
        .or(both("namespace", outside.namespace.is_some(), inside.namespace.is_some()))
}

/// A key that stands twice in the brackets. The last one would win without a word.
fn key_twice(text: &str) -> Option<&str> {
    let inside = text.strip_suffix(']')?.split_once('[')?.1;
    let mut keys = Vec::new();
    let (mut quote, mut depth, mut start) = (None, 0_u32, 0);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            _ if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            '[' if quote.is_none() => depth += 1,
            ']' if quote.is_none() => depth = depth.saturating_sub(1),
            ',' if quote.is_none() && depth == 0 || at == inside.len() => {
                let key = inside[start..at].split('=').next().unwrap_or_default().trim();
                if keys.contains(&key) {
                    return Some(key);
                }
                keys.push(key);
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

const NO_FILES: &str =
    "Files of your machine can't be reached from a build: use a channel's name or an `https://` URL.";

/// Where an option such as `-c` begins.
fn option_in(text: &str) -> Option<usize> {
    text.match_indices(|c: char| c.is_whitespace() || c == '\u{a0}')
        .map(|(at, blank)| at + blank.len())
        .find(|&at| text[at..].starts_with('-') && !in_brackets(text, at))
}

/// Where a second word begins that looks like another package: `numpy pandas`. To conda it would be a version.
fn second_name(text: &str) -> Option<usize> {
    let (name, rest) = text.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let plain = !name.contains(['<', '>', '=', '!', '~', '[', '(', '*']);
    (plain && rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')).then(|| text.len() - rest.len())
}

/// Whether the byte at `at` is behind the first `[`.
fn in_brackets(text: &str, at: usize) -> bool {
    text.find('[').is_some_and(|bracket| bracket < at)
}

/// What the grammar says, as a sentence.
fn explained(error: &ParseMatchSpecError, text: &str) -> ParseError {
    let message: String = match error {
        ParseMatchSpecError::InvalidVersionAndBuild(rest) => {
            let message = format!(
                "{} is no version: write, for example, `numpy`, `numpy=1.26`, `numpy>=1.26,<2` or `numpy=1.26=py312*`.",
                quoted(rest)
            );
            let at = if rest.is_empty() { text.len() } else { text.rfind(rest.as_str()).unwrap_or_default() };
            return invalid(message).at(text, at);
        }
        ParseMatchSpecError::InvalidBracketKey(key) => {
            let message = format!(
                "{} can't stand in brackets: use keys such as `version`, `build`, `channel`, `subdir` or `sha256`.",
                quoted(key)
            );
            let at = text.find('[').map_or(0, |at| at + 1);
            return invalid(message).at(text, at);
        }
        ParseMatchSpecError::InvalidBracket => {
            let at = text.find(['[', ']']).unwrap_or_default();
            return invalid("Write what stands in brackets as `[key=value,key=value]`.").at(text, at);
        }
        ParseMatchSpecError::MissingPackageName => {
            "A package's name is missing: write, for example, `numpy>=1.26`.".into()
        }
        ParseMatchSpecError::OnlyExactPackageNameMatchersAllowedGlob(name)
        | ParseMatchSpecError::OnlyExactPackageNameMatchersAllowedRegex(name) => {
            format!("{} is a pattern: enter one package's name.", quoted(name))
        }
        ParseMatchSpecError::InvalidPackageNameMatcher(_) => {
            "A conda package's name has letters, digits, `-`, `_` and `.`: write, for example, `conda-forge::numpy`."
                .into()
        }
        other => super::pip::sentence(&format!("this is no conda package: {other}")),
    };
    invalid(message).at(text, text.find('[').unwrap_or_default())
}

/// The canonical form of a requirement that the grammar took.
fn canonical(text: &str) -> String {
    let mut form = String::with_capacity(text.len());
    let mut quote = None;
    let mut brackets = false;
    let mut blank = false;
    for c in text.chars() {
        if quote.is_none() && c.is_whitespace() {
            blank = true;
            continue;
        }
        if blank {
            blank = false;
            if !is_loose(&form, c, brackets) {
                form.push(' ');
            }
        }
        match c {
            _ if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            '[' if quote.is_none() => brackets = true,
            ']' if quote.is_none() => brackets = false,
            _ => {}
        }
        form.push(c);
    }
    form
}

/// Whether white space between `before` and `next` says nothing.
fn is_loose(before: &str, next: char, brackets: bool) -> bool {
    let comparison = |c: char| matches!(c, '<' | '>' | '=' | '!' | '~');
    let separator = |c: char| matches!(c, ',' | '|');
    let last = before.chars().next_back().unwrap_or(' ');
    let only_name = !before.contains(|c: char| comparison(c) || separator(c) || c == ' ' || c == '*');
    if brackets {
        return matches!(last, '[' | ',' | '=') || next == '=';
    }
    separator(last) || separator(next) || next == '[' || comparison(last) || only_name && comparison(next)
}

#[cfg(test)]
mod tests;
