//! The list of image specs.

mod graphql;
mod page;
mod row;
mod search;

pub use page::ListPage;
