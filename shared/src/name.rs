//! The name of an image spec.
use serde::{Deserialize, Serialize};
/// The name of an image spec (rule to be written).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageName(String);
