//! The last word in a form that a pod's status holds: there it is found although no server was there to take it.

use std::io;
use std::path::Path;

use crate::delivery::protocol::{End, Outcome};

/// The most bytes that a container's termination message has.
const LONGEST: usize = 4096;

/// Writes the last word to `file`, shortened where it must be.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(file: &Path, end: &End) -> io::Result<()> {
    // In place: the file is a mount of its own.
    std::fs::write(file, shortened(end)?)
}

fn shortened(end: &End) -> io::Result<Vec<u8>> {
    let mut end = end.clone();
    loop {
        let bytes = serde_json::to_vec(&end).map_err(io::Error::other)?;
        if bytes.len() <= LONGEST {
            return Ok(bytes);
        }
        match &mut end.outcome {
            Outcome::Failed(failure) if failure.message.chars().count() > 80 => {
                let half = failure.message.chars().count() / 2;
                failure.message = failure.message.chars().take(half).chain(['…']).collect();
            }
            Outcome::Failed(failure) if failure.requirement.is_some() => failure.requirement = None,
            _ => return Err(io::Error::other("the last word is too long for a pod's status")),
        }
    }
}

#[cfg(test)]
mod tests {
    use cooperage_shared::{Failure, FailureCode};

    use super::*;

    fn end(message: &str, requirement: Option<String>) -> End {
        let failure = Failure {
            code: FailureCode::CommandFailed,
            message: message.to_owned(),
            log_line: Some(7),
            field: None,
            requirement,
        };
        End { lines: 9, sha256: "ab".repeat(32), outcome: Outcome::Failed(failure) }
    }

    #[test]
    fn a_last_word_fits_and_can_be_read_again() {
        let short = end("no such package", Some("six".to_owned()));
        assert_eq!(serde_json::from_slice::<End>(&shortened(&short).unwrap()).unwrap(), short);

        let long = end(&"\u{1F6E2}\" ".repeat(9_000), Some("\u{1}".repeat(1_000)));
        let bytes = shortened(&long).unwrap();
        assert!(bytes.len() <= LONGEST);
        let read: End = serde_json::from_slice(&bytes).unwrap();
        let Outcome::Failed(failure) = read.outcome else { panic!("{:?}", read.outcome) };
        assert_eq!((read.lines, failure.code, failure.log_line), (9, FailureCode::CommandFailed, Some(7)));
        assert!(failure.message.ends_with('…'));
    }
}
