//! The requirement lists.

use serde::{Deserialize, Serialize};

/// Requirement lines as typed: blank lines and `#` comments are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Packages {
    /// Debian packages.
    pub apt: Vec<String>,
    /// Conda match specifications.
    pub conda: Vec<String>,
    /// PEP 508 requirements.
    pub pip: Vec<String>,
}
