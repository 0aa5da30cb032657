//! What uv and pip print when they fail.

use cooperage_shared::{Content, Failure, FailureCode, Field};

use super::{between, code, command_failed, failure, last_line};
use crate::builder::log::LogLine;

/// The pip step failed.
pub(super) fn of_step(exit: i32, lines: &[LogLine], content: &Content) -> Failure {
    let failure = match exit {
        code::NO_PYTHON => no_python(),
        code::NO_PIP => failure(
            FailureCode::NoPython,
            "The image's python3 has no pip, and uv cannot take its place here. Add \"python3-pip\" to the APT packages, or \
             choose a base image with Python 3.8 or newer."
                .to_owned(),
        ),
        code::NO_GIT => no_git(content),
        _ => of_lines(lines, content),
    };
    let log_line =
        failure.log_line.or_else(|| last_line(lines, |text| text.starts_with("[cooperage]")).map(|line| line.number));
    Failure { field: Some(Field::PackagesPip), log_line, ..failure }
}

fn no_python() -> Failure {
    failure(
        FailureCode::NoPython,
        "There is no python3 in the image, so Pip packages cannot be installed. Add \"python3\" to the APT packages or \
         \"python\" to the Conda packages, or choose a base image with Python."
            .to_owned(),
    )
}

fn no_git(content: &Content) -> Failure {
    Failure {
        requirement: first_with(content, "git+"),
        ..failure(
            FailureCode::NoGit,
            "A Pip requirement comes from a git repository, but the image has no git. Add \"git\" to the APT packages."
                .to_owned(),
        )
    }
}

/// The rules, the most telling first.
fn of_lines(lines: &[LogLine], content: &Content) -> Failure {
    let rules = [no_compiler, git_missing, not_found, no_version, python_version, conflict, not_built, unreachable];
    if let Some(failure) = rules.iter().find_map(|rule| rule(lines, content)) {
        return failure;
    }
    let line = last_line(lines, |text| {
        let text = text.trim_start();
        text.starts_with("error:") || text.starts_with("ERROR:") || text.starts_with('×')
    });
    let generic = command_failed(code::PIP_INSTALL, lines);
    Failure {
        log_line: line.map(|line| line.number).or(generic.log_line),
        message: "The Pip packages could not be installed. The marked line of the log tells why.".to_owned(),
        ..generic
    }
}

fn not_found(lines: &[LogLine], content: &Content) -> Option<Failure> {
    lines.iter().find_map(|line| {
        let text = line.text.as_str();
        let name = between(text, "Because ", " was not found in the package registry")
            .or_else(|| between(text, "because ", " was not found in the package registry"))
            .or_else(|| between(text, "and ", " was not found in the package registry"))
            .or_else(|| {
                text.contains("(from versions: none)")
                    .then(|| between(text, "Could not find a version that satisfies the requirement ", " ("))
                    .flatten()
            })?;
        let name = last_word(name);
        Some(Failure {
            log_line: Some(line.number),
            requirement: requirement(content, name),
            ..failure(
                FailureCode::PackageNotFound,
                format!(
                    "There is no Python package \"{}\" in the package index. Check its name for typing errors.",
                    project(name)
                ),
            )
        })
    })
}

fn no_version(lines: &[LogLine], content: &Content) -> Option<Failure> {
    lines.iter().find_map(|line| {
        let text = line.text.as_str();
        let asked = between(text, "there is no version of ", " and you require")
            .or_else(|| between(text, "there are no versions of ", " and you require"))
            .or_else(|| between(text, "there is no version of ", ","))
            .or_else(|| between(text, "Because only ", " and you require ").map(|_| between(text, " and you require ", ", ").unwrap_or_default()))
            .or_else(|| between(text, "ERROR: Could not find a version that satisfies the requirement ", " ("))
            .filter(|asked| !asked.is_empty())?;
        let found = requirement(content, asked)?;
        Some(Failure {
            log_line: Some(line.number),
            requirement: Some(found),
            ..failure(
                FailureCode::PackageNotFound,
                format!(
                    "No version of the Python package \"{}\" in the package index is the one asked for ({asked}). The log \
                     names those that there are.",
                    project(asked)
                ),
            )
        })
    })
}

fn conflict(lines: &[LogLine], content: &Content) -> Option<Failure> {
    let line = lines.iter().find(|line| {
        let text = line.text.as_str();
        text.contains("No solution found when resolving dependencies")
            || text.contains("ResolutionImpossible")
            || text.contains("are incompatible")
            || text.contains("your requirements are unsatisfiable")
    })?;
    let why = lines.iter().skip_while(|other| other.number < line.number).map(|line| line.text.as_str());
    let named = why
        .flat_map(|text| text.split([' ', ',', '(', ')', '`']))
        .find_map(|word| requirement(content, word).filter(|found| project(found) == project(word)));
    Some(Failure {
        log_line: Some(line.number),
        requirement: named,
        ..failure(
            FailureCode::ResolverConflict,
            "The Pip requirements cannot be met together: the lines from the marked one on tell which exclude each other. \
             Loosen or remove one of them."
                .to_owned(),
        )
    })
}

