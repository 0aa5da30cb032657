use super::*;
use crate::builder::failure::fixtures::{content, lines};

fn failure(output: &str, requirements: &[&str]) -> Failure {
    of_step(code::PIP_INSTALL, &lines(output), &content(&[], &[], requirements))
}

type Case = (&'static str, &'static [&'static str], FailureCode, Option<&'static str>, &'static str);

/// What uv really printed, what was asked for, the reason, the requirement at fault, and a part of the marked line.
#[test]
fn what_uv_prints_is_understood() {
    use FailureCode::{CommandFailed, IndexUnreachable, NoCompiler, PackageNotFound, ResolverConflict};
    let cases: [Case; 9] = [
        (
            include_str!("../fixtures/uv-not-found.txt"),
            &["flask", "nump"],
            PackageNotFound,
            Some("nump"),
            "nump was not found",
        ),
        (
            include_str!("../fixtures/uv-no-version.txt"),
            &["requests==99.9"],
            PackageNotFound,
            Some("requests==99.9"),
            "no version of",
        ),
        (
            include_str!("../fixtures/uv-no-newer-version.txt"),
            &["Requests>=99"],
            PackageNotFound,
            Some("Requests>=99"),
            "only requests",
        ),
        (
            include_str!("../fixtures/uv-small-conflict.txt"),
            &["flask==3.0.0", "werkzeug<2"],
            ResolverConflict,
            Some("flask==3.0.0"),
            "No solution",
        ),
        (
            include_str!("../fixtures/uv-conflict.txt"),
            &["django>=5", "asgiref<3"],
            ResolverConflict,
            Some("django>=5"),
            "No solution",
        ),
        (
            include_str!("../fixtures/uv-python-version.txt"),
            &["tensorflow==2.5.0"],
            ResolverConflict,
            Some("tensorflow==2.5.0"),
            "no wheels",
        ),
        (
            include_str!("../fixtures/uv-no-compiler.txt"),
            &["psutil==5.0.0"],
            NoCompiler,
            Some("psutil==5.0.0"),
            "x86_64-linux-gnu-gcc",
        ),
        (
            include_str!("../fixtures/uv-build-error.txt"),
            &["numpy==1.17.0"],
            CommandFailed,
            Some("numpy==1.17.0"),
            "Failed to build",
        ),
        (
            include_str!("../fixtures/uv-unreachable.txt"),
            &["x @ https://127.0.0.1:1/x-1.0-py3-none-any.whl"],
            IndexUnreachable,
            None,
            "Connect",
        ),
    ];
    for (output, requirements, code, requirement, marked) in cases {
        let failure = failure(output, requirements);
        assert_eq!((failure.code, failure.requirement.as_deref()), (code, requirement), "{output}\n{failure:?}");
        assert_eq!(failure.field, Some(Field::PackagesPip));
        let number = usize::try_from(failure.log_line.unwrap()).unwrap();
        let line = output.lines().nth(number - 1).unwrap();
        assert!(line.contains(marked), "marked line {number}: {line}\nof\n{output}");
    }
}

#[test]
fn what_pip_prints_is_understood() {
    let missing = failure(
        "ERROR: Could not find a version that satisfies the requirement nump (from versions: none)\nERROR: No matching distribution found for nump",
        &["nump"],
    );
    assert_eq!((missing.code, missing.requirement.as_deref()), (FailureCode::PackageNotFound, Some("nump")));
    let version = failure(
        "ERROR: Could not find a version that satisfies the requirement flask==99 (from versions: 0.1, 0.2)\nERROR: No matching distribution found for flask==99",
        &["Flask==99"],
    );
    assert_eq!((version.code, version.requirement.as_deref()), (FailureCode::PackageNotFound, Some("Flask==99")));
    let conflict = failure(
        "ERROR: Cannot install flask and werkzeug<2 because these package versions have conflicting dependencies.\nERROR: ResolutionImpossible: for help visit",
        &["flask", "werkzeug<2"],
    );
    assert_eq!(conflict.code, FailureCode::ResolverConflict);
}

#[test]
fn a_package_that_is_called_like_a_compiler_is_a_package() {
    for name in ["cmakee", "ninja-foo", "decompilerx"] {
        let line =
            format!("  cause: Because {name} was not found in the package registry and you require {name}, we can");
        let missing = failure(&format!("error: No solution found when resolving dependencies\n{line}"), &[name]);
        assert_eq!((missing.code, missing.requirement.as_deref()), (FailureCode::PackageNotFound, Some(name)));
    }
    let cmake = failure("CMake Error: No CMAKE_C_COMPILER could be found.", &["pyzmq"]);
    assert_eq!(cmake.code, FailureCode::NoCompiler);
}

#[test]
fn what_the_script_finds_missing_has_its_remedy() {
    let no_python = of_step(code::NO_PYTHON, &lines("[cooperage] There is no python3"), &content(&[], &[], &["flask"]));
    assert_eq!((no_python.code, no_python.log_line), (FailureCode::NoPython, Some(1)));
    let typed = "x @ git+https://git.example/x";
    let no_git = of_step(code::NO_GIT, &lines("[cooperage] no git"), &content(&[], &[], &["flask", typed]));
    assert_eq!((no_git.code, no_git.requirement.as_deref()), (FailureCode::NoGit, Some(typed)));
}

#[test]
fn names_are_compared_as_indexes_do() {
    assert_eq!(normal("Ruamel.Yaml__x"), "ruamel-yaml-x");
    assert_eq!(project(" Flask[async]>=3 ; x"), "Flask");
}
