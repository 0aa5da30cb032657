//! Whole specs: what is refused is refused whole, with every problem at its place; nothing is dropped; nothing panics.
#![cfg(feature = "grammars")]

use std::collections::BTreeSet;

use cooperage_shared::{
    AptRequirement, CondaRequirement, Content, Field, ImageName, ImageReference, ImageSpecInput, MAX_REQUIREMENTS,
    Packages, PipRequirement, ProblemCode, RevisionHash, parse_spec,
};
use proptest::prelude::*;

fn list(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

#[test]
fn every_problem_is_told_at_its_place() {
    let input = ImageSpecInput {
        name: "A".to_owned(),
        base_image: "B".to_owned(),
        pull_secret: None,
        packages: Packages {
            apt: list(&["jq", "# comment", "", "  foo bar"]),
            conda: list(&["numpy >=", "-c x"]),
            pip: list(&["a-", "ok", ">1"]),
        },
    };
    let problems = parse_spec(&input).unwrap_err();
    let places: Vec<_> = problems.iter().map(|problem| (problem.field, problem.line, problem.column)).collect();
    assert_eq!(
        places,
        [
            (Field::Name, None, Some(1)),
            (Field::BaseImage, None, Some(1)),
            (Field::PackagesApt, Some(4), Some(6)),
            (Field::PackagesConda, Some(1), Some(7)),
            (Field::PackagesConda, Some(2), Some(1)),
            (Field::PackagesPip, Some(1), Some(2)),
            (Field::PackagesPip, Some(3), Some(1)),
        ],
        "{problems:#?}"
    );
    assert_eq!(problems[2].message, "`foo bar` has a space: put one package on each line.");
}

/// The requirements that the reference drops without a word.
#[test]
fn nothing_is_dropped_that_the_reference_drops() {
    let packages = Packages {
        apt: list(&["g++", "libstdc++6", "git/bookworm-backports"]),
        conda: list(&["conda-forge::numpy==1.17*", "pandas>=1,<2"]),
        pip: list(&["pandas>=1", "requests[socks]", "git+https://host.example/team/tool.git@v1"]),
    };
    let content = Content::parse("debian:12", &packages).unwrap();
    let kept = |texts: Vec<&str>, typed: &[String]| assert_eq!(texts, typed);
    kept(content.requirements.apt.iter().map(AptRequirement::as_str).collect(), &packages.apt);
    kept(content.requirements.conda.iter().map(CondaRequirement::as_str).collect(), &packages.conda);
    kept(content.requirements.pip.iter().map(PipRequirement::as_str).collect(), &packages.pip);
}

#[test]
fn a_list_takes_a_thousand_requirements_and_any_duplicates() {
    let most = |count: usize| {
        let line = (0..count).flat_map(|n| [format!("package-{}", n % 700), "# comment".to_owned()]).collect();
        Packages { pip: line, ..Packages::default() }
    };
    let content = Content::parse("debian", &most(MAX_REQUIREMENTS)).unwrap();
    assert_eq!(content.requirements.pip.len(), MAX_REQUIREMENTS);
    let problems = Content::parse("debian", &most(MAX_REQUIREMENTS + 1)).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].code, problems[0].line), (ProblemCode::TooMany, Some(2001)));

    let empty = Packages { apt: vec![String::new(); 10_000], ..Packages::default() };
    assert_eq!(Content::parse("debian", &empty).unwrap_err()[0].code, ProblemCode::TooMany);
    let long = Packages { apt: vec![format!("a{}", "b".repeat(999)); MAX_REQUIREMENTS], ..Packages::default() };
    assert_eq!(Content::parse("debian", &long).unwrap().requirements.apt.len(), MAX_REQUIREMENTS);
    // As many characters, but two bytes each: more than one program can be called with.
    let wide = Packages { pip: vec![format!("a;os_name=='{}'", "é".repeat(980)); MAX_REQUIREMENTS], ..long };
    let problems = Content::parse("debian", &wide).unwrap_err();
    assert_eq!((problems[0].code, problems[0].field), (ProblemCode::TooLong, Field::PackagesPip));
}

