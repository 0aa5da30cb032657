//! The key that seals pull secrets in the database, and from which builders' tokens follow.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use rand::TryRngCore as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{SecretsError, private_file};
use crate::config::{DataDir, Secret};

/// The first byte of a sealed secret: the scheme, so that another can follow.
const SCHEME: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Seals secrets with XChaCha20-Poly1305: `1 ‖ nonce (24 bytes) ‖ ciphertext and tag`. Name and host are
/// authenticated with it, so that a password does not open under another name, nor for a host it was not entered for.
#[derive(Clone)]
pub struct SecretKey(XChaCha20Poly1305);

/// A secret that cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// It was sealed with another key or under another name, or it was changed.
    #[error("the secret was sealed with another key or has been changed: enter its password again")]
    CannotOpen,
}

impl SecretKey {
    /// The key from outside, or the one in the data folder, made if need be.
    ///
    /// # Errors
    /// When the key has the wrong form, or its file cannot be read or made.
    pub fn load(given: Option<&Secret>, data: &DataDir) -> Result<Self, SecretsError> {
        match given {
            Some(key) => Self::parse(key.expose(), "COOPERAGE_SECRET_KEY"),
            None => {
                let path = data.secret_key();
                let text = Zeroizing::new(private_file::read_or_make(&path)?);
                Self::parse(&text, &path.display().to_string())
            }
        }
    }

    fn parse(text: &str, place: &str) -> Result<Self, SecretsError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice())
            .map_err(|_| SecretsError::Key { place: place.to_owned() })?;
        Ok(Self(XChaCha20Poly1305::new(bytes.as_slice().into())))
    }

    /// Seals `secret` under `name` and for `host`.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, name: &str, host: &str, secret: &Secret) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        rand::rngs::OsRng.try_fill_bytes(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &binding(name, host) };
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| SealError::CannotOpen)?;
        Ok([&[SCHEME], nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`seal`](Self::seal) made under the same `name` and `host`.
    ///
    /// # Errors
    /// When it was sealed with another key, name or host, or was changed.
    pub fn open(&self, name: &str, host: &str, sealed: &[u8]) -> Result<Secret, SealError> {
        let (scheme, rest) = sealed.split_first().ok_or(SealError::CannotOpen)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_BYTES).ok_or(SealError::CannotOpen)?;
        if *scheme != SCHEME {
            return Err(SealError::CannotOpen);
        }
        let payload = Payload { msg: ciphertext, aad: &binding(name, host) };
        let plain = self.0.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| SealError::CannotOpen)?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| SealError::CannotOpen)
    }

    /// The token by which the builder of a job delivers: 64 hexadecimal digits, the same on every server and whenever it is
    /// asked for, so that a start which is repeated changes nothing.
    ///
    /// It is XChaCha20's key stream for a nonce of the job's own. No seal has that nonce: theirs are random.
    ///
    /// # Errors
    /// None is known; the cipher's interface has one.
    pub fn delivery_token(&self, job: Uuid) -> Result<Secret, SealError> {
        let nonce = [b"delivery".as_slice(), job.as_bytes()].concat();
        let stream = self.0.encrypt(XNonce::from_slice(&nonce), [0_u8; 32].as_slice());
        let stream = Zeroizing::new(stream.map_err(|_| SealError::CannotOpen)?);
        Ok(Secret::new(hex::encode(&stream[..32])))
    }
}

/// Neither a name nor a host has a NUL in it.
fn binding(name: &str, host: &str) -> Vec<u8> {
    [name.as_bytes(), b"\0", host.as_bytes()].concat()
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: &str) -> SecretKey {
        SecretKey::parse(&digit.repeat(64), "test").unwrap()
    }

    #[test]
    fn what_is_sealed_opens_under_its_name_only() {
        let secret = Secret::new("hunter2 ☂".to_owned());
        let sealed = key("a").seal("hub", "host", &secret).unwrap();
        assert_eq!(key("a").open("hub", "host", &sealed).unwrap().expose(), "hunter2 ☂");
        assert!(matches!(key("a").open("other", "host", &sealed), Err(SealError::CannotOpen)));
        assert!(matches!(key("a").open("hub", "evil", &sealed), Err(SealError::CannotOpen)));
        assert!(matches!(key("b").open("hub", "host", &sealed), Err(SealError::CannotOpen)));
    }

    #[test]
    fn nothing_of_the_secret_shows_and_no_two_seals_are_alike() {
        let secret = Secret::new("hunter2".to_owned());
        let (one, two) =
            (key("a").seal("hub", "host", &secret).unwrap(), key("a").seal("hub", "host", &secret).unwrap());
        assert_ne!(one, two);
        assert!(!one.windows(7).any(|window| window == b"hunter2"));
    }

    #[test]
    fn a_jobs_token_is_its_own_and_stays() {
        let [one, other] = [1, 2].map(Uuid::from_u128);
        let token = |digit, job| key(digit).delivery_token(job).unwrap().expose().to_owned();
        assert_eq!(token("a", one), token("a", one));
        assert_eq!(token("a", one).len(), 64);
        assert_ne!(token("a", one), token("a", other));
        assert_ne!(token("a", one), token("b", one));
        assert!(token("a", one).bytes().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn a_change_or_a_cut_anywhere_is_noticed() {
        let sealed = key("a").seal("hub", "host", &Secret::new("hunter2".to_owned())).unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(key("a").open("hub", "host", &changed).is_err(), "byte {place}");
            assert!(key("a").open("hub", "host", &sealed[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn a_key_of_the_wrong_form_is_told_with_its_place() {
        let error = SecretKey::parse("abc", "the file x").unwrap_err();
        assert!(error.to_string().contains("the file x"), "{error}");
    }
}
