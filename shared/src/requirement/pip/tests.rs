use super::*;

#[track_caller]
fn canonical(text: &str) -> String {
    let requirement = PipRequirement::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!(requirement.as_str(), text.trim());
    requirement.canonical()
}

#[test]
fn takes_pep_508_and_what_people_type() {
    for text in [
        "requests",
        "pandas>=1",
        "requests[socks,security]>=2.8.1,==2.8.*;python_version>'3.8'",
        "a>1,",
        "name (>=1,<2)",
        "zope.interface~=5.0",
        "pip @ https://host.example/pip-1.3.1.zip#sha1=da9234ee9982d4bbb3c72346a6de940a148ea686",
        "tool @ git+https://host.example/team/tool.git@v2#subdirectory=py",
        "tool @ git+ssh://git@host.example/team/tool.git",
        "git+https://host.example/team/tool.git",
        "git+https://host.example/team/tool.git@main#egg=tool",
        "https://host.example/x-1.0-py3-none-any.whl",
        "https://host.example/x-1.0.tar.gz[dev, test] ; python_version > '3'",
        "torch==2.1.0+cpu",
        "x; sys_platform == 'linux' and (python_version < '3' or extra == 'a')",
        "Django!=3.*",
        "a @ https://host.example/a.zip ; os_name=='posix'",
        "a @ https://host.example/a.zip; os_name=='posix'",
    ] {
        canonical(text);
    }
}

#[test]
fn spelling_does_not_change_the_canonical_form() {
    assert_eq!(canonical("Zope_Interface [B , a.x,a-X] < 6 , >=5.0"), "zope-interface[a-x,b]>=5.0,<6");
    assert_eq!(canonical("a>1,"), "a>1");
    assert_eq!(canonical("a>1,>1"), "a>1");
    assert_eq!(canonical("a (>1)"), "a>1");
    assert_eq!(
        canonical("a;python_version>'3'and (os_name in \"a 'b'\")"),
        "a ; python_version > \"3\" and ( os_name in \"a 'b'\" )"
    );
    assert_eq!(canonical("a; 'x\"y'!=os_name"), "a ; 'x\"y' != os_name");
    assert_eq!(canonical("A@https://h.example/A.zip ;os_name=='p'"), "a @ https://h.example/A.zip ; os_name == \"p\"");
    assert_eq!(canonical("https://h.example/A.zip[b,a]"), "https://h.example/A.zip[a,b]");
    assert_eq!(canonical("git+https://h.example/A.git"), "git+https://h.example/A.git");
}

#[test]
fn tells_repositories_from_archives() {
    assert!(PipRequirement::parse("git+https://h.example/A.git").unwrap().is_vcs());
    assert!(!PipRequirement::parse("a @ https://h.example/A.zip").unwrap().is_vcs());
    assert!(!PipRequirement::parse("a").unwrap().is_vcs());
}

#[test]
fn refuses_all_else_at_its_column() {
    for (text, column) in [
        ("foo bar", 5),
        ("a-", 2),
        ("===foo", 1),
        ("a===", 2),
        ("-r requirements.txt", 1),
        ("./x", 1),
        ("foo/bar", 1),
        ("foo.tar.gz", 1),
        ("C:\\x", 1),
        ("file:///x.whl", 1),
        ("a @ file:///x.whl", 5),
        ("a @ ./x", 5),
        ("a @ hg+https://h.example/x", 5),
        ("a @ https://h.example/x", 5),
        ("a @ https://h.example/x.whl --hash=sha256:00", 5),
        ("a @ https://u:p@h.example/x.whl", 13),
        ("https://token@h.example/x.whl", 9),
        ("a @ https://h.example/${HOME}.whl", 23),
        ("a[b", 2),
        ("a>=x", 2),
        ("a ; nothing", 5),
        ("a>=1 b", 2),
        ("a --pre", 3),
        ("_a", 1),
        ("näh", 2),
    ] {
        let error = PipRequirement::parse(text).expect_err(text);
        assert_eq!(error.column, Some(column), "{text}: {error:?}");
        assert!(error.message.ends_with('.'), "{error}");
        assert!(error.message.starts_with(|c: char| c.is_uppercase() || c == '`'), "{error}");
    }
}

#[test]
fn markers_that_would_explode_are_refused_at_once() {
    let pairs: Vec<String> = (0..27).map(|n| format!("extra=='a{n}' and extra=='b{n}'")).collect();
    let error = PipRequirement::parse(&format!("a;{}", pairs.join(" or "))).unwrap_err();
    assert!(error.message.contains("comparisons"), "{error}");
    let most: Vec<String> = (0..MAX_COMPARISONS / 2).map(|n| format!("extra=='a{n}' and extra=='b{n}'")).collect();
    let start = std::time::Instant::now();
    canonical(&format!("a;{}", most.join(" or ")));
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    let nested = format!("a;{}os_name=='x'{}", "(".repeat(480), ")".repeat(480));
    assert!(PipRequirement::parse(&nested).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 1500, ..Default::default() })]

    /// Without the net that holds a panic of the grammar: there is none to hold.
    #[test]
    fn the_grammar_panics_on_nothing(
        any in proptest::prelude::any::<String>(),
        like in "[a-zA-Z0-9_][a-z0-9\\[\\]()<>=!~;,@:/'\"#*|&.$^{} +-]{0,40}",
        near in "[a-z]{1,3}-?(::|;|@|\\[)? ?[<>=!~]{0,3}[0-9.*a-z+!-]{0,6}[,|)]? ?[<>=!~]{0,2}[\\PC]{0,6}",
    ) {
        for text in [any, like, near] {
            if let Ok(Some(requirement)) = crate::requirement_of_line(&text) {
                let _ = read(requirement);
            }
        }
    }
}
