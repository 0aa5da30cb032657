//! Secrets at rest: the key that seals pull secrets, and the token that every call needs.
//!
//! Both are made at first start, in files of mode 0600 in the data folder, unless they are given from outside. A lost key
//! cannot be made up for: every pull secret must then be entered again. Replicas share one key and one token.

mod key;
mod private_file;
mod token;

pub use key::{SealError, SecretKey};
pub use private_file::PrivateFileError;
pub use token::ApiToken;

/// A key or a token that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file cannot be read or made.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The key has the wrong form.
    #[error(
        "the secret key in {place} must be 64 hexadecimal digits. If the right one is lost, remove it, start again, and \
         enter every pull secret anew"
    )]
    Key {
        /// Where the key came from.
        place: String,
    },
    /// The token has the wrong form.
    #[error(
        "the token in {place} must be 16 to 256 visible ASCII characters without spaces, quotes, commas or semicolons"
    )]
    Token {
        /// Where the token came from.
        place: String,
    },
}
