//! The parts of a reference: each is judged alone, and an error tells the byte of its own text.

use std::net::Ipv6Addr;

use crate::problem::quoted;

const MAX_HOST: usize = 255;
const MAX_PATH: usize = 255;
const MAX_TAG: usize = 128;

/// A message, and the byte of the judged text where it applies.
pub(super) type Misfit = (String, usize);

pub(super) fn check_host(text: &str) -> Result<(), Misfit> {
    let bad = |what: &str, at: usize| Err((format!("{} is no registry host: {what}", quoted(text)), at));
    if text.len() > MAX_HOST {
        return Err((format!("A registry host has at most {MAX_HOST} characters: shorten it."), MAX_HOST));
    }
    let (name, port) = if let Some(bracketed) = text.strip_prefix('[') {
        let Some((address, after)) = bracketed.split_once(']') else {
            return bad("close the IPv6 address with `]`.", 0);
        };
        if address.parse::<Ipv6Addr>().is_err() {
            return bad("between `[` and `]` stands an IPv6 address, such as `[::1]`.", 1);
        }
        match after.strip_prefix(':') {
            Some(port) => ("", Some(port)),
            None if after.is_empty() => ("", None),
            None => return bad("after `]` comes `:` and a port, or `/`.", address.len() + 2),
        }
    } else {
        match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        }
    };
    if let Some(port) = port {
        let number = port.parse::<u16>().is_ok_and(|number| number > 0);
        if !number || !port.bytes().all(|b| b.is_ascii_digit()) {
            return bad("a port is a number from 1 to 65535.", text.len() - port.len());
        }
    }
    if text.starts_with('[') {
        return Ok(());
    }
    let mut at = 0;
    for label in name.split('.') {
        if let Some((offset, c)) = label.char_indices().find(|&(_, c)| !c.is_ascii_alphanumeric() && c != '-') {
            return bad(&format!("`{c}` can't be in it."), at + offset);
        }
        if label.is_empty() || label.starts_with('-') || label.ends_with('-') {
            return bad("each part between dots begins and ends with a letter or digit.", at);
        }
        at += label.len() + 1;
    }
    Ok(())
}

pub(super) fn check_path(path: &str) -> Result<(), Misfit> {
    let mut at = 0;
    for component in path.split('/') {
        check_component(component).map_err(|(message, offset)| (message, at + offset))?;
        at += component.len() + 1;
    }
    if path.len() > MAX_PATH {
        return Err((format!("The path of an image has at most {MAX_PATH} characters: shorten it."), MAX_PATH));
    }
    Ok(())
}

fn check_component(component: &str) -> Result<(), Misfit> {
    let plain = |c: char| matches!(c, 'a'..='z' | '0'..='9');
    let separator = |c: char| matches!(c, '.' | '_' | '-');
    if component.is_empty() {
        return Err(("A part of the image's name is missing here: write `host/path:tag`.".to_owned(), 0));
    }
    if let Some((at, c)) = component.char_indices().find(|&(_, c)| !plain(c) && !separator(c)) {
        let message = if c.is_ascii_uppercase() {
            format!(
                "An image's path is all lowercase: write `{}` for `{c}`. (A registry host has a `.` or a port.)",
                c.to_ascii_lowercase()
            )
        } else {
            format!("`{c}` can't be in an image's path: use lowercase letters, digits, `.`, `_`, `-` and `/`.")
        };
        return Err((message, at));
    }
    let edge = |at: usize| {
        Err((
            format!("Each part of an image's path begins and ends with a letter or digit: {}.", quoted(component)),
            at,
        ))
    };
    if component.starts_with(separator) {
        return edge(0);
    }
    if component.ends_with(separator) {
        return edge(component.len() - 1);
    }
    let mut rest = component;
    while let Some(start) = rest.find(separator) {
        let run_end = rest[start..].find(plain).map_or(rest.len(), |end| start + end);
        let run = &rest[start..run_end];
        if !(run.len() == 1 || run == "__" || run.bytes().all(|b| b == b'-')) {
            let at = component.len() - rest.len() + start;
            return Err((
                format!("{} can't be in an image's path: use one `.`, `_`, `__` or hyphens.", quoted(run)),
                at,
            ));
        }
        rest = &rest[run_end..];
    }
    Ok(())
}

pub(super) fn check_tag(tag: &str) -> Result<(), Misfit> {
    if tag.is_empty() {
        return Err(("Enter a tag after `:`, such as `latest`, or leave out the `:`.".to_owned(), 0));
    }
    if let Some((at, c)) =
        tag.char_indices().find(|&(_, c)| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-'))
    {
        let what = quoted(&c.to_string());
        return Err((format!("{what} can't be in a tag: use letters, digits, `_`, `.` and `-`."), at));
    }
    if tag.starts_with(['.', '-']) {
        return Err((format!("A tag begins with a letter, digit or `_`, not with `{}`.", &tag[..1]), 0));
    }
    if tag.len() > MAX_TAG {
        return Err((format!("A tag has at most {MAX_TAG} characters: shorten it."), MAX_TAG));
    }
    Ok(())
}

pub(super) fn check_digest(digest: &str) -> Result<(), Misfit> {
    const EXPECTED: &str = "A digest is `sha256:` and 64 lowercase hex digits: copy it whole.";
    let (algorithm, hex) = digest.split_once(':').ok_or((EXPECTED.to_owned(), 0))?;
    let length = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return Err((EXPECTED.to_owned(), 0)),
    };
    let start = algorithm.len() + 1;
    if let Some((at, _)) = hex.char_indices().find(|&(_, c)| !matches!(c, '0'..='9' | 'a'..='f')) {
        return Err((EXPECTED.to_owned(), start + at));
    }
    if hex.len() != length {
        return Err((format!("This digest has {} hex digits in place of {length}: copy it whole.", hex.len()), start));
    }
    Ok(())
}
