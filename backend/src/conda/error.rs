//! Why conda packages could not be installed.

/// The reasons that the installer tells by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A requirement matches no package of the channels.
    PackageNotFound,
    /// No set of packages meets all requirements.
    Conflict,
    /// A channel, or a package in it, cannot be read.
    ChannelUnreachable,
    /// Anything else; the last line tells.
    Other,
}

impl Reason {
    const ALL: [(Self, u8); 4] =
        [(Self::PackageNotFound, 90), (Self::Conflict, 91), (Self::ChannelUnreachable, 92), (Self::Other, 93)];

    /// The exit code that tells it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        Self::ALL.into_iter().find(|(reason, _)| *reason == self).map_or(1, |(_, code)| code)
    }

    /// The reason that an exit code tells.
    #[must_use]
    pub fn of_exit_code(exit: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, code)| i32::from(*code) == exit).map(|(reason, _)| reason)
    }
}

/// Why conda packages could not be installed: a reason, and text of one or more lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct CondaError {
    /// The reason.
    pub reason: Reason,
    /// What happened.
    pub text: String,
}

impl CondaError {
    pub(super) fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }

    /// An error with all that caused it.
    pub(super) fn caused(reason: Reason, what: &str, error: &dyn std::error::Error) -> Self {
        let mut text = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self { reason, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_and_reasons_are_one_to_one() {
        for (reason, code) in Reason::ALL {
            assert_eq!(Reason::of_exit_code(i32::from(reason.exit_code())), Some(reason));
            assert_eq!(reason.exit_code(), code);
        }
        assert_eq!(Reason::of_exit_code(1), None);
    }
}
