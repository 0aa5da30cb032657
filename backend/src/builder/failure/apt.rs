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
            "There is no APT package \"{name}\" in the sources of the base image. Check its name: packages.debian.org and \
             packages.ubuntu.com list what there is."
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
