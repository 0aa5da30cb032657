//! Build: runs the install steps. No credential comes near it.

use std::fs;
use std::io;
use std::process::Stdio;

use serde::{Deserialize, Serialize};

use super::pull::{self, Pulled};
use super::{Context, PhaseName, Report};
use crate::builder::buildah::Buildah;
use crate::builder::context as build_context;
use crate::builder::process::{Ended, ended};
use crate::builder::store;

/// The image in the kept store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::builder) struct Built {
    /// Its id: 64 hexadecimal digits.
    pub(in crate::builder) image_id: String,
}

/// Capabilities that install steps do without: with the first, a step could leave its root folder again.
const DROPPED: [&str; 2] = ["CAP_SYS_CHROOT", "CAP_MKNOD"];

pub(super) async fn run(context: &Context) -> io::Result<Report<Built>> {
    let plan = &context.plan;
    let base: Pulled = context.earlier(PhaseName::Pull)?;
    let content = pull::content(context)?;
    let folder = context.folder.context();
    build_context::write(&folder, plan, &content, &base.digest, context.ca_bundle.as_deref())?;
    let id_file = context.folder.scratch().join("image-id");

    let buildah = Buildah::of(plan, context.ca_bundle.clone())?;
    let mut command = buildah.buildah("build");
    command.args(["--isolation", "chroot", "--network", "host", "--pull=never", "--layers", "--format", "oci"]);
    command.args(["--http-proxy=false", "--identity-label=false", "--force-rm"]);
    command.args(DROPPED.iter().flat_map(|capability| ["--cap-drop", capability]));
    if plan.fresh {
        command.arg("--no-cache");
    }
    command.arg("--build-arg").arg(format!("COOPERAGE_BASE_USER={}", base.user));
    if !content.requirements.conda.is_empty() {
        let path = if base.conda_in_path { String::new() } else { format!("{}/bin:", base.conda_prefix) };
        command.arg("--build-arg").arg(format!("COOPERAGE_CONDA_PREFIX={}", base.conda_prefix));
        command.arg("--build-arg").arg(format!("COOPERAGE_CONDA_PATH={path}"));
    }
    command.arg("--from").arg(&base.image_id).arg("--iidfile").arg(&id_file);
    command.arg("--file").arg(folder.join("Dockerfile")).arg(&folder);
    let status = command.stdin(Stdio::null()).status().await?;
    fs::remove_dir_all(&folder)?;
    match ended(status) {
        Ended::Code(0) => {
            let id = fs::read_to_string(&id_file)?;
            let image_id = id.trim().trim_start_matches("sha256:").to_owned();
            store::mark_used(&plan.cache, &image_id, false)?;
            Ok(Report::Done(Built { image_id }))
        }
        Ended::Code(code) => Ok(Report::Exit(code)),
        Ended::Signal(signal) => Ok(Report::Exit(128 + signal)),
    }
}
