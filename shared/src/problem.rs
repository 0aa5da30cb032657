//! What is wrong with what a person typed, and where.

use serde::{Deserialize, Serialize};

/// The part of a spec that a problem or a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// `name`
    #[serde(rename = "name")]
    Name,
    /// `baseImage`
    #[serde(rename = "baseImage")]
    BaseImage,
    /// `pullSecret`
    #[serde(rename = "pullSecret")]
    PullSecret,
    /// `packages.apt`
    #[serde(rename = "packages.apt")]
    PackagesApt,
    /// `packages.conda`
    #[serde(rename = "packages.conda")]
    PackagesConda,
    /// `packages.pip`
    #[serde(rename = "packages.pip")]
    PackagesPip,
}
