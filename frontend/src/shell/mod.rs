//! What surrounds the pages, and the pages that belong to no feature.

mod graphql;
mod header;
mod help;
mod not_found;
mod registry;
mod theme;

pub use header::Header;
pub use help::RegistryHelpPage;
pub use not_found::{NotFoundPage, SignInRoute};
pub use registry::RegistryBanner;
