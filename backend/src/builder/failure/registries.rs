//! Reasons that lie with a registry.

use cooperage_shared::{Failure, FailureCode, Field, ImageReference};

use super::{command_failed, failure, last_line, machine};
use crate::builder::log::LogLine;
use crate::registry::RegistryError;

/// The registry of the base image did not give it.
pub(in crate::builder) fn of_base_registry(
    error: &RegistryError,
    base: &ImageReference,
    with_credentials: bool,
) -> Failure {
    let (code, message, field) = match error {
        RegistryError::NotFound => (
            FailureCode::BaseNotFound,
            format!("{} has no image {base}. Check its name and tag for typing errors.", base.host()),
            Field::BaseImage,
        ),
        RegistryError::AccessDenied if with_credentials => (
            FailureCode::AccessDenied,
            format!(
                "{} denies access to {base} with the pull secret's credentials. Check the image's name, and that the pull \
                 secret is for this registry and still valid.",
                base.host()
            ),
            Field::PullSecret,
        ),
        RegistryError::AccessDenied => (
            FailureCode::AccessDenied,
            format!(
                "{} denies access to {base}. Check the image's name; if it is private, choose a pull secret for this \
                 registry.",
                base.host()
            ),
            Field::BaseImage,
        ),
        RegistryError::Unreachable(text) => (
            FailureCode::RegistryUnreachable,
            format!(
                "The registry {} of the base image does not answer ({text}). Check the host in the base image's name, or \
                 try again later.",
                base.host()
            ),
            Field::BaseImage,
        ),
        RegistryError::OutOfDisk(text) | RegistryError::Other(text) => (
            FailureCode::CommandFailed,
            format!(
                "The registry {} did not give the base image: {text}. Rebuild; if it happens again, tell the administrator.",
                base.host()
            ),
            Field::BaseImage,
        ),
    };
    Failure { field: Some(field), ..failure(code, message) }
}

/// The push registry did not take the image.
pub(in crate::builder) fn of_push_registry(error: &RegistryError, target: &ImageReference) -> Failure {
    let host = target.host();
    let (code, message) = match error {
        RegistryError::AccessDenied => (
            FailureCode::AccessDenied,
            format!(
                "The push registry {host} denies writing to {}. Ask the administrator to check the push registry's \
                 credentials and what they may write.",
                target.repository()
            ),
        ),
        RegistryError::Unreachable(text) => (
            FailureCode::RegistryUnreachable,
            format!("The push registry {host} does not answer ({text}). Rebuild when it is back."),
        ),
        RegistryError::OutOfDisk(_) => (
            FailureCode::OutOfDisk,
            format!("The push registry {host} has no space left. Ask the administrator to free some, then rebuild."),
        ),
        RegistryError::NotFound => (
            FailureCode::CommandFailed,
            format!("The push registry {host} took the image but does not answer for it. Rebuild to push it again."),
        ),
        RegistryError::Other(text) => (
            FailureCode::CommandFailed,
            format!(
                "The push registry {host} did not take the image: {text}. Rebuild; if it happens again, tell the \
                 administrator."
            ),
        ),
    };
    failure(code, message)
}

/// `buildah pull` ended with this exit code, after the registry had answered for the digest.
pub(in crate::builder) fn of_pull(
    exit: i32,
    lines: &[LogLine],
    base: &ImageReference,
    with_credentials: bool,
) -> Failure {
    if let Some(failure) = machine::of_lines(exit, lines) {
        return failure;
    }
    let Some(line) = last_line(lines, |text| text.contains("Error: ") || text.starts_with("error ")) else {
        return command_failed(exit, lines);
    };
    let text = line.text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let failure = if has(&["unauthorized", "authentication required", "denied", "403 (forbidden)"]) {
        of_base_registry(&RegistryError::AccessDenied, base, with_credentials)
    } else if has(&["no image found in manifest list", "no image found in image index"]) {
        Failure {
            field: Some(Field::BaseImage),
            ..failure(
                FailureCode::BaseNotFound,
                format!(
                    "{base} holds no image for this machine's platform. Choose a base image for linux/{}.",
                    platform()
                ),
            )
        }
    } else if has(&["manifest unknown", "not found", "blob unknown"]) {
        of_base_registry(&RegistryError::NotFound, base, with_credentials)
    } else if has(&[
        "timeout",
        "connection re",
        "no route",
        "no such host",
        "unexpected eof",
        "tls",
        "toomanyrequests",
        "503",
    ]) {
        of_base_registry(&RegistryError::Unreachable(line.text.trim().to_owned()), base, with_credentials)
    } else {
        of_base_registry(&RegistryError::Other(line.text.trim().to_owned()), base, with_credentials)
    };
    Failure { log_line: Some(line.number), ..failure }
}

const fn platform() -> &'static str {
    match std::env::consts::ARCH.as_bytes() {
        b"x86_64" => "amd64",
        b"aarch64" => "arm64",
        _ => std::env::consts::ARCH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::failure::fixtures::lines;

    #[test]
    fn each_answer_of_a_registry_names_a_remedy() {
        let base: ImageReference = "registry.example/team/base:1".parse().unwrap();
        let code = |error| of_base_registry(&error, &base, false).code;
        assert_eq!(code(RegistryError::NotFound), FailureCode::BaseNotFound);
        assert_eq!(code(RegistryError::AccessDenied), FailureCode::AccessDenied);
        assert_eq!(code(RegistryError::Unreachable("x".to_owned())), FailureCode::RegistryUnreachable);
        assert!(of_base_registry(&RegistryError::AccessDenied, &base, false).message.contains("choose a pull secret"));
        assert_eq!(of_base_registry(&RegistryError::AccessDenied, &base, true).field, Some(Field::PullSecret));
        assert_eq!(of_push_registry(&RegistryError::OutOfDisk(String::new()), &base).code, FailureCode::OutOfDisk);
    }

    #[test]
    fn what_buildah_prints_is_understood() {
        let base: ImageReference = "registry.example/team/base:1".parse().unwrap();
        let text = "Trying to pull registry.example/team/base@sha256:0…\nError: initializing source \
                    docker://registry.example/team/base:1: reading manifest 1 in registry.example/team/base: manifest \
                    unknown: manifest unknown";
        let failure = of_pull(125, &lines(text), &base, false);
        assert_eq!((failure.code, failure.log_line), (FailureCode::BaseNotFound, Some(2)));
    }
}
