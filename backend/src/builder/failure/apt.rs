//! What apt-get prints when it fails.

use cooperage_shared::{Content, Failure, FailureCode, Field};

use super::{between, code, command_failed, failure, last_line};
use crate::builder::log::LogLine;

/// `apt-get update` failed.
pub(super) fn of_update(lines: &[LogLine]) -> Failure {
    let line = last_line(lines, |text| text.starts_with("E: ") || text.starts_with("Err:"));
    let signature = last_line(lines, |text| text.contains("is not signed") || text.contains("NO_PUBKEY"));
    let message = match signature {
        Some(_) => {
            "The package lists of the base image's APT sources are not signed by a key that the base image trusts. Choose a \
             newer base image, or ask the administrator."
        }
        None => {
            "The base image's APT sources do not answer, or no longer exist. Rebuild later; if it stays so, choose a newer \
             base image or ask the administrator about proxy and mirror."
        }
    };
    Failure {
        log_line: signature.or(line).map(|line| line.number),
        field: Some(Field::PackagesApt),
        ..failure(FailureCode::IndexUnreachable, message.to_owned())
    }
}

/// `apt-get install` failed.
pub(super) fn of_install(lines: &[LogLine], content: &Content) -> Failure {
    // The step may have tried twice: what the last attempt said counts.
    let begin = lines.iter().rposition(|line| line.text.starts_with("[cooperage] Trying again")).unwrap_or(0);
    let lines = &lines[begin..];
    let found = lines.iter().find_map(|line| of_line(line, content));
    let failure = found.unwrap_or_else(|| {
        let own_error = last_line(lines, |text| text.starts_with("E: "));
        let line = last_line(lines, |text| text.starts_with("dpkg: error")).or(own_error);
        let generic = command_failed(code::APT_INSTALL, lines);
        Failure {
            log_line: line.map(|line| line.number).or(generic.log_line),
            message: "apt-get could not install the APT packages. The marked line of the log tells why.".to_owned(),
            ..generic
        }
    });
    Failure { field: Some(Field::PackagesApt), ..failure }
}

fn of_line(line: &LogLine, content: &Content) -> Option<Failure> {
    let text = line.text.as_str();
    let about = |code, name: Option<&str>, message: String| {
        Some(Failure {
            log_line: Some(line.number),
            requirement: name.and_then(|name| requirement(content, name)),
            ..failure(code, message)
        })
    };
    if let Some(name) = between(text, "E: Unable to locate package ", "") {
        let message = format!(
            "There is no APT package \"{name}\" in the sources of the base image. Check its name for typing errors; it may \
             also have another name in this release of the distribution."
        );
        return about(FailureCode::PackageNotFound, Some(name), message);
    }
    if let Some(name) = between(text, "' for '", "' was not found") {
        let kind = if text.starts_with("E: Release") { "release" } else { "version" };
        let version = between(text, &format!("E: {} '", if kind == "release" { "Release" } else { "Version" }), "'");
        let message = format!(
            "The APT package \"{name}\" has no {kind} \"{}\" in the sources of the base image. Ask for one that exists, or \
             for none in particular.",
            version.unwrap_or("asked for")
        );
        return about(FailureCode::PackageNotFound, Some(name), message);
    }
    if let Some(name) = between(text, "E: Package '", "' has no installation candidate") {
        let message = format!(
            "The APT package \"{name}\" is known, but the sources of the base image do not offer it. It may have been \
             replaced by another; the log names those that are."
        );
        return about(FailureCode::PackageNotFound, Some(name), message);
    }
    if text.contains("E: Unable to correct problems, you have held broken packages")
        || text.contains("E: Unable to satisfy dependencies")
        || text.contains("pkgProblemResolver::Resolve generated breaks")
    {
        let message = "The APT packages cannot be installed together: the lines above the marked one name the dependencies \
                       that cannot be met. Change a version, or remove one of them.";
        return about(FailureCode::ResolverConflict, None, message.to_owned());
    }
    if text.starts_with("E: Failed to fetch ") || text.starts_with("E: Unable to fetch some archives") {
        let message = "An APT package could not be downloaded. Rebuild later; if it stays so, ask the administrator about \
                       proxy and mirror.";
        return about(FailureCode::IndexUnreachable, None, message.to_owned());
    }
    None
}

