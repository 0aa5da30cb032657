use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn defaults_are_filled_in() {
    for (text, canonical) in [
        ("python", "docker.io/library/python:latest"),
        (" python:3.12 ", "docker.io/library/python:3.12"),
        ("jupyter/base-notebook", "docker.io/jupyter/base-notebook:latest"),
        ("docker.io/python", "docker.io/library/python:latest"),
        ("index.docker.io/a/b:c", "docker.io/a/b:c"),
        ("registry-1.docker.io/python", "docker.io/library/python:latest"),
        ("localhost/a", "localhost/a:latest"),
        ("localhost:5000/a/b/c:1", "localhost:5000/a/b/c:1"),
        ("127.0.0.1:5000/debian:12", "127.0.0.1:5000/debian:12"),
        ("Registry.Example.COM/a:B", "registry.example.com/a:B"),
        ("[::1]:5000/a", "[::1]:5000/a:latest"),
        ("[2001:db8::1]/a", "[2001:db8::1]/a:latest"),
        ("a__b/c-----d.e_f", "docker.io/a__b/c-----d.e_f:latest"),
        ("quay.io/a:_x.Y-z", "quay.io/a:_x.Y-z"),
    ] {
        let reference: ImageReference = text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(reference.canonical(), canonical);
        assert_eq!(reference.to_string(), text.trim());
        let again: ImageReference = canonical.parse().unwrap();
        assert_eq!(again.canonical(), canonical);
    }
}

#[test]
fn digests_say_which_image_is_meant() {
    let reference: ImageReference = format!("python@{DIGEST}").parse().unwrap();
    assert_eq!((reference.tag(), reference.digest()), (None, Some(DIGEST)));
    let reference: ImageReference = format!("h.example:1/a:b@{DIGEST}").parse().unwrap();
    assert_eq!((reference.host(), reference.repository()), ("h.example:1", "a"));
    assert_eq!((reference.tag(), reference.digest()), (Some("b"), Some(DIGEST)));
    assert_eq!(reference.with_tag("c").unwrap().to_string(), "h.example:1/a:c");
    assert_eq!(reference.with_digest(DIGEST).unwrap().to_string(), format!("h.example:1/a@{DIGEST}"));
    assert!(reference.with_tag("a b").is_err());
    assert!(reference.with_digest("sha256:00").is_err());
}

#[test]
fn all_else_is_refused_at_its_column() {
    let (long_tag, long_path) = (format!("a:{}", "b".repeat(129)), "a".repeat(256));
    let (id, upper_digest) = ("a".repeat(64), format!("a@{}", DIGEST.to_uppercase()));
    for (text, column) in [
        ("", None),
        ("   ", None),
        ("https://h.example/a", Some(1)),
        ("docker://a", Some(1)),
        ("a b", Some(2)),
        ("a\nRUN id", Some(2)),
        ("é/a", Some(1)),
        ("Foo/bar", Some(1)),
        ("library/Python", Some(9)),
        ("h.example/A", Some(11)),
        ("a:", Some(3)),
        ("a:-b", Some(3)),
        ("a:b:c", Some(4)),
        ("a//b", Some(3)),
        ("/a", Some(1)),
        ("a/", Some(3)),
        ("-a", Some(1)),
        ("a-", Some(2)),
        ("a..b", Some(2)),
        ("a___b", Some(2)),
        ("a/b.-c", Some(4)),
        ("h.example:0/a", Some(11)),
        ("h.example:65536/a", Some(11)),
        ("h.example:x/a", Some(11)),
        ("h.example:/a", Some(11)),
        ("-h.example/a", Some(1)),
        ("h..example/a", Some(3)),
        ("[::1/a", Some(1)),
        ("[x]/a", Some(2)),
        ("a@sha256:00", Some(10)),
        ("a@md5:00", Some(3)),
        ("a@", Some(3)),
        ("  a@sha256:zz", Some(12)),
        ("$HOME", Some(1)),
        ("a'b", Some(2)),
        (&upper_digest, Some(3)),
        (&long_tag, Some(131)),
        (&long_path, Some(256)),
        (&id, Some(1)),
    ] {
        let error = text.parse::<ImageReference>().expect_err(text);
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.message.ends_with(['.', ')']), "{error}");
    }
}

#[test]
fn text_in_json() {
    let reference: ImageReference = "python".parse().unwrap();
    assert_eq!(serde_json::to_string(&reference).unwrap(), "\"python\"");
    assert_eq!(serde_json::from_str::<ImageReference>("\"python\"").unwrap(), reference);
    assert!(serde_json::from_str::<ImageReference>("\"A b\"").is_err());
}

#[test]
fn a_registry_host_is_spelled_one_way() {
    for (text, host) in [
        ("Registry.Example.com:5000", Some("registry.example.com:5000")),
        (" localhost ", Some("localhost")),
        ("docker.io", Some("docker.io")),
        ("registry-1.docker.io", Some("docker.io")),
        ("[::1]:5000", Some("[::1]:5000")),
        ("registry", None),
        ("", None),
        ("registry.example/team", None),
        ("docker.io/library", None),
        ("https://registry.example", None),
        ("registry.example:x", None),
    ] {
        assert_eq!(registry_host(text).as_deref(), host, "{text:?}");
    }
}
