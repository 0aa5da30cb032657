//! The canonical form of a revision's content, whose SHA-256 is the revision's hash.
//!
//! It is UTF-8 text of lines, each ended by `\n` (the last one too):
//!
//! 1. `cooperage revision 1`, the version of the form;
//! 2. `base ` and the base image in canonical form ([`ImageReference::canonical`]);
//! 3. for each requirement `apt `, `conda ` or `pip ` and its canonical form, which has no line break. Lines that are the
//!    same stand once, and all are in the order of their bytes.
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
