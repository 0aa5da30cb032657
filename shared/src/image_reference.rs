//! References to images in registries.
use serde::{Deserialize, Serialize};
/// A reference (grammar to be written).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageReference(String);
