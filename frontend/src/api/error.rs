//! Why an answer could not be had.

use std::fmt;

/// Why the server gave no usable answer. Its text says what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The session is missing or over; the sign-in page is shown.
    SignedOut,
    /// The request did not reach the server.
    Unreachable,
    /// The server answered with this HTTP status and no GraphQL.
    Status(u16),
    /// The server refused the request with this message.
    Refused(String),
    /// The answer is not what this version of the app understands.
    Unreadable(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedOut => f.write_str("You are signed out. Sign in to go on."),
            Self::Unreachable => f.write_str("The server does not answer. Check that it runs, then try again."),
            Self::Status(413) => f.write_str("This is more than the server takes in one request. Shorten it."),
            Self::Status(429) => f.write_str("The server has too much to do. Try again in a moment."),
            Self::Status(status @ 500..) => {
                write!(f, "The server failed (HTTP {status}). Try again; if it persists, look at the server's log.")
            }
            Self::Status(status) => write!(f, "The server refused the request (HTTP {status})."),
            Self::Refused(message) => f.write_str(message),
            Self::Unreadable(detail) => {
                write!(
                    f,
                    "The server's answer could not be read: reload the page to get its current version. ({detail})"
                )
            }
        }
    }
}
