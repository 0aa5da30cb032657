//! An image spec as a person gives it, and the valid content that a revision holds.

use serde::{Deserialize, Serialize};

use crate::packages::Packages;

#[cfg(feature = "grammars")]
use crate::{
    dockerfile::Layer,
    image_reference::ImageReference,
    name::ImageName,
    packages::Requirements,
    problem::{Field, ParseError, Problem, ProblemCode},
    revision::RevisionHash,
};

/// An image spec as a person gives it, in a form or in a file: nothing in it has been judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageSpecInput {
    /// The name; see [`ImageName`](crate::ImageName).
    pub name: String,
    /// The base image; see [`ImageReference`](crate::ImageReference).
    pub base_image: String,
    /// The name of the pull secret to read the base image with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<String>,
    /// The requirement lists.
    #[serde(default, deserialize_with = "crate::packages::null_as_default")]
    pub packages: Packages,
}

/// What a revision holds: valid, and immutable.
#[cfg(feature = "grammars")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The image to build upon.
    pub base_image: ImageReference,
    /// The requirement lines as typed.
    pub packages: Packages,
    /// The requirements that these lines hold.
    pub requirements: Requirements,
}

#[cfg(feature = "grammars")]
impl Content {
    /// Judges the content of a spec.
    ///
    /// # Errors
    /// Every problem that there is, the base image's first.
    pub fn parse(base_image: &str, packages: &Packages) -> Result<Self, Vec<Problem>> {
        let base = base_image
            .parse::<ImageReference>()
            .and_then(buildable)
            .map_err(|error| error.in_field(Field::BaseImage, None));
        let requirements = Requirements::parse(packages);
        match (base, requirements) {
            (Ok(base_image), Ok(requirements)) => Ok(Self { base_image, packages: packages.clone(), requirements }),
            (base, requirements) => {
                Err(base.err().into_iter().chain(requirements.err().into_iter().flatten()).collect())
            }
        }
    }

    /// The text that is the same for every spelling of the same content; see [`canonical`](crate::canonical).
    #[must_use]
    pub fn canonical_form(&self) -> String {
        crate::canonical::form(&self.base_image, &self.requirements)
    }

    /// The hash of the canonical form.
    #[must_use]
    pub fn revision(&self) -> RevisionHash {
        RevisionHash::of(&self.canonical_form())
    }

    /// The Dockerfile that builds it; see [`dockerfile`](crate::dockerfile).
    #[must_use]
    pub fn dockerfile(&self) -> String {
        crate::dockerfile::text(&self.base_image, &self.requirements)
    }

    /// Each layer of the Dockerfile, lowest first; none where there is nothing to install.
    #[must_use]
    pub fn layers(&self) -> Vec<Layer> {
        crate::dockerfile::layers(&self.base_image, &self.requirements)
    }

    /// The Dockerfile of one of these [`layers`](Self::layers), to be built on those below it.
    #[must_use]
    pub fn dockerfile_of_layer(&self, layer: &Layer) -> String {
        crate::dockerfile::of_layer(&self.base_image, &layer.instructions)
    }
}

/// Refuses what a Dockerfile takes for no image at all.
#[cfg(feature = "grammars")]
fn buildable(base_image: ImageReference) -> Result<ImageReference, ParseError> {
    if base_image.repository() == "library/scratch" {
        let message =
            "`scratch` is an empty image, and nothing can be installed in it: choose, for example, `debian:12`.";
        return Err(ParseError::new(ProblemCode::InvalidImageReference, message));
    }
    Ok(base_image)
}

/// Judges a whole spec.
///
/// # Errors
/// Every problem that there is, in the order of the form: name, base image, apt, conda, pip.
#[cfg(feature = "grammars")]
pub fn parse_spec(input: &ImageSpecInput) -> Result<(ImageName, Content), Vec<Problem>> {
    let name = input.name.parse::<ImageName>().map_err(|error| error.in_field(Field::Name, None));
    let content = Content::parse(&input.base_image, &input.packages);
    match (name, content) {
        (Ok(name), Ok(content)) => Ok((name, content)),
        (name, content) => Err(name.err().into_iter().chain(content.err().into_iter().flatten()).collect()),
    }
}
