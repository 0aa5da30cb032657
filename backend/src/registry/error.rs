//! Why a registry did not do what it was asked for.

use oci_client::errors::{OciDistributionError, OciEnvelope, OciErrorCode};

use crate::error_chain::one_line;

/// Why a registry did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The registry answers, but has no such repository, manifest or blob.
    #[error("the registry has no such image")]
    NotFound,
    /// The registry refuses the credentials, or asks for some.
    #[error("the registry denies access")]
    AccessDenied,
    /// The registry does not answer, or answers that it cannot serve now (500, 502, 503, 504, 429).
    #[error("the registry does not answer: {0}")]
    Unreachable(String),
    /// The registry has no space left.
    #[error("the registry has no space left: {0}")]
    OutOfDisk(String),
    /// Anything else; the text tells what.
    #[error("{0}")]
    Other(String),
}

/// An error that may pass.
pub(super) trait Transient: std::fmt::Display {
    /// Whether the same request may succeed if it is made again.
    fn is_transient(&self) -> bool;
}

impl Transient for RegistryError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}

impl RegistryError {
    pub(super) fn from_status(status: u16, text: &str) -> Self {
        let said = || format!("status {status} {}", shorten(text)).trim_end().to_owned();
        match status {
            401 | 403 => Self::AccessDenied,
            404 => Self::NotFound,
            _ if status == 507 || tells_full_disk(text) => Self::OutOfDisk(shorten(text)),
            429 | 500 | 502..=504 => Self::Unreachable(said()),
            _ => Self::Other(format!("the registry answered with {}", said())),
        }
    }
}

impl From<OciDistributionError> for RegistryError {
    fn from(error: OciDistributionError) -> Self {
        match error {
            OciDistributionError::AuthenticationFailure(_) | OciDistributionError::UnauthorizedError { .. } => {
                Self::AccessDenied
            }
            OciDistributionError::ImageManifestNotFoundError(_) => Self::NotFound,
            OciDistributionError::RegistryError { envelope, .. } => from_envelope(&envelope),
            OciDistributionError::ServerError { code, message, .. } => Self::from_status(code, &message),
            OciDistributionError::RequestError(error) => error.into(),
            OciDistributionError::IoError(error) => Self::Unreachable(shorten(&one_line(&error))),
            other => Self::Other(shorten(&one_line(&other))),
        }
    }
}

impl From<reqwest::Error> for RegistryError {
    fn from(error: reqwest::Error) -> Self {
        match error.status() {
            Some(status) => Self::from_status(status.as_u16(), ""),
            None => Self::Unreachable(shorten(&one_line(&error))),
        }
    }
}

fn from_envelope(envelope: &OciEnvelope) -> RegistryError {
    let text = serde_json::to_string(envelope).unwrap_or_else(|_| envelope.to_string());
    if tells_full_disk(&text) {
        return RegistryError::OutOfDisk(shorten(&text));
    }
    let mut codes = envelope.errors.iter().map(|error| &error.code);
    if codes.clone().any(|code| matches!(code, OciErrorCode::Unauthorized | OciErrorCode::Denied)) {
        return RegistryError::AccessDenied;
    }
    if codes.clone().any(|code| {
        matches!(
            code,
            OciErrorCode::ManifestUnknown
                | OciErrorCode::NameUnknown
                | OciErrorCode::NotFound
                | OciErrorCode::BlobUnknown
        )
    }) {
        return RegistryError::NotFound;
    }
    if codes.any(|code| matches!(code, OciErrorCode::Toomanyrequests)) {
        return RegistryError::Unreachable(format!("it asks to slow down: {}", shorten(&text)));
    }
    RegistryError::Other(format!("the registry answered {}", shorten(&text)))
}

/// docker-registry tells a full disk as status 500 with the system's error number (28: ENOSPC, 122: EDQUOT).
fn tells_full_disk(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["no space left", "\"err\":28", "\"err\":122", "quota exceeded", "quota_exceeded"].iter().any(|s| text.contains(s))
}

fn shorten(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(500) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_become_reasons() {
        assert_eq!(RegistryError::from_status(401, ""), RegistryError::AccessDenied);
        assert_eq!(RegistryError::from_status(403, ""), RegistryError::AccessDenied);
        assert_eq!(RegistryError::from_status(404, ""), RegistryError::NotFound);
        assert!(RegistryError::from_status(503, "busy").is_transient());
        assert!(matches!(RegistryError::from_status(507, ""), RegistryError::OutOfDisk(_)));
        let full = r#"{"errors":[{"code":"UNKNOWN","detail":{"DriverName":"filesystem","Enclosed":{"Op":"mkdir","Err":28}}}]}"#;
        assert!(matches!(RegistryError::from_status(500, full), RegistryError::OutOfDisk(_)));
        assert!(RegistryError::from_status(500, "boom").is_transient());
        assert!(matches!(RegistryError::from_status(400, "boom"), RegistryError::Other(_)));
    }

    #[test]
    fn envelopes_become_reasons() {
        let envelope = |code: &str| {
            let text = format!(r#"{{"errors":[{{"code":"{code}","message":"m","detail":null}}]}}"#);
            from_envelope(&serde_json::from_str(&text).unwrap())
        };
        assert_eq!(envelope("MANIFEST_UNKNOWN"), RegistryError::NotFound);
        assert_eq!(envelope("NAME_UNKNOWN"), RegistryError::NotFound);
        assert_eq!(envelope("DENIED"), RegistryError::AccessDenied);
        assert!(matches!(envelope("SOMETHING"), RegistryError::Other(_)));
    }
}
