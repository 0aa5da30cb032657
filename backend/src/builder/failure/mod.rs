//! Why a job failed, read from exit codes and the log's last lines: pure functions, told by what programs really print.
//!
//! Exit codes of the install scripts tell which step failed; the lines tell why. Both come from the build itself, so a
//! stranger's code can at most misname the reason of its own failure.

mod apt;
mod conda;
mod machine;
mod pip;
mod registries;

use cooperage_shared::{Content, Failure, FailureCode, Field};

pub(super) use machine::{interrupted_by_signal, no_namespace, of_io, timed_out};
pub(super) use registries::{of_base_registry, of_pull, of_push_registry};

use super::log::LogLine;

/// The exit codes of the install scripts in `tools/`.
pub(super) mod code {
    pub(in crate::builder) const NO_APT: i32 = 81;
    pub(in crate::builder) const APT_UPDATE: i32 = 82;
    pub(in crate::builder) const APT_INSTALL: i32 = 83;
    pub(in crate::builder) const NO_PYTHON: i32 = 84;
    pub(in crate::builder) const NO_GIT: i32 = 85;
    pub(in crate::builder) const NO_PIP: i32 = 86;
    pub(in crate::builder) const PIP_INSTALL: i32 = 87;
    /// From here on: `cooperage conda-install`.
    pub(in crate::builder) const CONDA_FIRST: i32 = 90;
    pub(in crate::builder) const CONDA_LAST: i32 = 94;
}

/// Why the build, or a pull, ended with this exit code.
pub(super) fn of_build(exit: i32, lines: &[LogLine], content: &Content) -> Failure {
    if let Some(failure) = machine::of_lines(exit, lines) {
        return failure;
    }
    match exit {
        code::NO_APT => Failure {
            field: Some(Field::PackagesApt),
            log_line: last_line(lines, |text| text.starts_with("[cooperage]")).map(|line| line.number),
            ..failure(
                FailureCode::NoApt,
                "The base image has no apt-get, so APT packages cannot be installed. Choose a base image that is based \
                 on Debian or Ubuntu, or remove the APT packages."
                    .to_owned(),
            )
        },
        code::APT_UPDATE => apt::of_update(lines),
        code::APT_INSTALL => apt::of_install(lines, content),
        code::NO_PYTHON | code::NO_GIT | code::NO_PIP | code::PIP_INSTALL => pip::of_step(exit, lines, content),
        code::CONDA_FIRST..=code::CONDA_LAST => conda::of_step(exit, lines, content),
        _ => command_failed(exit, lines),
    }
}

/// A failure that says no more than this.
fn failure(code: FailureCode, message: String) -> Failure {
    Failure { code, message, log_line: None, field: None, requirement: None }
}

/// A step that failed for no reason that is known here.
fn command_failed(exit: i32, lines: &[LogLine]) -> Failure {
    let last = lines.iter().rev().find(|line| {
        let text = line.text.trim();
        !text.is_empty()
            && !text.starts_with("[cooperage]")
            && !text.starts_with("Error: ")
            && !text.starts_with("error building at STEP")
            && !text.starts_with("subprocess exited")
    });
    Failure {
        log_line: last.map(|line| line.number),
        ..failure(
            FailureCode::CommandFailed,
            format!("An install step ended with exit code {exit}. The log's last lines tell why."),
        )
    }
}

/// The latest line that the test accepts.
fn last_line(lines: &[LogLine], test: impl Fn(&str) -> bool) -> Option<&LogLine> {
    lines.iter().rev().find(|line| test(&line.text))
}

/// What stands in `text` between two marks.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let end = if after.is_empty() { rest.len() } else { rest.find(after)? };
    Some(&rest[..end])
}

#[cfg(test)]
mod fixtures {
    use super::*;
    use cooperage_shared::Packages;

    /// The lines of a captured output, numbered from 1.
    pub(super) fn lines(text: &str) -> Vec<LogLine> {
        (1..).zip(text.lines()).map(|(number, text)| LogLine { number, text: text.to_owned() }).collect()
    }

    pub(super) fn content(apt: &[&str], conda: &[&str], pip: &[&str]) -> Content {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Content::parse("debian:12", &Packages { apt: list(apt), conda: list(conda), pip: list(pip) }).unwrap()
    }
}
