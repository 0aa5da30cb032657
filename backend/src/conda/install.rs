//! `cooperage conda-install`: runs inside an install step.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, io};

use rattler::install::{Installer, InstallerError, LinkOptions};
use rattler::package_cache::PackageCache;
use rattler_conda_types::PrefixRecord;
use rattler_repodata_gateway::Gateway;

use super::progress::Progress;
use super::{ChannelSettings, CondaError, Reason, solve, token_of};

/// Installs conda packages into a prefix.
#[derive(clap::Args, Clone, Debug)]
pub struct InstallArgs {
    /// The file with the administrator's channels
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Where the packages go; made if it does not exist
    #[arg(long, value_name = "FOLDER")]
    pub prefix: PathBuf,
    /// Where downloads are kept
    #[arg(long, value_name = "FOLDER")]
    pub cache: PathBuf,
    /// Match specifications
    #[arg(required = true, value_name = "SPEC")]
    pub specs: Vec<String>,
}

/// Installs packages; the exit code tells the [`Reason`] of a failure, and the line `error: …` what happened.
pub async fn install(args: InstallArgs) -> ExitCode {
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::from(error.reason.exit_code())
        }
    }
}

async fn run(args: InstallArgs) -> Result<(), CondaError> {
    let settings = match &args.settings {
        Some(file) => read_settings(file)?,
        None => ChannelSettings::default(),
    };
    let requirements = solve::parse(&args.specs)?;
    let client = http_client()?;
    let packages = PackageCache::new(args.cache.join("packages"));
    let gateway = Gateway::builder()
        .with_cache_dir(args.cache.join("repodata"))
        .with_package_cache(packages.clone())
        .with_client(client.clone())
        .finish();
    let installed: Vec<PrefixRecord> = PrefixRecord::collect_from_prefix(&args.prefix)
        .map_err(|error| CondaError::caused(Reason::Other, "the conda prefix cannot be read", &error))?;
    if !installed.is_empty() {
        println!("The prefix {} holds {} packages; they stay.", args.prefix.display(), installed.len());
    }
    let records = solve::solve(&gateway, &settings, requirements, &installed).await?;
    Installer::new()
        .with_download_client(client)
        .with_package_cache(packages)
        .with_installed_packages(installed)
        .with_execute_link_scripts(true)
        // The cache is gone when the step has ended: nothing in the prefix may point into it.
        .with_link_options(LinkOptions {
            allow_symbolic_links: Some(false),
            allow_hard_links: Some(false),
            allow_ref_links: None,
        })
        .with_reporter(Progress::default())
        .install(&args.prefix, records)
        .await
        .map_err(|error| of_installer(&error))?;
    let published = publish_records(&args.prefix);
    published.map_err(|error| CondaError::caused(Reason::Other, "the records cannot be made readable", &error))?;
    println!("Conda packages are installed in {}.", args.prefix.display());
    Ok(())
}

/// Lets every user of the image read what is installed: rattler writes the records for their owner alone, with the whole
/// address of the package. A login in it is the administrator's, and stays out of the image.
fn publish_records(prefix: &Path) -> io::Result<()> {
    for entry in fs::read_dir(prefix.join("conda-meta"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
            let mut changed = false;
            for name in ["url", "channel"] {
                if let Some(address) = record.get_mut(name)
                    && let Some(public) = address.as_str().and_then(without_login)
                {
                    *address = public.into();
                    changed = true;
                }
            }
            if changed {
                fs::write(&path, serde_json::to_vec_pretty(&record)?)?;
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        }
    }
    Ok(())
}

/// An address without user name, password and `/t/TOKEN`; none where it has none of them.
fn without_login(address: &str) -> Option<String> {
    let given = url::Url::parse(address).ok()?;
    let mut public = given.clone();
    public.set_username("").ok()?;
    public.set_password(None).ok()?;
    if let Some(token) = token_of(&given) {
        public.set_path(&given.path().replacen(&format!("/t/{token}"), "", 1));
    }
    (public != given).then(|| public.into())
}

fn read_settings(file: &Path) -> Result<ChannelSettings, CondaError> {
    let broken = |error: &dyn std::error::Error| {
        CondaError::caused(Reason::Other, &format!("the settings file {}", file.display()), error)
    };
    let bytes = fs::read(file).map_err(|error| broken(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| broken(&error))
}

fn http_client() -> Result<reqwest::Client, CondaError> {
    crate::registry::http_client(|client| {
        client
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(Duration::from_secs(60))
            .user_agent(concat!("cooperage/", env!("CARGO_PKG_VERSION")))
    })
    .map_err(|error| CondaError::caused(Reason::Other, "no HTTP client can be made", &error))
}

fn of_installer(error: &InstallerError) -> CondaError {
    let reason = match error {
        InstallerError::FailedToFetch(..) => Reason::ChannelUnreachable,
        _ => Reason::Other,
    };
    CondaError::caused(reason, "the packages cannot be installed", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_readable_and_hold_no_login() {
        let prefix = tempfile::tempdir().unwrap();
        let records = prefix.path().join("conda-meta");
        fs::create_dir(&records).unwrap();
        let record = |name: &str, url: &str, channel: &str| {
            let text = format!(r#"{{"name":"{name}","url":"{url}","channel":"{channel}","files":["a"]}}"#);
            fs::write(records.join(format!("{name}.json")), &text).unwrap();
            fs::set_permissions(records.join(format!("{name}.json")), fs::Permissions::from_mode(0o600)).unwrap();
            text
        };
        record("login", "https://u:hunter2@host/c/noarch/a-1-0.conda", "https://u:hunter2@host/c");
        record("token", "https://host/t/tk-hunter2/c/noarch/a-1-0.conda", "c");
        record("below", "https://host/conda/t/tk-hunter2/c/noarch/a-1-0.conda", "https://host/conda/t/tk-hunter2/c");
        let public = record("public", "https://host/c/noarch/a-1-0.conda", "c");
        fs::write(records.join("history"), "").unwrap();
        publish_records(prefix.path()).unwrap();
        let read = |name: &str| fs::read_to_string(records.join(format!("{name}.json"))).unwrap();
        assert_eq!(read("public"), public, "what need not be changed is left as it is");
        for name in ["login", "token", "below"] {
            let record: serde_json::Value = serde_json::from_str(&read(name)).unwrap();
            let at = if name == "below" { "conda/c" } else { "c" };
            assert_eq!(record["url"], format!("https://host/{at}/noarch/a-1-0.conda"), "{name}");
            assert_eq!(record["files"][0], "a");
            assert!(!read(name).contains("hunter2"), "{name}");
            let mode = fs::metadata(records.join(format!("{name}.json"))).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o644);
        }
    }
}
