//! Pull: what the base image is, and that the kept store holds it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::Stdio;

use cooperage_shared::{Content, ImageReference};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Context, Report, auth_file};
use crate::builder::buildah::Buildah;
use crate::builder::process::{Ended, ended};
use crate::builder::{failure, storage, store};
use crate::registry::{RegistryClient, same_host};

/// The base image in the kept store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::builder) struct Pulled {
    /// `sha256:…` that the registry answered for the reference.
    pub(in crate::builder) digest: String,
    /// Its id in the store.
    pub(in crate::builder) image_id: String,
    /// The user that it runs as; empty where it has none.
    pub(in crate::builder) user: String,
    /// Where conda is, or will be.
    pub(in crate::builder) conda_prefix: String,
    /// Whether programs of that prefix are found already.
    pub(in crate::builder) conda_in_path: bool,
}

pub(super) async fn run(context: &Context) -> io::Result<Report<Pulled>> {
    let plan = &context.plan;
    let base = &plan.base_image;
    let client = RegistryClient::new(&plan.insecure_registries);
    let whom = match &context.credentials.pull {
        Some(login) => format!("as the user {}", login.username),
        None => "without a login".to_owned(),
    };
    println!("[cooperage] Asking {} for {}, {whom}.", base.host(), base.canonical());
    let digest = match client.resolve(base, context.credentials.pull.as_ref()).await {
        Ok(digest) => digest,
        Err(error) => {
            let with_credentials = context.credentials.pull.is_some();
            return Ok(Report::Failed(failure::of_base_registry(&error, base, with_credentials)));
        }
    };
    println!("[cooperage] The base image is {digest}.");
    let buildah = Buildah::of(plan, context.ca_bundle.clone())?;
    let image = {
        // Jobs that want one base pull it once.
        let name = format!("pull-{}.lock", hex::encode(&Sha256::digest(digest.as_bytes())[..8]));
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(plan.run.join(name))?;
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| io::Error::from(error))?;
        match storage::image_by_digest(&plan.store, &digest)? {
            Some(image) => {
                println!("[cooperage] It is in the store already.");
                image
            }
            None => {
                let by_digest = at_digest(base, &digest)?;
                match pull(context, &buildah, &by_digest).await? {
                    Ended::Code(0) => {}
                    Ended::Code(code) => return Ok(Report::Exit(code)),
                    Ended::Signal(signal) => return Ok(Report::Exit(128 + signal)),
                }
                storage::image_by_digest(&plan.store, &digest)?
                    .ok_or_else(|| io::Error::other("the base image was pulled, but the store does not hold it"))?
            }
        }
    };
    store::mark_used(&plan.cache, &image.id, true)?;
    let config = inspect(&buildah, &image.id).await?;
    let (conda_prefix, conda_in_path) = conda_prefix(&config);
    let user = config["config"]["User"].as_str().unwrap_or_default().to_owned();
    Ok(Report::Done(Pulled { digest, image_id: image.id, user, conda_prefix, conda_in_path }))
}

/// The reference by digest alone.
pub(super) fn at_digest(image: &ImageReference, digest: &str) -> io::Result<ImageReference> {
    format!("{}/{}@{digest}", image.host(), image.repository())
        .parse()
        .map_err(|error| io::Error::other(format!("the registry answers with {digest:?}, which is no digest: {error}")))
}

async fn pull(context: &Context, buildah: &Buildah, base: &ImageReference) -> io::Result<Ended> {
    let mut command = buildah.buildah("pull");
    if context.is_insecure(base.host()) {
        command.arg("--tls-verify=false");
    }
    // Whoever runs this program may have logged in somewhere: a job uses its own credentials or none.
    let file = memory_file(&match &context.credentials.pull {
        // buildah looks it up by the name that stands in the reference.
        Some(login) if same_host(&login.host, base.host()) => auth_file(base.host(), &login.username, &login.password),
        _ => zeroize::Zeroizing::new(b"{}".to_vec()),
    })?;
    command.arg(format!("--authfile=/proc/self/fd/{}", file.as_raw_fd()));
    command.arg(format!("docker://{}", base.canonical()));
    let status = command.stdin(Stdio::null()).status().await?;
    drop(file);
    Ok(ended(status))
}

/// A file that only memory holds and that programs started from here inherit.
fn memory_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = memfd_create("auth", MFdFlags::empty())?;
    let mut writer = File::from(file.try_clone()?);
    writer.write_all(bytes)?;
    Ok(file)
}

/// The configuration of an image in the store, exactly as it was stored.
pub(super) async fn inspect(buildah: &Buildah, image_id: &str) -> io::Result<serde_json::Value> {
    let output = buildah.buildah("inspect").args(["--type", "image", image_id]).stdin(Stdio::null()).output().await?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("buildah cannot inspect image {image_id}: {text}")));
    }
    let inspected: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(io::Error::other)?;
    let config = inspected["Config"].as_str().unwrap_or_default();
    serde_json::from_str(config).map_err(|error| io::Error::other(format!("the configuration of {image_id}: {error}")))
}

/// Where a base has conda, and whether its PATH leads there: a base with conda keeps what it has.
fn conda_prefix(config: &serde_json::Value) -> (String, bool) {
    let variables: Vec<&str> =
        config["config"]["Env"].as_array().into_iter().flatten().filter_map(|variable| variable.as_str()).collect();
    let value = |name: &str| {
        variables.iter().filter_map(|variable| variable.split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
    };
    let path: Vec<&str> = value("PATH").unwrap_or_default().split(':').collect();
    let from_path = path.iter().filter_map(|folder| folder.strip_suffix("/bin")).find(|prefix| {
        let name = prefix.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        ["conda", "miniconda", "miniforge", "mambaforge", "anaconda", "micromamba"].iter().any(|n| name.starts_with(n))
    });
    let prefix = ["CONDA_PREFIX", "CONDA_DIR", "MAMBA_ROOT_PREFIX"]
        .iter()
        .find_map(|name| value(name))
        .filter(|prefix| prefix.starts_with('/') && prefix.len() > 1)
        .or(from_path)
        .unwrap_or("/opt/conda")
        .trim_end_matches('/');
    (prefix.to_owned(), path.contains(&format!("{prefix}/bin").as_str()))
}

/// The content of a plan: judged again, for the plan came through a file.
pub(super) fn content(context: &Context) -> io::Result<Content> {
    Content::parse(&context.plan.base_image.to_string(), &context.plan.packages)
        .map_err(|problems| io::Error::other(format!("the plan is not valid: {problems:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_with_conda_keeps_its_prefix() {
        let prefix = |env: &[&str]| conda_prefix(&serde_json::json!({ "config": { "Env": env } }));
        assert_eq!(prefix(&["PATH=/usr/bin:/bin"]), ("/opt/conda".to_owned(), false));
        assert_eq!(prefix(&[]), ("/opt/conda".to_owned(), false));
        assert_eq!(prefix(&["PATH=/opt/miniconda3/bin:/bin"]), ("/opt/miniconda3".to_owned(), true));
        assert_eq!(prefix(&["CONDA_DIR=/srv/env/", "PATH=/bin"]), ("/srv/env".to_owned(), false));
        assert_eq!(prefix(&["CONDA_DIR=/srv/env", "PATH=/srv/env/bin:/bin"]), ("/srv/env".to_owned(), true));
        assert_eq!(prefix(&["CONDA_DIR=relative", "PATH=/bin"]), ("/opt/conda".to_owned(), false));
    }
}