/// The requirement, as typed, that asks for the package.
fn requirement(content: &Content, name: &str) -> Option<String> {
    let asked = |text: &str| text.split(['=', '/', ':']).next().map(ToOwned::to_owned);
    let name = asked(name)?;
    content
        .requirements
        .apt
        .iter()
        .map(|requirement| requirement.as_str())
        .find(|text| asked(text).is_some_and(|asked| asked == name))
        .map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::failure::fixtures::{content, lines};

    fn failure(text: &str) -> Failure {
        of_install(&lines(text), &content(&["git", "jq=99.9", "netcat", "libfoo:i386", "g++"], &[], &[]))
    }

    #[test]
    fn a_package_that_does_not_exist_is_named() {
        let failure = failure("Reading package lists...\nE: Unable to locate package libfoo:i386\nsubprocess exited");
        assert_eq!(failure.code, FailureCode::PackageNotFound);
        assert_eq!((failure.log_line, failure.requirement.as_deref()), (Some(2), Some("libfoo:i386")));
        assert_eq!(failure.field, Some(Field::PackagesApt));
        assert!(failure.message.contains("\"libfoo:i386\""), "{}", failure.message);
    }

    #[test]
    fn a_version_or_release_that_does_not_exist_is_named() {
        let version = failure(
            "Package jq is not available, but is referred to by another package.\n\nE: Version '99.9' for 'jq' was not found",
        );
        assert_eq!((version.code, version.requirement.as_deref()), (FailureCode::PackageNotFound, Some("jq=99.9")));
        assert!(version.message.contains("no version \"99.9\""), "{}", version.message);
        let release = failure("E: Release 'nosuch' for 'jq' was not found");
        assert!(release.message.contains("no release \"nosuch\""), "{}", release.message);
    }

    #[test]
    fn a_virtual_package_is_named() {
        let failure = failure(
            "Package netcat is a virtual package provided by:\n  netcat-openbsd 1.219-1\n\nE: Package 'netcat' has no installation candidate",
        );
        assert_eq!((failure.code, failure.requirement.as_deref()), (FailureCode::PackageNotFound, Some("netcat")));
    }

    #[test]
    fn dependencies_that_cannot_be_met_are_a_conflict() {
        let failure = failure(
            "The following packages have unmet dependencies:\n a : Depends: b (= 1) but 2 is to be installed\nE: Unable to correct problems, you have held broken packages.",
        );
        assert_eq!((failure.code, failure.log_line), (FailureCode::ResolverConflict, Some(3)));
    }

    #[test]
    fn the_second_attempt_counts() {
        let failure = failure(
            "E: Unable to locate package git\n[cooperage] Trying again with new package lists.\nE: Unable to locate package g++",
        );
        assert_eq!((failure.log_line, failure.requirement.as_deref()), (Some(3), Some("g++")));
    }

    #[test]
    fn an_unknown_error_points_to_its_line() {
        let failure = failure(
            "dpkg: error processing package git (--configure):\nE: Sub-process /usr/bin/dpkg returned an error code (1)",
        );
        assert_eq!((failure.code, failure.log_line), (FailureCode::CommandFailed, Some(1)));
    }

    #[test]
    fn lists_that_cannot_be_read_are_an_unreachable_index() {
        let failure =
            of_update(&lines("Err:1 http://mirror.example bookworm InRelease\nE: The repository is no longer there."));
        assert_eq!((failure.code, failure.log_line), (FailureCode::IndexUnreachable, Some(2)));
    }
}
