//! The Dockerfile, read back by a parser of its own: whatever a person typed, the instructions are the expected ones, and
//! each requirement is exactly one word of the shell command, verbatim.
#![cfg(feature = "grammars")]

use cooperage_shared::{Content, Packages};
use proptest::prelude::*;

/// An instruction: its keyword, and the rest with its continuation lines joined as Docker joins them.
type Instruction = (String, String);

/// Reads a Dockerfile as `docker build` does: comment lines go, also between continuation lines; a backslash at the end
/// of a line joins the next.
fn instructions(dockerfile: &str) -> Vec<Instruction> {
    let mut found = Vec::new();
    let mut joined: Option<String> = None;
    // Everything that any builder may take for the end of a line.
    for line in dockerfile.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']) {
        if line.trim_start().starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let mut instruction = joined.take().unwrap_or_default();
        match line.trim_end_matches([' ', '\t']).strip_suffix('\\') {
            Some(start) => {
                instruction.push_str(start);
                joined = Some(instruction);
            }
            None => {
                instruction.push_str(line);
                let (keyword, rest) = instruction.split_once(' ').expect("an instruction has arguments");
                found.push((keyword.to_owned(), rest.trim().to_owned()));
            }
        }
    }
    assert_eq!(joined, None, "the last line is whole");
    found
}

/// The words of a RUN's command, behind its mounts.
fn words(run: &str) -> Vec<String> {
    let (mounts, command): (Vec<&str>, &str) = {
        let mut rest = run.trim_start();
        let mut mounts = Vec::new();
        while rest.starts_with("--mount=") {
            let (mount, after) = rest.split_once(' ').expect("a command follows");
            mounts.push(mount);
            rest = after.trim_start();
        }
        (mounts, rest)
    };
    assert_eq!(mounts.len(), 2, "{run}");
    if command.starts_with('[') {
        // In exec form a builder reads JSON, and falls back to the shell where it cannot. What looks for here-documents
        // reads the words of a shell before that, in which every requirement is within double quotes.
        let shell = shlex::split(command).expect("whole words");
        let array: Vec<String> = serde_json::from_str(command).expect("a JSON array of strings");
        assert_eq!(shell.len(), array.len(), "{command}");
        return array;
    }
    // A here-document begins with `<<` in an unquoted word; there is none, for outside of quotes no `<` is.
    let mut quoted = false;
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => {
                characters.next();
            }
            '<' | '>' | '$' | '`' | '"' | ';' | '&' | '|' | '#' | '*' | '?' | '~' | '(' | ')' | '{' | '}' | '!' => {
                assert!(quoted, "`{c}` stands outside of quotes in {run}");
            }
            _ => {}
        }
    }
    assert!(!quoted, "a quote is left open in {run}");
    assert!(command.len() <= 128 << 10, "one argument of a system call");
    shlex::split(command).expect("whole words")
}

/// The requirements that a Dockerfile installs by a script.
fn installed(instructions: &[Instruction], script: &str) -> Option<Vec<String>> {
    let mut found =
        instructions.iter().filter(|(keyword, _)| keyword == "RUN").map(|(_, rest)| words(rest)).filter(|words| {
            assert_eq!(words[0], "sh");
            words[1] == format!("/.cooperage/{script}")
        });
    let words = found.next();
    assert!(found.next().is_none(), "one RUN for each list");
    words.map(|words| words[2..].to_vec())
}

/// Checks the Dockerfile of a content that was accepted.
fn check(content: &Content) {
    let text = content.dockerfile();
    let instructions = instructions(&text);
    let Packages { apt, conda, pip } = &content.packages;
    let typed = |lines: &[String]| {
        let words: Vec<String> = lines
            .iter()
            .filter_map(|line| cooperage_shared::requirement_of_line(line).expect("a line that was accepted"))
            .map(str::to_owned)
            .collect();
        (!words.is_empty()).then_some(words)
    };
    assert_eq!(installed(&instructions, "apt-install"), typed(apt), "{text}");
    assert_eq!(installed(&instructions, "conda-install"), typed(conda), "{text}");
    assert_eq!(installed(&instructions, "pip-install"), typed(pip), "{text}");

    let mut keywords = vec!["FROM", "USER"];
    if typed(apt).is_some() {
        keywords.push("RUN");
    }
    if typed(conda).is_some() {
        keywords.extend(["ARG", "ARG", "ENV", "RUN"]);
    }
    if typed(pip).is_some() {
        keywords.push("RUN");
    }
    keywords.extend(["ARG", "USER"]);
    let found: Vec<&str> = instructions.iter().map(|(keyword, _)| keyword.as_str()).collect();
    assert_eq!(found, keywords, "{text}");
    assert_eq!(instructions[0].1, content.base_image.to_string());
    assert!(instructions[0].1.chars().all(|c| c.is_ascii_graphic() && !"$\\'\"#".contains(c)), "FROM takes one word");
    assert_eq!(instructions[1].1, "0:0");
    assert_eq!(instructions.last().map(|(_, rest)| rest.as_str()), Some("${COOPERAGE_BASE_USER}"));
    check_layers(content, &instructions);
}

