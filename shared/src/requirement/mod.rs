//! The requirements of a spec: what each list takes on a line.

mod apt;
#[cfg(feature = "grammars")]
mod conda;
mod line;
#[cfg(feature = "grammars")]
mod pip;

pub use apt::AptRequirement;
#[cfg(feature = "grammars")]
pub use conda::CondaRequirement;
pub use line::{MAX_LINE_CHARS, requirement_of_line};
#[cfg(feature = "grammars")]
pub use pip::PipRequirement;
