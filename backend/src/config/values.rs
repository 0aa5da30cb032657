//! Parsers of single values that several settings share.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};

use super::{ConfigError, Secret};

/// `90s`, `15m`, `1h`; zero is refused.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("must be more than zero, for example 1h".to_owned()),
        Ok(duration) => Ok(duration),
        Err(_) => Err("expected a number and a unit, for example 90s, 15m or 1h".to_owned()),
    }
}

/// `64MiB`, `20GiB`, or a number of bytes; zero is refused.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    match bytesize::ByteSize::from_str(text) {
        Ok(size) if size.as_u64() > 0 => Ok(size.as_u64()),
        _ => Err("expected a size of more than zero, for example 64MiB or 20GiB".to_owned()),
    }
}

/// A secret never shows in clap's messages or in `Debug`.
#[expect(clippy::unnecessary_wraps, reason = "the shape that clap asks of a value parser")]
pub(super) fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text.to_owned()))
}

/// A path, or nothing where it is empty: clap's own parser refuses that.
pub(crate) fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// An empty value counts as none, so that a variable can be switched off by emptying it.
pub(super) fn filled(value: Option<String>) -> Option<String> {
    value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The secret given outright or in a file, whose final line break does not count.
pub(super) fn secret_or_file(
    setting: &'static str,
    value: Option<Secret>,
    file: Option<&Path>,
) -> Result<Option<Secret>, ConfigError> {
    let value = value.filter(|value| !value.expose().is_empty());
    let file = file.filter(|path| !path.as_os_str().is_empty());
    match (value, file) {
        (Some(_), Some(_)) => Err(ConfigError::Both { setting }),
        (None, Some(path)) => {
            let unreadable = |source| ConfigError::Unreadable { setting, path: path.display().to_string(), source };
            let text = std::fs::read_to_string(path).map_err(unreadable)?;
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                return Err(ConfigError::Invalid { setting, message: format!("the file {} is empty", path.display()) });
            }
            Ok(Some(Secret::new(text.to_owned())))
        }
        (value, None) => Ok(value),
    }
}

/// Whether `host[:port]` is this machine itself.
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => authority.split(':').next().unwrap_or(authority),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `make run` leaves them where the machine has nothing to hand on.
    #[test]
    fn a_variable_of_a_path_can_be_empty() {
        #[derive(clap::Parser)]
        struct Settings {
            #[command(flatten)]
            build: crate::config::BuildArgs,
            #[command(flatten)]
            registry: crate::config::RegistryArgs,
        }
        let empty = ["--build-ca-bundle", "--build-uv", "--registry-password-file"].map(|name| format!("{name}="));
        let settings = <Settings as clap::Parser>::try_parse_from([vec!["test".to_owned()], empty.to_vec()].concat());
        let Settings { build, registry } = settings.unwrap();
        let build = build.resolve();
        assert_eq!((build.uv, build.settings.ca_bundle), (None, None));
        assert!(registry.resolve().unwrap().password.is_none());
    }

    #[test]
    fn durations_and_sizes_are_read_as_people_write_them() {
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert!(duration("0s").is_err());
        assert!(duration("soon").is_err());
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("1000"), Ok(1000));
        assert!(bytes("-1").is_err());
        assert!(bytes("0").is_err());
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["localhost:5000", "127.0.0.1:5000", "127.8.8.8", "[::1]:5000", "LOCALHOST"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["registry.example:5000", "10.0.0.1:5000", "localhost.example", "[2001:db8::1]:5000"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_secret_comes_from_one_place_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "hunter2\n").unwrap();
        let from_file = secret_or_file("--x", None, Some(&path)).unwrap().unwrap();
        assert_eq!(from_file.expose(), "hunter2");
        assert!(secret_or_file("--x", Some(Secret::new("a".to_owned())), Some(&path)).is_err());
        assert!(secret_or_file("--x", Some(Secret::new(String::new())), None).unwrap().is_none());
        std::fs::write(&path, "\n").unwrap();
        assert!(secret_or_file("--x", None, Some(&path)).is_err());
    }
}
