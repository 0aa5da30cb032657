//! The command lines of buildah and containers-storage on the kept store.

use std::ffi::OsStr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use tokio::process::Command;

use super::{process, rootless};
use crate::delivery::protocol::{BuildPlan, BuildSettings};

/// The kept store, and how programs are run on it.
pub(super) struct Buildah {
    store: PathBuf,
    run: PathBuf,
    cache: PathBuf,
    settings: BuildSettings,
    ca_bundle: Option<PathBuf>,
}

impl Buildah {
    /// The store of a plan, whose settings reach the programs.
    pub(super) fn of(plan: &BuildPlan, ca_bundle: Option<PathBuf>) -> io::Result<Self> {
        Ok(Self { settings: plan.settings.clone(), ca_bundle, ..Self::at(&plan.store, &plan.run, &plan.cache)? })
    }

    /// The store in these folders, which are made where they do not exist.
    pub(super) fn at(store: &Path, run: &Path, cache: &Path) -> io::Result<Self> {
        for folder in [store, run, cache, &temporary(cache)] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        Ok(Self {
            store: store.to_owned(),
            run: run.to_owned(),
            cache: cache.to_owned(),
            settings: BuildSettings::default(),
            ca_bundle: None,
        })
    }

    /// A buildah command.
    ///
    /// It dies with this process, in a PID namespace of its own: whatever it started dies with it, and an install step
    /// reaches no process but its own (and sees none, where the namespace can have a `/proc` of its own).
    pub(super) fn buildah(&self, subcommand: &str) -> Command {
        let mut command = self.contained("buildah");
        command.arg("--root").arg(&self.store).arg("--runroot").arg(&self.run).args([
            "--storage-driver",
            "overlay",
            subcommand,
        ]);
        command
    }

    /// A command that writes a layer as a tar archive to its standard output: byte for byte what its diff id hashes.
    pub(super) fn layer_diff(&self, layer: &str) -> Command {
        let mut command = self.contained("containers-storage");
        command.arg("--graph").arg(&self.store).arg("--run").arg(&self.run).args([
            "--storage-driver",
            "overlay",
            "diff",
            layer,
        ]);
        command
    }

    fn contained(&self, program: impl AsRef<OsStr>) -> Command {
        let temporary = temporary(&self.cache);
        let mut command = process::command(Path::new("setpriv"), &temporary, &self.settings, self.ca_bundle.as_deref());
        command.args(["--pdeathsig", "KILL", "unshare"]);
        rootless::inherit(&mut command);
        rootless::enter(&mut command);
        command
            .args(["--pid", "--fork", "--kill-child"])
            .args(rootless::has_own_proc().then_some("--mount-proc"))
            .arg(program);
        command
    }
}

/// buildah keeps its cache mounts below its folder for temporary files: so that folder is one of ours, and is kept.
pub(super) fn temporary(cache: &Path) -> PathBuf {
    cache.join("buildah")
}

/// Where buildah keeps the cache mounts of install steps.
pub(super) fn cache_mounts(cache: &Path) -> PathBuf {
    temporary(cache).join("buildah-cache")
}
