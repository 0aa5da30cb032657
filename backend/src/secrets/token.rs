//! The token that every call needs.

use subtle::ConstantTimeEq as _;

use super::{SecretsError, private_file};
use crate::config::{DataDir, Secret};

/// The token that every call needs.
#[derive(Clone, Debug)]
pub struct ApiToken(Secret);

impl ApiToken {
    /// The token from outside, or the one in the data folder, made if need be.
    ///
    /// # Errors
    /// When the token has characters that do not fit into a header, is easily guessed by its length, or its file cannot be
    /// read or made.
    pub fn load(given: Option<&Secret>, data: &DataDir) -> Result<Self, SecretsError> {
        let (token, place) = match given {
            Some(token) => (token.clone(), "COOPERAGE_TOKEN".to_owned()),
            None => {
                let path = data.token();
                (Secret::new(private_file::read_or_make(&path)?), path.display().to_string())
            }
        };
        let fits = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b',' | b';' | b'\\');
        if !(16..=256).contains(&token.expose().len()) || !token.expose().bytes().all(fits) {
            return Err(SecretsError::Token { place });
        }
        Ok(Self(token))
    }

    /// Whether `presented` is the token; takes as long for any text of the same length.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        self.0.expose().as_bytes().ct_eq(presented.as_bytes()).into()
    }

    /// The token itself: for the sign-in URL and the cookie.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Result<ApiToken, SecretsError> {
        ApiToken::load(Some(&Secret::new(text.to_owned())), &DataDir::new("/nonexistent".into()))
    }

    #[test]
    fn only_the_whole_token_matches() {
        let token = given("0123456789abcdef").unwrap();
        assert!(token.matches("0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef0"] {
            assert!(!token.matches(other), "{other}");
        }
    }

    #[test]
    fn a_token_that_a_header_or_a_guess_would_break_is_refused() {
        for text in ["short", "0123456789 abcdef", "0123456789;abcdef", "0123456789\nabcdef", "0123456789ä-abcdef"] {
            assert!(given(text).is_err(), "{text}");
        }
    }
}
