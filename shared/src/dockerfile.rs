//! The Dockerfile of a revision.
//!
//! It is a pure function of the base image and the requirements. Each requirement is one single-quoted word of a RUN
//! instruction's shell command, verbatim, on a continuation line that begins with its quote: it can begin neither an
//! instruction nor a comment nor a here-document, nothing in it is expanded, and it ends no line. A list that is too long
//! for a shell command, which is one argument of at most 128 KiB, is a RUN instruction in exec form instead: each
//! requirement is then one word of a JSON array, and an argument of its own.
//!
//! Order: apt, conda, pip; a list without requirements leaves nothing behind. Pip requirements go to the `python3` that
//! is first in PATH then, which is conda's where conda brought one.
//!
//! The instructions of each list make one layer. The builder carries them out one by one, each as a Dockerfile of its own
//! ([`of_layer`]) on the layers below it, so that a layer is known again wherever the layers below are the same.
//!
//! The builder supplies
//! - the folder `tools` of the build context, with the scripts `apt-install`, `conda-install` and `pip-install`, each of
//!   which installs the words that it is called with. Their caches are `/.cooperage-apt`, `/.cooperage-conda` and
//!   `/.cooperage-pip`: folders at the top level, because a mount's target leaves the image again but its parents stay;
//! - the build argument `COOPERAGE_CONDA_PREFIX`, where conda packages go, and `COOPERAGE_CONDA_PATH`, what is put before
//!   PATH for it: the prefix's `bin` and a colon, or nothing where the base's PATH has it;
//! - the build argument `COOPERAGE_BASE_USER`, the base image's own user; empty where it has none.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::image_reference::ImageReference;
use crate::packages::Requirements;
use crate::requirement::single_quoted;
use crate::revision::hex;

/// PATH in a base image that sets none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The longest shell command in bytes; a longer one is in exec form.
const MAX_SHELL_COMMAND: usize = 120_000;

/// The Dockerfile of a whole revision.
pub(crate) fn text(base_image: &ImageReference, requirements: &Requirements) -> String {
    let layers = layers(base_image, requirements);
    of_layer(base_image, &layers.iter().map(|layer| layer.instructions.as_str()).collect::<String>())
}

/// The Dockerfile of one layer's instructions, and of several layers' where they are joined.
pub(crate) fn of_layer(base_image: &ImageReference, instructions: &str) -> String {
    format!("FROM {base_image}\nUSER 0:0\n{instructions}ARG COOPERAGE_BASE_USER=\nUSER ${{COOPERAGE_BASE_USER}}\n")
}

/// What one list of a spec adds to the base image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The name of the list on screen: APT, Conda or Pip.
    pub list: &'static str,
    /// How many requirements it has.
    pub requirements: usize,
    /// One RUN, and what it needs.
    pub instructions: String,
}

/// Each layer, lowest first.
pub(crate) fn layers(base_image: &ImageReference, requirements: &Requirements) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut add = |list, requirements, instructions| layers.push(Layer { list, requirements, instructions });
    if !requirements.apt.is_empty() {
        // Package lists and archives of two distributions never mix.
        let key = hex(&Sha256::digest(base_image.canonical().as_bytes())[..4]);
        let cache = format!("id=cooperage-apt-{key},target=/.cooperage-apt,sharing=locked");
        let words = requirements.apt.iter().map(|requirement| requirement.as_str());
        add("APT", requirements.apt.len(), run("apt-install", &cache, words));
    }
    if !requirements.conda.is_empty() {
        let cache = "id=cooperage-conda,target=/.cooperage-conda,sharing=shared";
        let words = requirements.conda.iter().map(|requirement| requirement.as_str());
        let instructions = format!(
            "ARG COOPERAGE_CONDA_PREFIX=/opt/conda\nARG COOPERAGE_CONDA_PATH=/opt/conda/bin:\n\
             ENV PATH=${{COOPERAGE_CONDA_PATH}}${{PATH:-{DEFAULT_PATH}}}\n{}",
            run("conda-install", cache, words)
        );
        add("Conda", requirements.conda.len(), instructions);
    }
    if !requirements.pip.is_empty() {
        let cache = "id=cooperage-pip,target=/.cooperage-pip,sharing=shared";
        let words = requirements.pip.iter().map(|requirement| requirement.as_str());
        add("Pip", requirements.pip.len(), run("pip-install", cache, words));
    }
    layers
}

/// A RUN instruction that calls a script with words.
fn run<'a>(script: &str, cache: &str, words: impl Iterator<Item = &'a str>) -> String {
    let command = format!("/.cooperage/{script}");
    let mounts =
        format!("RUN --mount=type=cache,{cache} \\\n    --mount=type=bind,source=tools,target=/.cooperage \\\n    ");
    let words: Vec<&str> = words.collect();
    let shell = words.iter().fold(format!("sh {command}"), |text, word| text + " \\\n    " + &single_quoted(word));
    if shell.len() <= MAX_SHELL_COMMAND {
        return format!("{mounts}{shell}\n");
    }
    let array: Vec<String> = ["sh", &command].into_iter().chain(words).map(json_string).collect();
    format!("{mounts}[{}]\n", array.join(", \\\n    "))
}

/// The text as a JSON string. Nothing but quotes and backslashes is escaped: a requirement has no control character.
fn json_string(text: &str) -> String {
    let escaped: Cow<'_, str> = match text.contains(['"', '\\']) {
        true => text.replace('\\', r"\\").replace('"', "\\\"").into(),
        false => text.into(),
    };
    format!("\"{escaped}\"")
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
