//! What `cooperage conda-install` says when it fails: its exit code is the reason, its lines name the requirement.

use cooperage_shared::{Content, Failure, FailureCode, Field};

use super::{command_failed, failure, last_line};
use crate::builder::log::LogLine;
use crate::conda::Reason;

/// The conda step failed.
pub(super) fn of_step(exit: i32, lines: &[LogLine], content: &Content) -> Failure {
    let line = last_line(lines, |text| text.starts_with("error: "));
    let said = line.map(|line| line.text.trim_start_matches("error: ").trim().to_owned());
    let named = said.as_deref().and_then(|said| {
        let typed = content.requirements.conda.iter().map(|requirement| requirement.as_str());
        typed.filter(|typed| said.contains(&format!("\"{typed}\""))).map(ToOwned::to_owned).next()
    });
    let failure = match Reason::of_exit_code(exit) {
        Some(Reason::PackageNotFound) => failure(
            FailureCode::PackageNotFound,
            match &named {
                Some(typed) => format!(
                    "No Conda package matches \"{typed}\" in the channels. Check name, version and channel for typing errors."
                ),
                None => "A Conda requirement matches no package in the channels. Check names, versions and channels."
                    .to_owned(),
            },
        ),
        Some(Reason::Conflict) => failure(
            FailureCode::ResolverConflict,
            "The Conda requirements cannot be met together with what the base image holds: the lines from the marked one on \
             tell which exclude each other. Loosen or remove one of them."
                .to_owned(),
        ),
        Some(Reason::ChannelUnreachable) => failure(
            FailureCode::IndexUnreachable,
            "A Conda channel does not exist or does not answer; the marked line of the log names it. Check the channel's \
             name; if it is right, rebuild later, or ask the administrator about channels and proxy."
                .to_owned(),
        ),
        Some(Reason::Other) | None => Failure {
            message: "The Conda packages could not be installed. The marked line of the log tells why.".to_owned(),
            ..command_failed(exit, lines)
        },
    };
    Failure {
        field: Some(Field::PackagesConda),
        log_line: line.map(|line| line.number).or(failure.log_line),
        requirement: named,
        ..failure
    }
}
