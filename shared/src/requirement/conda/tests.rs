use super::*;

#[track_caller]
fn canonical(text: &str) -> String {
    let requirement = CondaRequirement::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!(requirement.as_str(), text.trim());
    requirement.canonical()
}

const VALID: [&str; 29] = [
    "numpy",
    "conda-forge::numpy==1.17*",
    "conda-forge/linux-64::numpy",
    "conda-forge/linux-64:main:numpy=1.26",
    "conda-forge:main:numpy",
    "conda-forge::numpy=1.26=py312*",
    "numpy 1.11.1 *nomkl*",
    "numpy 1.11.1",
    "numpy=1.11",
    "numpy>=1.8,<2|==1.9",
    "numpy >=1.8, <2",
    "numpy~=1.8",
    "numpy!=1.8",
    "numpy=1.26=py312h_0[subdir=linux-64]",
    "numpy[version='>=1.8,<2', build=py27_0]",
    "numpy[channel=conda-forge,md5=0123456789abcdef0123456789abcdef]",
    "conda-forge/linux-64::numpy>=1.26[build_number='>=3',license=BSD]",
    "https://conda.example.org/channel::numpy",
    "https://conda.example.org:8080/channel/linux-64::numpy>=1",
    "https://conda.example.org/channel/noarch/numpy-1.0-0.conda",
    "__glibc>=2.17",
    "_openmp_mutex",
    "python=3.12.*",
    "NumPy",
    "numpy==1.17",
    "numpy=*=*cuda*",
    "pytorch=2.1=*cuda12*",
    "r-base",
    "numpy[build='^py3.*$']",
];

#[test]
fn takes_what_the_reference_promises() {
    for text in VALID {
        canonical(text);
    }
}

#[test]
fn the_canonical_form_means_the_same() {
    let more = ["numpy >= 1.8 , < 2", "numpy  1.11.1   *nomkl*", "numpy [ version = '>=1.8, <2', build = py27_0]"];
    for text in VALID.into_iter().chain(more) {
        let form = canonical(text);
        let spec = |text| MatchSpec::from_str(text, ParseStrictness::Lenient).unwrap();
        assert_eq!(spec(&form), spec(text), "{text} -> {form}");
        assert_eq!(canonical(&form), form);
    }
}

#[test]
fn spacing_does_not_change_the_canonical_form() {
    assert_eq!(canonical("numpy >=1"), "numpy>=1");
    assert_eq!(canonical("numpy >= 1.8 , < 2"), "numpy>=1.8,<2");
    assert_eq!(canonical("numpy   1.11.1  *nomkl*"), "numpy 1.11.1 *nomkl*");
    assert_eq!(canonical("numpy [ version = '>=1.8, <2', build = py27_0]"), "numpy[version='>=1.8, <2',build=py27_0]");
    assert_eq!(canonical("numpy >=1.0 =py34_0"), "numpy>=1.0 =py34_0");
}

#[test]
fn refuses_all_else() {
    for (text, column) in [
        ("foo bar", 5),
        ("numpy -c evil", 7),
        ("numpy --override-channels", 7),
        ("-c evil", 1),
        ("numpy;x", 6),
        ("numpy$(id)", 6),
        ("https://u:p@h.example/channel::numpy", 9),
        ("https://h.example/t/tk-1/channel::numpy", 18),
        ("numpy[channel=https://u:p@h.example/c]", 23),
        ("numpy[nothing=1]", 7),
        ("numpy[version", 6),
        ("numpy>=", 6),
        ("numpy==1.0[version=2]", 11),
        ("conda-forge::numpy[channel=other]", 19),
        ("numpy[version=1,version=2]", 6),
        ("numpy[version=1][version=2]", 6),
        ("num*", 1),
        ("conda-forge::", 1),
        ("file:///x/numpy-1.0-0.conda", 1),
        ("file:///x::numpy", 1),
        ("numpy[url=file:///etc/x-1-0.conda]", 1),
        ("x/../..::numpy", 1),
        ("näh", 2),
        ("numpy 1.0 a b", 11),
    ] {
        let error = CondaRequirement::parse(text).expect_err(text);
        assert_eq!(error.column, Some(column), "{text}: {error:?}");
        assert!(error.message.ends_with('.'), "{error}");
    }
}

#[test]
fn nested_groups_are_no_burden() {
    let text = format!("numpy {}1{}", "(".repeat(20), ")".repeat(20));
    let start = std::time::Instant::now();
    let _ = CondaRequirement::parse(&text);
    let _ = CondaRequirement::parse(&format!("numpy {}1", "(".repeat(900)));
    let _ = CondaRequirement::parse(&format!("numpy {}", "1,".repeat(490)));
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
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
