//! The catalogue of base images, which the form of a spec suggests.

mod edit_dialog;
mod graphql;
mod page;

pub use graphql::BaseImageType;
pub use page::BaseImagesPage;
