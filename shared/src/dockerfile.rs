//! The Dockerfile of a revision.
//!
//! It is a pure function of the base image and the requirements. Each requirement is one single-quoted word of a RUN
//! instruction's shell command, verbatim, on a continuation line that begins with a quote: it can begin neither an
//! instruction nor a comment, nothing in it is expanded, and it ends no line.
//!
//! The builder gives the folder `tools` of the build context, which holds the scripts `apt-install`, `conda-install` and
//! `pip-install`, and the build arguments `COOPERAGE_CONDA_PREFIX` (where conda packages go) and `COOPERAGE_BASE_USER`
//! (the base image's own user; empty where it has none).

use sha2::{Digest, Sha256};

use crate::image_reference::ImageReference;
use crate::packages::Requirements;
use crate::revision::hex;

/// The Dockerfile.
pub(crate) fn text(base_image: &ImageReference, requirements: &Requirements) -> String {
    let mut text = format!("FROM {base_image}\nUSER 0:0\n");
    if !requirements.apt.is_empty() {
        let key = hex(&Sha256::digest(base_image.canonical().as_bytes())[..4]);
        let archives =
            format!("type=cache,id=cooperage-apt-archives-{key},target=/var/cache/apt/archives,sharing=locked");
        let lists = format!("type=cache,id=cooperage-apt-lists-{key},target=/var/lib/apt/lists,sharing=locked");
        let words = requirements.apt.iter().map(|requirement| requirement.as_str());
        text.push_str(&run("apt-install", &[&archives, &lists], words));
    }
    if !requirements.conda.is_empty() {
        let cache = "type=cache,id=cooperage-conda,target=/var/cache/cooperage/conda,sharing=shared";
        let words = requirements.conda.iter().map(|requirement| requirement.as_str());
        text.push_str("ARG COOPERAGE_CONDA_PREFIX=/opt/conda\n");
        text.push_str(&run("conda-install", &[cache], words));
        text.push_str("ENV PATH=${COOPERAGE_CONDA_PREFIX}/bin:${PATH}\n");
    }
    if !requirements.pip.is_empty() {
        let cache = "type=cache,id=cooperage-uv,target=/var/cache/cooperage/uv,sharing=shared";
        let words = requirements.pip.iter().map(|requirement| requirement.as_str());
        text.push_str(&run("pip-install", &[cache], words));
    }
    text.push_str("ARG COOPERAGE_BASE_USER=\nUSER ${COOPERAGE_BASE_USER}\n");
    text
}

/// A RUN instruction that calls a script with words.
fn run<'a>(script: &str, caches: &[&str], words: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::from("RUN ");
    for mount in caches {
        text.push_str(&format!("--mount={mount} \\\n    "));
    }
    text.push_str(&format!("--mount=type=bind,source=tools,target=/.cooperage \\\n    sh /.cooperage/{script}"));
    for word in words {
        text.push_str(&format!(" \\\n    {}", single_quoted(word)));
    }
    text.push('\n');
    text
}

/// The text as one word of a POSIX shell, which expands nothing in it.
pub(crate) fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