#[test]
fn scratch_is_no_base() {
    assert_eq!(Content::parse("scratch", &Packages::default()).unwrap_err()[0].field, Field::BaseImage);
}

#[test]
fn a_file_may_leave_out_what_it_does_not_need() {
    let json = r#"{"name": "a", "baseImage": "debian", "packages": {"pip": ["six"], "conda": null}}"#;
    let input: ImageSpecInput = serde_json::from_str(json).unwrap();
    assert_eq!(input.packages, Packages { pip: list(&["six"]), ..Packages::default() });
    let input: ImageSpecInput = serde_json::from_str(r#"{"name": "a", "baseImage": "b", "packages": null}"#).unwrap();
    assert_eq!(input.packages, Packages::default());
    for wrong in
        [r#"{"name": "a", "baseImage": "b", "pip": []}"#, r#"{"name": "a", "baseImage": "b", "packages": {"npm": []}}"#]
    {
        assert!(serde_json::from_str::<ImageSpecInput>(wrong).is_err(), "{wrong}");
    }
}

/// The vectors hold the canonical form: whoever changes one of these hashes changes the version of the form.
#[test]
fn revision_hashes_are_those_of_the_vectors() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("revisions.json")).unwrap();
    let lines = |value: &serde_json::Value| serde_json::from_value::<Vec<String>>(value.clone()).unwrap();
    let mut hashes = BTreeSet::new();
    for vector in vectors.as_array().unwrap() {
        let revision = vector["revision"].as_str().unwrap();
        let form = lines(&vector["canonicalForm"]).concat();
        assert_eq!(RevisionHash::of(&form).to_string(), revision, "{form}");
        assert!(hashes.insert(revision.to_owned()), "two vectors of one content");
        for spelling in vector["spellings"].as_array().unwrap() {
            let packages: Packages = serde_json::from_value(spelling["packages"].clone()).unwrap();
            let content = Content::parse(spelling["baseImage"].as_str().unwrap(), &packages).unwrap();
            assert_eq!(content.canonical_form(), form);
            assert_eq!(content.revision().to_string(), revision);
        }
    }
    assert!(hashes.len() >= 5);
}

fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,40}",
        "[a-z0-9\\[\\]\\(\\)<>=!~;,@:/'\"#*|&. -]{0,40}",
        "[a-z]{1,4} ?[<>=!~]{1,3}[0-9.*a-z]{0,6}[,|]? ?[<>=!~]{0,2}[0-9.*]{0,4}",
        "[a-z]{1,3}-|>1,|===[a-z]{0,3}|[a-z]===[a-z]{1,3}",
        "a ?; ?[a-z_]{0,12} ?[<>=!~in ]{1,3} ?['\"][^\\n]{0,8}['\"]",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in anything()) {
        let _ = AptRequirement::parse(&text);
        let _ = CondaRequirement::parse(&text);
        let _ = PipRequirement::parse(&text);
        let _ = text.parse::<ImageName>();
        let _ = text.parse::<RevisionHash>();
        if let Ok(reference) = text.parse::<ImageReference>() {
            let again: ImageReference = reference.canonical().parse().expect("a canonical form is a reference");
            prop_assert_eq!(again.canonical(), reference.canonical());
        }
    }

    #[test]
    fn a_canonical_form_has_one_line_and_is_its_own(text in anything()) {
        if let Ok(requirement) = CondaRequirement::parse(&text) {
            let form = requirement.canonical();
            prop_assert_eq!(CondaRequirement::parse(&form).map(|again| again.canonical()), Ok(form));
        }
        if let Ok(requirement) = PipRequirement::parse(&text) {
            let form = requirement.canonical();
            prop_assert!(!form.contains(['\n', '\r']));
            prop_assert_eq!(PipRequirement::parse(&form).map(|again| again.canonical()), Ok(form));
        }
    }

    #[test]
    fn a_column_lies_within_its_line(text in anything(), indent in 0..3_usize) {
        let line = format!("{}{text}", " ".repeat(indent));
        let packages = Packages { apt: vec![line.clone()], conda: vec![line.clone()], pip: vec![line.clone()] };
        for problem in Content::parse("debian", &packages).err().unwrap_or_default() {
            let most = u32::try_from(line.chars().count() + 1).expect("a short line");
            prop_assert!(problem.column.is_none_or(|column| (1..=most).contains(&column)), "{problem}");
            prop_assert_eq!(problem.line, Some(1));
            prop_assert!(!problem.message.is_empty() && !problem.message.contains('\n'), "{problem}");
        }
    }

    #[test]
    fn order_spacing_comments_and_duplicates_do_not_change_the_hash(
        mut lines in prop::collection::vec(prop::sample::select(vec!["a>=1", "b[x]==2", "c", "d @ https://h.example/d.zip"]), 1..6),
        comment in "[ -~]{0,20}",
        turn in 0..6_usize,
    ) {
        let content = |lines: Vec<String>| Content::parse("debian", &Packages { pip: lines, ..Packages::default() }).unwrap();
        let before = content(list(&lines));
        let turn = turn % lines.len();
        lines.rotate_left(turn);
        let mut spelled: Vec<String> = lines.iter().map(|line| format!("  {line}  # {comment}")).collect();
        spelled.push(String::new());
        spelled.push(format!("#{comment}"));
        spelled.push(lines[0].to_owned());
        prop_assert_eq!(content(spelled).revision(), before.revision());
    }

    #[test]
    fn another_wish_has_another_hash(
        one in prop::collection::btree_set("[a-c]{1,2}", 0..4),
        other in prop::collection::btree_set("[a-c]{1,2}", 0..4),
    ) {
        let revision = |names: &BTreeSet<String>, field: usize| {
            let mut packages = Packages::default();
            let lines = names.iter().map(|name| format!("x{name}")).collect();
            *[&mut packages.apt, &mut packages.conda, &mut packages.pip][field] = lines;
            Content::parse("debian", &packages).unwrap().revision()
        };
        prop_assert_eq!(one == other, revision(&one, 2) == revision(&other, 2));
        prop_assert_eq!(one.is_empty(), revision(&one, 0) == revision(&one, 1));
    }

    #[test]
    fn types_round_trip_through_json(name in "[a-z0-9]([a-z0-9.-]{0,10}[a-z0-9])?", apt in prop::collection::vec(any::<String>(), 0..4)) {
        let name: ImageName = name.parse().unwrap();
        let json = serde_json::to_string(&name).unwrap();
        prop_assert_eq!(serde_json::from_str::<ImageName>(&json).unwrap(), name.clone());
        let reference: ImageReference = format!("h.example/{}", name.repository_component()).parse().expect("a component");
        let json = serde_json::to_string(&reference).unwrap();
        prop_assert_eq!(serde_json::from_str::<ImageReference>(&json).unwrap(), reference);
        let input = ImageSpecInput {
            name: name.to_string(), base_image: "debian".to_owned(), pull_secret: Some("s".to_owned()),
            packages: Packages { apt, ..Packages::default() },
        };
        let json = serde_json::to_string(&input).unwrap();
        prop_assert_eq!(serde_json::from_str::<ImageSpecInput>(&json).unwrap(), input);
    }

    #[test]
    fn no_two_names_share_a_component(one in "a[.-]{0,4}b[.-]{0,3}c", other in "a[.-]{0,4}b[.-]{0,3}c") {
        let component = |name: &str| name.parse::<ImageName>().unwrap().repository_component();
        prop_assert_eq!(one == other, component(&one) == component(&other));
    }
}
