//! The build context: the folder `tools` that each install step sees at `/.cooperage`, read-only.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cooperage_shared::Content;

use crate::conda::ChannelSettings;
use crate::delivery::protocol::{BuildPlan, BuildSettings};

const APT_INSTALL: &str = include_str!("tools/apt-install");
const CONDA_INSTALL: &str = include_str!("tools/conda-install");
const PIP_INSTALL: &str = include_str!("tools/pip-install");
const APT_CONF: &str = include_str!("tools/apt.conf");

/// Where install steps see the certificates.
const CA_BUNDLE_IN_STEP: &str = "/.cooperage/ca.pem";
/// Variables by which programs find certificates.
const CA_VARIABLES: [&str; 6] =
    ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"];

/// Makes a step print into the log's own pipe. What it prints by way of buildah may be lost: that passes it on in a thread
/// (`chroot/run_common.go` of buildah) and does not wait for it when the step has ended.
const OUTPUT: &str = "exec >/.cooperage/output 2>&1\n";

/// Lays out the context of `content` in `folder`; the Dockerfile of each layer comes later. `output` is the pipe that takes
/// what install steps print.
///
/// # Errors
/// When a file cannot be written, or a tool or the certificates cannot be read.
pub(super) fn write(
    folder: &Path,
    plan: &BuildPlan,
    content: &Content,
    ca_bundle: Option<&Path>,
    output: &Path,
) -> io::Result<()> {
    let tools = folder.join("tools");
    fs::create_dir_all(&tools)?;
    fs::hard_link(output, tools.join("output"))?;
    fs::write(tools.join("setup"), format!("{OUTPUT}{}", environment(&plan.settings, plan.fresh)))?;
    if let Some(certificates) = ca_bundle.map(Path::to_owned).or_else(system_certificates) {
        fs::copy(certificates, tools.join("ca.pem"))?;
    }
    if !content.requirements.apt.is_empty() {
        fs::write(tools.join("apt-install"), APT_INSTALL)?;
        let mut conf = String::from(APT_CONF);
        for line in &plan.settings.apt_conf {
            conf.push_str(line);
            conf.push('\n');
        }
        fs::write(tools.join("apt.conf"), conf)?;
    }
    if !content.requirements.conda.is_empty() {
        fs::write(tools.join("conda-install"), CONDA_INSTALL)?;
        fs::write(tools.join("conda.json"), serde_json::to_vec(&ChannelSettings::of(&plan.settings))?)?;
        program(&std::env::current_exe()?, &tools.join("cooperage"))?;
    }
    if !content.requirements.pip.is_empty() {
        fs::write(tools.join("pip-install"), PIP_INSTALL)?;
        if let Some(uv) = plan.uv.clone().or_else(uv_in_path) {
            program(&uv, &tools.join("uv"))?;
        }
    }
    Ok(())
}

/// Copies a program, never links it: an install step must not hold the very file that runs elsewhere.
fn program(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", from.display())))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))
}

/// The uv program in PATH.
fn uv_in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("uv")).find(|file| file.is_file())
}

/// A script that sets the administrator's variables; each value is one single-quoted word.
fn environment(settings: &BuildSettings, fresh: bool) -> String {
    let mut variables: Vec<(&str, String)> = Vec::new();
    if fresh {
        variables.push(("COOPERAGE_FRESH", "1".to_owned()));
    }
    for (lower, upper, value) in [
        ("http_proxy", "HTTP_PROXY", &settings.http_proxy),
        ("https_proxy", "HTTPS_PROXY", &settings.https_proxy),
        ("no_proxy", "NO_PROXY", &settings.no_proxy),
    ] {
        if let Some(value) = value {
            variables.extend([(lower, value.clone()), (upper, value.clone())]);
        }
    }
    if let Some(index) = &settings.pip_index_url {
        variables.extend([("UV_DEFAULT_INDEX", index.clone()), ("PIP_INDEX_URL", index.clone())]);
    }
    if !settings.pip_extra_index_urls.is_empty() {
        let urls = settings.pip_extra_index_urls.join(" ");
        variables.extend([("UV_INDEX", urls.clone()), ("PIP_EXTRA_INDEX_URL", urls)]);
    }
    if settings.ca_bundle.is_some() {
        variables.extend(CA_VARIABLES.map(|name| (name, CA_BUNDLE_IN_STEP.to_owned())));
    }
    variables.extend(settings.environment.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let mut script = String::new();
    for (name, value) in variables.iter().filter(|(name, _)| is_variable_name(name)) {
        let _ = writeln!(script, "export {name}={}", single_quoted(value));
    }
    script
}

fn is_variable_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

/// The text as one word of a POSIX shell, which expands nothing in it.
fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Writes this machine's certificates and the administrator's into one file, for programs that take only one.
///
/// # Errors
/// When the administrator's file cannot be read or the other not written.
pub(super) fn join_certificates(bundle: &Path, to: &Path) -> io::Result<()> {
    let mut joined = Vec::new();
    if let Some(system) = system_certificates() {
        joined = fs::read(system)?;
        joined.push(b'\n');
    }
    let own = fs::read(bundle)
        .map_err(|error| io::Error::new(error.kind(), format!("the CA bundle {}: {error}", bundle.display())))?;
    joined.extend(own);
    let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o644).open(to)?;
    file.write_all(&joined)
}

/// This machine's certificates, where its distribution keeps them.
fn system_certificates() -> Option<PathBuf> {
    [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_reach_the_shell_as_they_are() {
        let mut settings = BuildSettings {
            pip_index_url: Some("https://u:p$x@index.example/simple".to_owned()),
            no_proxy: Some("a,'b'; rm -rf /".to_owned()),
            ..BuildSettings::default()
        };
        settings.environment.insert("GREETING".to_owned(), "two\nlines `id` $(id) \"".to_owned());
        settings.environment.insert("BAD NAME".to_owned(), "x".to_owned());
        let script = environment(&settings, false);
        let output = std::process::Command::new("sh")
            .env_clear()
            .arg("-c")
            .arg(format!(
                "{script}printf '%s|%s|%s|%s' \"$UV_DEFAULT_INDEX\" \"$PIP_INDEX_URL\" \"$NO_PROXY\" \"$GREETING\""
            ))
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "https://u:p$x@index.example/simple|https://u:p$x@index.example/simple|a,'b'; rm -rf /|two\nlines `id` $(id) \""
        );
    }

    #[test]
    fn the_scripts_are_valid_shell() {
        for script in [APT_INSTALL, CONDA_INSTALL, PIP_INSTALL] {
            let status = std::process::Command::new("sh").arg("-n").arg("-c").arg(script).status().unwrap();
            assert!(status.success());
        }
    }
}