/// The layers, built one on the other, are what the whole Dockerfile says.
fn check_layers(content: &Content, whole: &[Instruction]) {
    let (first, last) = (&whole[1..2], &whole[whole.len() - 2..]);
    let mut joined = whole[..2].to_vec();
    for layer in content.layers() {
        let alone = instructions(&content.dockerfile_of_layer(&layer));
        assert_eq!(alone.iter().filter(|(keyword, _)| keyword == "RUN").count(), 1, "{}", layer.instructions);
        assert_eq!(alone[0], whole[0]);
        assert_eq!(&alone[1..2], first);
        assert_eq!(&alone[alone.len() - 2..], last);
        assert_eq!(alone[alone.len() - 3].0, "RUN", "what follows a RUN would be missing in its layer");
        joined.extend_from_slice(&alone[2..alone.len() - 2]);
    }
    joined.extend_from_slice(last);
    assert_eq!(joined, whole);
}

fn list(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

#[test]
fn reads_as_expected() {
    let packages = Packages {
        apt: list(&["# tools", "jq", "", " g++=4:12.2.0-3  # compiler"]),
        conda: list(&["conda-forge::numpy==1.17*"]),
        pip: list(&["requests>=2 ; python_version > '3'"]),
    };
    let content = Content::parse("python:3.12", &packages).unwrap();
    assert_eq!(content.dockerfile(), include_str!("full.Dockerfile"));
    check(&content);
}

#[test]
fn a_list_without_requirements_leaves_nothing_behind() {
    let content = Content::parse("python:3.12", &Packages::default()).unwrap();
    let bare = "FROM python:3.12\nUSER 0:0\nARG COOPERAGE_BASE_USER=\nUSER ${COOPERAGE_BASE_USER}\n";
    assert_eq!(content.dockerfile(), bare);
    let packages = Packages { conda: list(&["# nothing"]), pip: list(&["six"]), ..Packages::default() };
    let content = Content::parse("python:3.12", &packages).unwrap();
    assert!(!content.dockerfile().contains("conda"), "{}", content.dockerfile());
    check(&content);
}

#[test]
fn hostile_words_stay_words() {
    let packages = Packages {
        apt: vec![],
        conda: list(&["numpy[license='a b # $(id) `id`']", "numpy[build=\"^a'$\"]"]),
        pip: list(&[
            "a; os_name == '$(id)' or os_name == \"`id`\"",
            "a @ https://h.example/$(id)`id`<<EOF/RUN'\"\\/x.whl",
            "a; os_name == '\\'",
        ]),
    };
    let (mut seen, fields) = (0, [packages.conda.len(), packages.pip.len()]);
    for (field, count) in fields.into_iter().enumerate() {
        for index in 0..count {
            let mut one = Packages::default();
            match field {
                0 => one.conda = vec![packages.conda[index].clone()],
                _ => one.pip = vec![packages.pip[index].clone()],
            }
            if let Ok(content) = Content::parse("debian", &one) {
                seen += 1;
                check(&content);
            }
        }
    }
    assert!(seen >= 3, "some of them are accepted: {seen}");
}

/// Requirements that are longer together than a shell command may be.
fn filler(field: usize) -> Vec<String> {
    let text = "x".repeat(950);
    (0..130)
        .map(|n| match field {
            0 => format!("a{n}{text}"),
            1 => format!("a{n}[license='{text} \" \\ <<EOF']"),
            _ => format!("a{n} ; os_name == '{text} \" \\ <<EOF'"),
        })
        .collect()
}

#[test]
fn a_list_that_no_shell_takes_is_in_exec_form() {
    for field in 0..3 {
        let mut packages = Packages::default();
        let list = &mut *[&mut packages.apt, &mut packages.conda, &mut packages.pip][field];
        list.extend(filler(field));
        list.push("six".to_owned());
        let content = Content::parse("debian:12", &packages).unwrap();
        check(&content);
        let text = content.dockerfile();
        assert!(text.contains("    [\"sh\", \\\n    \"/.cooperage/"), "{}", &text[..400]);
        assert!(text.contains(" \\\n    \"six\"]\n"));
    }
}

/// Text near enough to requirements that much of it is accepted.
fn requirement_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "numpy", "g++", "libc6", "a", "conda-forge::", "==", ">=", "<", "=", "1.2", "1.*", "*", ",", ":", "/", "@",
            " ", " @ ", "https://h.example/", "git+https://h.example/x.git", ".whl", "x.tar.gz", "[", "]", "[b]",
            "[build=", "[version='", "'", "\"", ";", " ; os_name == '", "$(id)", "`id`", "\\", "#", " #", "<<EOF",
            "<<", "$HOME", "${HOME}", "(", ")", "|", "&&", "!", "~", "-", " -y", "\n", "\nRUN id", "\r", "\u{85}",
            "\u{2028}", "\u{a0}", "\u{0}", "ä", "\u{202e}", "%0a", "linux-64", "py_0", "^", "$", "[license='",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// A requirement of each list with a hostile middle, most of which is accepted.
fn nearly_valid() -> impl Strategy<Value = (usize, String)> {
    let hostile = prop::string::string_regex("[ -~]{0,12}").expect("a regex");
    (0..6_usize, hostile).prop_map(|(shape, middle)| match shape {
        0 => (2, format!("a ; os_name == '{}'", middle.replace('\'', ""))),
        1 => (2, format!("a ; os_name == \"{}\"", middle.replace('"', ""))),
        2 => (2, format!("a @ https://h.example/{}.whl", middle.replace(' ', ""))),
        3 => (2, format!("git+https://h.example/{}", middle.replace(' ', ""))),
        4 => (1, format!("numpy[license='{}']", middle.replace('\'', ""))),
        _ => (1, format!("numpy[license=\"{}\"]", middle.replace('"', ""))),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_any_field(
        base in prop_oneof![Just("debian:12".to_owned()), any::<String>(), requirement_like()],
        apt in prop::collection::vec(prop_oneof![any::<String>(), requirement_like()], 0..2),
        conda in prop::collection::vec(prop_oneof![any::<String>(), requirement_like()], 0..2),
        pip in prop::collection::vec(prop_oneof![any::<String>(), requirement_like()], 0..2),
    ) {
        if let Ok(content) = Content::parse(&base, &Packages { apt, conda, pip }) {
            check(&content);
        }
    }

    #[test]
    fn each_line_alone(line in requirement_like(), field in 0..3_usize) {
        let mut packages = Packages::default();
        [&mut packages.apt, &mut packages.conda, &mut packages.pip][field].push(line);
        if let Ok(content) = Content::parse("debian:12", &packages) {
            check(&content);
        }
    }

    #[test]
    fn hostile_text_inside_of_valid_requirements((field, line) in nearly_valid()) {
        let mut packages = Packages::default();
        [&mut packages.apt, &mut packages.conda, &mut packages.pip][field].push(line);
        if let Ok(content) = Content::parse("debian:12", &packages) {
            check(&content);
        }
    }

    #[test]
    fn hostile_text_in_exec_form((field, line) in nearly_valid(), fill in 0..20_u8) {
        // Few of the cases: each is long.
        if fill == 0 {
            let mut packages = Packages::default();
            let list = &mut *[&mut packages.apt, &mut packages.conda, &mut packages.pip][field];
            list.extend(filler(field));
            list.push(line);
            if let Ok(content) = Content::parse("debian:12", &packages) {
                check(&content);
            }
        }
    }

    #[test]
    fn any_base_image(base in "[ -~]{1,40}") {
        if let Ok(content) = Content::parse(&base, &Packages::default()) {
            check(&content);
        }
    }
}
