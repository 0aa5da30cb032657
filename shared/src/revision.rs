//! The hash of a revision.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::problem::{ParseError, ProblemCode};

/// SHA-256 of a revision's canonical form. People see its first 8 hex digits; only the whole hash ever decides anything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RevisionHash([u8; 32]);

impl RevisionHash {
    /// The hash of a canonical form.
    #[must_use]
    pub fn of(canonical_form: &str) -> Self {
        Self(Sha256::digest(canonical_form.as_bytes()).into())
    }

    /// The hash that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 8 hex digits, for people and for tags.
    #[must_use]
    pub fn short(&self) -> String {
        hex(&self.0[..4])
    }
}

/// Lowercase hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Display for RevisionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for RevisionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevisionHash({self})")
    }
}

impl FromStr for RevisionHash {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |b: u8| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        let parsed = text.len() == 64
            && text.as_bytes().chunks_exact(2).zip(&mut bytes).all(|(pair, byte)| {
                match (digit(pair[0]), digit(pair[1])) {
                    (Some(high), Some(low)) => {
                        *byte = high << 4 | low;
                        true
                    }
                    _ => false,
                }
            });
        if parsed {
            Ok(Self(bytes))
        } else {
            Err(ParseError::new(ProblemCode::Invalid, "A revision's hash is 64 lowercase hex digits."))
        }
    }
}

impl TryFrom<String> for RevisionHash {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RevisionHash> for String {
    fn from(hash: RevisionHash) -> Self {
        hash.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_as_64_hex_digits() {
        let hash = RevisionHash::of("");
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash.to_string(), text);
        assert_eq!(hash.short(), "e3b0c442");
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(serde_json::to_value(hash).unwrap(), serde_json::json!(text));
        assert_eq!(serde_json::from_value::<RevisionHash>(serde_json::json!(text)).unwrap(), hash);
    }

    #[test]
    fn refuses_all_else() {
        let upper = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        for text in ["", "e3b0c442", upper, &"é".repeat(32), &"g".repeat(64)] {
            assert!(text.parse::<RevisionHash>().is_err(), "{text}");
        }
    }
}
