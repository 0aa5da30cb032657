//! The Dockerfile of a revision.
//!
//! It is a pure function of the base image and the requirements. Each requirement is one single-quoted word of a RUN
//! instruction's shell command, verbatim, on a continuation line that begins with its quote: it can begin neither an
//! instruction nor a comment nor a here-document, nothing in it is expanded, and it ends no line.
//!
//! Order: apt, conda, pip; a list without requirements leaves nothing behind. Pip requirements go to the `python3` that
//! is first in PATH then, which is conda's where conda brought one.
//!
//! The builder supplies
//! - the folder `tools` of the build context, with the scripts `apt-install`, `conda-install` and `pip-install`, each of
//!   which installs the words that it is called with. Their caches are `/.cooperage-apt`, `/.cooperage-conda` and
//!   `/.cooperage-pip`: folders at the top level, because a mount's target leaves the image again but its parents stay;
//! - the build argument `COOPERAGE_CONDA_PREFIX`, where conda packages go, and `COOPERAGE_CONDA_PATH`, what is put before
//!   PATH for it: the prefix's `bin` and a colon, or nothing where the base's PATH has it;
//! - the build argument `COOPERAGE_BASE_USER`, the base image's own user; empty where it has none.

use sha2::{Digest, Sha256};

use crate::image_reference::ImageReference;
use crate::packages::Requirements;
use crate::requirement::single_quoted;
use crate::revision::hex;

/// PATH in a base image that sets none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The Dockerfile.
pub(crate) fn text(base_image: &ImageReference, requirements: &Requirements) -> String {
    let mut text = format!("FROM {base_image}\nUSER 0:0\n");
    if !requirements.apt.is_empty() {
        // Package lists and archives of two distributions never mix.
        let key = hex(&Sha256::digest(base_image.canonical().as_bytes())[..4]);
        let cache = format!("id=cooperage-apt-{key},target=/.cooperage-apt,sharing=locked");
        text.push_str(&run("apt-install", &cache, requirements.apt.iter().map(|requirement| requirement.as_str())));
    }
    if !requirements.conda.is_empty() {
        let cache = "id=cooperage-conda,target=/.cooperage-conda,sharing=shared";
        text.push_str("ARG COOPERAGE_CONDA_PREFIX=/opt/conda\n");
        text.push_str(&run("conda-install", cache, requirements.conda.iter().map(|requirement| requirement.as_str())));
        text.push_str("ARG COOPERAGE_CONDA_PATH=/opt/conda/bin:\n");
        text.push_str(&format!("ENV PATH=${{COOPERAGE_CONDA_PATH}}${{PATH:-{DEFAULT_PATH}}}\n"));
    }
    if !requirements.pip.is_empty() {
        let cache = "id=cooperage-pip,target=/.cooperage-pip,sharing=shared";
        text.push_str(&run("pip-install", cache, requirements.pip.iter().map(|requirement| requirement.as_str())));
    }
    text.push_str("ARG COOPERAGE_BASE_USER=\nUSER ${COOPERAGE_BASE_USER}\n");
    text
}

/// A RUN instruction that calls a script with words.
fn run<'a>(script: &str, cache: &str, words: impl Iterator<Item = &'a str>) -> String {
    let mut text = format!(
        "RUN --mount=type=cache,{cache} \\\n    --mount=type=bind,source=tools,target=/.cooperage \\\n    \
         sh /.cooperage/{script}"
    );
    for word in words {
        text.push_str(" \\\n    ");
        text.push_str(&single_quoted(word));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_end_nowhere_but_at_the_end() {
        assert_eq!(single_quoted("numpy>=1"), "'numpy>=1'");
        assert_eq!(single_quoted("a;os_name=='x'"), r"'a;os_name=='\''x'\'''");
        for text in ["a'b'", "''", "$(id) `id` \\ \" # !", "a\\'"] {
            assert_eq!(shlex::split(&single_quoted(text)), Some(vec![text.to_owned()]));
        }
    }
}
