//! The hash of a revision.
use serde::{Deserialize, Serialize};
/// SHA-256 of a revision's canonical form (to be written).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RevisionHash(String);
