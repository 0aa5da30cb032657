//! The canonical form of a revision's content, whose SHA-256 is the revision's hash.
//!
//! It is UTF-8 text of lines, each ended by `\n` (the last one too):
//!
//! 1. `cooperage revision 1`, the version of the form;
//! 2. `base ` and the base image in canonical form ([`ImageReference::canonical`]);
//! 3. for each requirement `apt `, `conda ` or `pip ` and its canonical form, which has no line break. Lines that are the
//!    same stand once, and all are in the order of their bytes.
//!
//! The canonical form of a requirement leaves out white space around it and its comment. Beyond that:
//! - apt: the requirement as typed;
//! - conda: outside of quotes each run of white space is one space, and none is left between the name and a comparison,
//!   behind a comparison, around `,` and `|`, and before `[`; inside of brackets none is left behind `[` and `,`, and
//!   around `=`. Letters keep their case;
//! - pip: `name[extra,…]specifiers ; marker`, `name[extra,…] @ URL ; marker` or `URL[extra,…] ; marker`, without the parts
//!   that are missing. Name and extras as PEP 503 normalises them, extras sorted by bytes, each once; specifiers as
//!   operator and version normalised by PEP 440, sorted by version and then by operator, neighbours that are the same
//!   once, joined by `,`; the URL as typed; the marker's tokens joined by single spaces, its strings in double quotes, or
//!   in single quotes where they hold a double quote.
//!
//! `tests/revisions.json` holds examples with their hashes.
//!
//! A change of any rule that changes the text of some content needs a new version in the first line.

use std::collections::BTreeSet;

use crate::image_reference::ImageReference;
use crate::packages::Requirements;

/// The canonical form.
pub(crate) fn form(base_image: &ImageReference, requirements: &Requirements) -> String {
    let apt = requirements.apt.iter().map(|requirement| format!("apt {}\n", requirement.canonical()));
    let conda = requirements.conda.iter().map(|requirement| format!("conda {}\n", requirement.canonical()));
    let pip = requirements.pip.iter().map(|requirement| format!("pip {}\n", requirement.canonical()));
    let lines: BTreeSet<String> = apt.chain(conda).chain(pip).collect();
    let mut text = format!("cooperage revision 1\nbase {}\n", base_image.canonical());
    text.extend(lines);
    text
}
