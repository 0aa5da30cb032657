//! Keeps secrets out of the log.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::delivery::protocol::{BuildSettings, Credentials, RegistryLogin};

/// What stands in place of a secret.
const MASK: &[u8] = b"***";
/// Shorter words are no secrets: masking them would make a log unreadable and hide nothing.
const SHORTEST: usize = 4;

/// Replaces every secret of a job, in each form in which programs print it.
pub(super) struct Mask {
    /// Longest first, so that no secret hides the rest of a longer one.
    words: Vec<Zeroizing<Vec<u8>>>,
}

impl Mask {
    /// The secrets of a job's credentials, and the passwords in the URLs of its settings.
    pub(super) fn new(credentials: &Credentials, settings: &BuildSettings) -> Self {
        let mut mask = Self { words: Vec::new() };
        for login in credentials.pull.iter().chain(&credentials.push) {
            mask.add_login(login);
        }
        if let Some(token) = &credentials.delivery_token {
            mask.add(token.expose().as_bytes());
        }
        let urls = settings
            .pip_index_url
            .iter()
            .chain(&settings.pip_extra_index_urls)
            .chain(&settings.http_proxy)
            .chain(&settings.https_proxy)
            .chain(&settings.conda_channels)
            .chain(&settings.conda_channel_alias);
        for url in urls.filter_map(|text| url::Url::parse(text).ok()) {
            for word in secrets_of(&url) {
                mask.add(word.as_bytes());
                mask.add(&percent_encoding::percent_decode_str(word).collect::<Vec<u8>>());
            }
        }
        mask.words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        mask
    }

    fn add_login(&mut self, login: &RegistryLogin) {
        let password = login.password.expose();
        self.add(password.as_bytes());
        self.add(utf8_percent_encode(password, NON_ALPHANUMERIC).to_string().as_bytes());
        self.add(serde_json::Value::from(password).to_string().trim_matches('"').as_bytes());
        let pair = Zeroizing::new(format!("{}:{password}", login.username));
        for text in [pair.as_str(), password] {
            for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
                self.add(engine.encode(text).as_bytes());
            }
        }
    }

    fn add(&mut self, word: &[u8]) {
        if word.len() >= SHORTEST && !self.words.iter().any(|known| known.as_slice() == word) {
            self.words.push(Zeroizing::new(word.to_vec()));
        }
    }

    /// The length of the longest secret: so much of a line must be seen together.
    pub(super) fn longest(&self) -> usize {
        self.words.first().map_or(0, |word| word.len())
    }

    /// The line without its secrets.
    pub(super) fn apply(&self, line: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(line.len());
        let mut rest = line;
        while let Some(&first) = rest.first() {
            match self.words.iter().find(|word| rest.starts_with(word)) {
                Some(word) => {
                    out.extend_from_slice(MASK);
                    rest = &rest[word.len()..];
                }
                None => {
                    out.push(first);
                    rest = &rest[1..];
                }
            }
        }
        out
    }
}

/// What of a URL is secret: the password; the user name, which may be a token with or without a password that means nothing;
/// and the token of a conda server.
fn secrets_of(url: &url::Url) -> impl Iterator<Item = &str> {
    [Some(url.username()), url.password(), crate::conda::token_of(url)].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn mask() -> Mask {
        let push = RegistryLogin {
            host: "registry.example".to_owned(),
            username: "robot".to_owned(),
            password: Secret::new("p@ss/wörd".to_owned()),
        };
        let credentials =
            Credentials { pull: None, push: Some(push), delivery_token: Some(Secret::new("tok-123".to_owned())) };
        let settings = BuildSettings {
            pip_index_url: Some("https://me:in%2Fdex@index.example/simple".to_owned()),
            pip_extra_index_urls: vec![
                "https://pypi-token@index.example/simple".to_owned(),
                "https://gh-token:x-oauth-basic@index.example/simple".to_owned(),
            ],
            conda_channels: vec!["https://conda.example/t/tk-4711/main".to_owned()],
            ..BuildSettings::default()
        };
        Mask::new(&credentials, &settings)
    }

    #[test]
    fn every_form_of_a_secret_is_masked() {
        let mask = mask();
        for form in [
            "p@ss/wörd".to_owned(),
            "p%40ss%2Fw%C3%B6rd".to_owned(),
            STANDARD.encode("robot:p@ss/wörd"),
            URL_SAFE_NO_PAD.encode("robot:p@ss/wörd"),
            STANDARD.encode("p@ss/wörd"),
            "tok-123".to_owned(),
            "in%2Fdex".to_owned(),
            "in/dex".to_owned(),
            "pypi-token".to_owned(),
            "gh-token".to_owned(),
            "tk-4711".to_owned(),
        ] {
            let masked = mask.apply(format!("a {form} b {form}").as_bytes());
            assert_eq!(String::from_utf8(masked).unwrap().replace('=', ""), "a *** b ***", "{form}");
        }
    }

    #[test]
    fn other_bytes_stay_as_they_are() {
        let line = b"\xff\x00 plain p@ss/w";
        assert_eq!(mask().apply(line), line);
    }
}