fn python_version(lines: &[LogLine], content: &Content) -> Option<Failure> {
    let line = lines.iter().find(|line| {
        let text = line.text.as_str();
        text.contains("requires a different Python")
            || text.contains("has no wheels with a matching")
            || (text.contains("the current Python version")
                && text.contains("does not satisfy Python")
                && !text.contains("we know from"))
    })?;
    // A solution may fail for other reasons, and mention on its way which versions Python rules out.
    let named =
        between(&line.text, " and you require ", ",").or_else(|| between(&line.text, "because ", " has no wheels"));
    let named = named
        .or_else(|| between(&line.text, "Because ", " has no wheels"))
        .and_then(|text| requirement(content, text))?;
    Some(Failure {
        log_line: Some(line.number),
        message: format!(
            "The Python package \"{}\" does not come in a form for the image's version of Python. Ask for another version of \
             the package, or choose another base image.",
            project(&named)
        ),
        requirement: Some(named),
        ..failure(FailureCode::ResolverConflict, String::new())
    })
}

/// A package whose own build failed, for whatever reason.
fn not_built(lines: &[LogLine], content: &Content) -> Option<Failure> {
    let name = built_package(lines)?;
    let line = last_line(lines, |text| text.contains("Failed to build ") || text.contains("Failed building wheel"))?;
    Some(Failure {
        log_line: Some(line.number),
        requirement: requirement(content, &name),
        ..failure(
            FailureCode::CommandFailed,
            format!(
                "The Python package \"{name}\" had to be built, and its build failed: the lines from the marked one on tell \
                 why. Ask for a version that is ready-made for the image's Python."
            ),
        )
    })
}

fn no_compiler(lines: &[LogLine], content: &Content) -> Option<Failure> {
    let line = lines.iter().find(|line| {
        let text = line.text.as_str();
        if text.contains("package registry") || text.contains("No matching distribution") {
            return false; // a package may be called like a compiler
        }
        if text.contains("No CMAKE_") && text.contains("_COMPILER could be found") {
            return true;
        }
        let missing =
            ["No such file or directory", "command not found", "not found", "failed: No such", "No working compiler"];
        let tools =
            ["gcc", "cc'", "'cc", "g++", "c++", "clang", "rustc", "cargo", "cmake", "ninja", "x86_64-linux-gnu"];
        (text.contains("error: command '")
            || text.contains("error: command \"")
            || text.contains("Unknown compiler")
            || text.contains("Unable to find a compiler")
            || text.contains("can't find Rust compiler")
            || text.contains("Cargo, the Rust package manager, is not installed")
            || missing.iter().any(|word| text.contains(word)))
            && (tools.iter().any(|tool| text.contains(tool)) || text.contains("ompiler"))
    })?;
    let package = built_package(lines);
    let rust = line.text.contains("ust");
    Some(Failure {
        log_line: Some(line.number),
        requirement: package.as_deref().and_then(|name| requirement(content, name)),
        ..failure(
            FailureCode::NoCompiler,
            format!(
                "{} must be compiled, but the image has no compiler. Add {} to the APT packages, or ask for a version that \
                 is ready-made for the image's Python.",
                package.map_or_else(|| "A Python package".to_owned(), |name| format!("The Python package \"{name}\"")),
                if rust { "\"cargo\"" } else { "\"build-essential\" (and \"python3-dev\" with Debian's Python)" }
            ),
        )
    })
}

/// The package that was being built when the step failed.
fn built_package(lines: &[LogLine]) -> Option<String> {
    lines.iter().rev().find_map(|line| {
        let text = line.text.as_str();
        between(text, "Failed to build `", "`")
            .or_else(|| between(text, "Failed building wheel for ", ""))
            .or_else(|| between(text, "Failed to build ", ""))
            .map(|name| project(name).to_owned())
            .filter(|name| !name.is_empty())
    })
}

fn git_missing(lines: &[LogLine], content: &Content) -> Option<Failure> {
    let line = last_line(lines, |text| {
        text.contains("Git executable not found")
            || text.contains("Cannot find command 'git'")
            || text.contains("git executable not found")
    })?;
    Some(Failure { log_line: Some(line.number), ..no_git(content) })
}

fn unreachable(lines: &[LogLine], _: &Content) -> Option<Failure> {
    let words = [
        "error sending request for url",
        "Failed to fetch:",
        "Could not connect",
        "dns error",
        "NewConnectionError",
        "Max retries exceeded",
        "Read timed out",
        "Connection refused",
        "client error (Connect)",
        "operation timed out",
        "Temporary failure in name resolution",
        "CERTIFICATE_VERIFY_FAILED",
        "invalid peer certificate",
    ];
    let line = last_line(lines, |text| words.iter().any(|word| text.contains(word)))?;
    Some(Failure {
        log_line: Some(line.number),
        ..failure(
            FailureCode::IndexUnreachable,
            "The Python package index, or the place that a requirement names, does not answer. Rebuild later; if it stays \
             so, ask the administrator about index, proxy and certificates."
                .to_owned(),
        )
    })
}

/// The requirement, as typed, that asks for the project that `text` begins with.
fn requirement(content: &Content, text: &str) -> Option<String> {
    let wanted = normal(project(text));
    if wanted.is_empty() {
        return None;
    }
    let names = content.requirements.pip.iter().map(|requirement| requirement.as_str());
    names.filter(|typed| normal(project(typed)) == wanted).map(ToOwned::to_owned).next()
}

fn first_with(content: &Content, text: &str) -> Option<String> {
    content.requirements.pip.iter().map(|r| r.as_str()).find(|typed| typed.contains(text)).map(ToOwned::to_owned)
}

/// The project's name at the beginning of a requirement or of what a program prints about one.
fn project(text: &str) -> &str {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(text.len());
    &text[..end]
}

fn last_word(text: &str) -> &str {
    text.rsplit(' ').next().unwrap_or(text)
}

/// Names that differ in case and separators only are one project's (PEP 503).
fn normal(name: &str) -> String {
    let mut normal = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests;
