//! Without root: a user namespace in which a phase is root over its own files, and nothing else.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use nix::mount::{MsFlags, mount};
use nix::unistd::{Gid, Uid};
use tokio::process::Command;

use super::process;
use crate::delivery::protocol::BuildSettings;

/// By these the programs of buildah know that they are in such a namespace: they do not make another, and mount what a
/// user may mount.
const CONFIGURED: &str = "_CONTAINERS_USERNS_CONFIGURED";
const USER: &str = "_CONTAINERS_ROOTLESS_UID";
const GROUP: &str = "_CONTAINERS_ROOTLESS_GID";

/// A command for a program that works on the store: root as it is, or root in a namespace of its own.
///
/// That namespace has the ids that `/etc/subuid` and `/etc/subgid` give to this user. With `own_mounts`, and without root
/// always, what the program mounts is seen by nobody else.
pub(super) fn command(
    program: &Path,
    temporary: &Path,
    settings: &BuildSettings,
    ca_bundle: Option<&Path>,
    own_mounts: bool,
) -> Command {
    let is_root = Uid::effective().is_root();
    if is_root && !own_mounts {
        return process::command(program, temporary, settings, ca_bundle);
    }
    let mut command = process::command(Path::new("unshare"), temporary, settings, ca_bundle);
    enter(&mut command);
    command.args(["--mount", "--"]).arg(program);
    command
}

/// Has `unshare`, whose command line this is, make such a namespace, unless this process is root: on the machine or in one.
pub(super) fn enter(command: &mut Command) {
    if !Uid::effective().is_root() {
        command.env(CONFIGURED, "done");
        command.env(USER, Uid::effective().to_string()).env(GROUP, Gid::effective().to_string());
        command.args(["--user", "--map-root-user", "--map-auto", "--mount"]);
    }
}

/// Whether this process is in such a namespace.
fn is_inside() -> bool {
    std::env::var_os(CONFIGURED).is_some()
}

/// Hands on what the programs must know of the namespace.
pub(super) fn inherit(command: &mut Command) {
    for name in [CONFIGURED, USER, GROUP] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// Whether a namespace of processes can have a `/proc` of its own. In a container, where parts of `/proc` are masked, the
/// kernel refuses it; processes outside are then seen, but neither signalled nor looked into: they belong to another user
/// namespace.
pub(super) fn has_own_proc() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| {
        if !is_inside() {
            return Uid::effective().is_root();
        }
        let mut probe = std::process::Command::new("unshare");
        probe.args(["--pid", "--fork", "--mount-proc", "true"]);
        probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    })
}

/// Lays an empty folder over `folder`, for this process and all that it starts.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn hide(folder: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("none"), folder, Some("tmpfs"), flags, Some("size=4k,mode=0555"))
        .map_err(|error| io::Error::other(format!("{} cannot be hidden from install steps: {error}", folder.display())))
}
