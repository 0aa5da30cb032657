//! Credentials to read from private registries. A password is written and never read.

mod edit_dialog;
mod graphql;
mod page;

pub use page::PullSecretsPage;
