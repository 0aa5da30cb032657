//! Build: runs the install steps. No credential comes near it.
//!
//! Each layer of the Dockerfile is built by itself on the image that holds the layers below it, so that nothing is
//! committed but what an install step left, and a layer that was made once is found again ([`layer_records`]). Each such
//! image is whole: its user is the base's.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;

use cooperage_shared::dockerfile::Layer;
use serde::{Deserialize, Serialize};

use super::pull::{self, Pulled};
use super::{Context, PhaseName, Report};
use crate::builder::buildah::Buildah;
use crate::builder::context as build_context;
use crate::builder::layer_records::{self, LayerKey};
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
    let folder = context.folder.context();
    let report = layers(context, &folder).await;
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => report,
    }
}

async fn layers(context: &Context, folder: &Path) -> io::Result<Report<Built>> {
    let plan = &context.plan;
    let base: Pulled = context.earlier(PhaseName::Pull)?;
    let content = pull::content(context)?;
    let layers = content.layers();
    let (mut image_id, mut key) = (base.image_id.clone(), LayerKey::of_base(&base.digest, &base.image_id));
    for (number, layer) in (1..).zip(&layers) {
        let dockerfile = content.dockerfile_of_layer(layer);
        let what = format!("layer {number} of {}, {} {}", layers.len(), layer.requirements, of_list(layer));
        let arguments = arguments(&base, &dockerfile);
        key = key.with(&layer.instructions, &arguments);
        let known = if plan.fresh { None } else { layer_records::recall(&plan.cache, &plan.store, &key)? };
        if let Some(known) = known {
            println!("[cooperage] In the store already: {what}.");
            image_id = known;
        } else {
            println!("[cooperage] Building {what}.");
            if !folder.exists() {
                let (certificates, output) = (context.ca_bundle.as_deref(), context.folder.output());
                build_context::write(folder, plan, &content, certificates, &output)?;
            }
            fs::write(folder.join("Dockerfile"), dockerfile)?;
            image_id = match build(context, folder, &image_id, &arguments).await? {
                Ok(image_id) => image_id,
                Err(code) => return Ok(Report::Exit(code)),
            };
            layer_records::remember(&plan.cache, &key, &image_id)?;
        }
        store::mark_used(&plan.cache, &image_id, false)?;
    }
    Ok(Report::Done(Built { image_id }))
}

fn of_list(layer: &Layer) -> String {
    format!("{} requirement{}", layer.list, if layer.requirements == 1 { "" } else { "s" })
}

/// The build arguments that the Dockerfile declares: what it leaves to the base image.
fn arguments(base: &Pulled, dockerfile: &str) -> Vec<String> {
    let path = if base.conda_in_path { String::new() } else { format!("{}/bin:", base.conda_prefix) };
    let values = [
        ("COOPERAGE_BASE_USER", base.user.as_str()),
        ("COOPERAGE_CONDA_PREFIX", base.conda_prefix.as_str()),
        ("COOPERAGE_CONDA_PATH", path.as_str()),
    ];
    let declares = |name: &str| dockerfile.contains(&format!("\nARG {name}="));
    values.iter().filter(|(name, _)| declares(name)).map(|(name, value)| format!("{name}={value}")).collect()
}

/// Builds the Dockerfile in `folder` on an image of the store: the new image's id, or the code that buildah ended with.
async fn build(context: &Context, folder: &Path, below: &str, arguments: &[String]) -> io::Result<Result<String, i32>> {
    let id_file = context.folder.scratch().join("image-id");
    let buildah = Buildah::of(&context.plan, context.ca_bundle.clone())?;
    let mut command = buildah.buildah("build");
    command.args(["--isolation", "chroot", "--network", "host", "--pull=never", "--layers=false", "--format", "oci"]);
    command.args(["--http-proxy=false", "--identity-label=false", "--force-rm"]);
    command.args(DROPPED.iter().flat_map(|capability| ["--cap-drop", capability]));
    command.args(arguments.iter().flat_map(|argument| ["--build-arg", argument]));
    command.arg("--from").arg(below).arg("--iidfile").arg(&id_file);
    command.arg("--file").arg(folder.join("Dockerfile")).arg(folder);
    let status = command.stdin(Stdio::null()).status().await?;
    match ended(status) {
        Ended::Code(0) => {
            let id = fs::read_to_string(&id_file)?;
            fs::remove_file(&id_file)?;
            Ok(Ok(id.trim().trim_start_matches("sha256:").to_owned()))
        }
        Ended::Code(code) => Ok(Err(code)),
        Ended::Signal(signal) => Ok(Err(128 + signal)),
    }
}
