//! Push: the base's blobs as they are, the new layers compressed here, then configuration and manifest.
//!
//! It ends well only when the registry answers for the manifest's digest.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use bytes::Bytes;
use cooperage_shared::ImageReference;
use futures_util::TryStreamExt as _;
use oci_client::manifest::{IMAGE_CONFIG_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use sha2::{Digest as _, Sha256};
use tokio_util::io::ReaderStream;

use super::layers::{self, Compressed};
use super::pull::{self, Pulled};
use super::{Built, Context, PhaseName, Report, labels};
use crate::builder::buildah::Buildah;
use crate::builder::failure;
use crate::builder::storage::{self, StoredLayer};
use crate::delivery::protocol::{Pushed, RegistryLogin};
use crate::registry::{BlobOrigin, RegistryClient, RegistryError, TransferError};

pub(super) async fn run(context: &Context) -> io::Result<Report<Pushed>> {
    let mut push = Push::new(context)?;
    match push.image().await {
        Ok(pushed) => Ok(Report::Done(pushed)),
        Err(Trouble::Io(error)) => Err(error),
        Err(Trouble::Base(error)) => Ok(Report::Failed(failure::of_base_registry(
            &error,
            &context.plan.base_image,
            context.credentials.pull.is_some(),
        ))),
        Err(Trouble::Target(error)) => Ok(Report::Failed(failure::of_push_registry(&error, &context.plan.target))),
    }
}

/// What went wrong, and where.
enum Trouble {
    Io(io::Error),
    /// With the registry of the base image.
    Base(RegistryError),
    /// With the push registry.
    Target(RegistryError),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<TransferError> for Trouble {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Source(error) => Self::Base(error),
            TransferError::Target(error) => Self::Target(error),
        }
    }
}

struct Push<'a> {
    context: &'a Context,
    client: RegistryClient,
    buildah: Buildah,
    /// The base by digest.
    source: ImageReference,
    base: Pulled,
    built: Built,
}

impl<'a> Push<'a> {
    fn new(context: &'a Context) -> io::Result<Self> {
        let base: Pulled = context.earlier(PhaseName::Pull)?;
        Ok(Self {
            context,
            client: RegistryClient::new(&context.plan.insecure_registries),
            buildah: Buildah::of(&context.plan, context.ca_bundle.clone())?,
            source: pull::at_digest(&context.plan.base_image, &base.digest)?,
            built: context.earlier(PhaseName::Build)?,
            base,
        })
    }

    fn target(&self) -> &'a ImageReference {
        &self.context.plan.target
    }

    fn pull_login(&self) -> Option<&'a RegistryLogin> {
        self.context.credentials.pull.as_ref()
    }

    fn push_login(&self) -> Option<&'a RegistryLogin> {
        self.context.credentials.push.as_ref()
    }

    async fn image(&mut self) -> Result<Pushed, Trouble> {
        let plan = &self.context.plan;
        println!("[cooperage] Pushing to {}.", self.target());
        let mut layers = self.base_layers().await?;
        let mut config = pull::inspect(&self.buildah, &self.built.image_id).await?;
        for layer in self.new_layers()? {
            layers.push(self.push_layer(&layer).await?);
        }
        let diff_ids = config["rootfs"]["diff_ids"].as_array().map_or(0, Vec::len);
        if diff_ids != layers.len() {
            let text = format!("the image's configuration names {diff_ids} layers, but there are {}", layers.len());
            return Err(io::Error::other(text).into());
        }
        let labels = labels::of(plan, &self.base.digest);
        labels::add(&mut config, &labels);
        let config = self.push_config(&config).await?;
        let size = layers.iter().chain([&config]).map(|blob| blob.size.unsigned_abs()).sum();
        let digest = self.push_manifest(config, layers, labels).await?;
        println!("[cooperage] The registry holds {} as {digest}.", self.target());
        Ok(Pushed {
            image: self.target().clone(),
            digest,
            size_bytes: size,
            base_image_digest: self.base.digest.clone(),
        })
    }

    /// Sees to it that the target holds the base's blobs, unchanged, and describes them.
    async fn base_layers(&self) -> Result<Vec<OciDescriptor>, Trouble> {
        let (manifest, _) = self.client.image_manifest(&self.source, self.pull_login()).await.map_err(Trouble::Base)?;
        let mut layers = Vec::with_capacity(manifest.layers.len());
        for layer in &manifest.layers {
            let origin = self
                .client
                .ensure_blob(&self.source, self.pull_login(), self.target(), self.push_login(), layer)
                .await?;
            report("Base layer", layer, origin);
            layers.push(OciDescriptor { media_type: oci_media_type(&layer.media_type), ..layer.clone() });
        }
        Ok(layers)
    }

    /// The layers that the build added, lowest first.
    fn new_layers(&self) -> io::Result<Vec<StoredLayer>> {
        let store = &self.context.plan.store;
        let layers = |id: &str| -> io::Result<Vec<StoredLayer>> {
            let image = storage::image_by_id(store, id)?
                .ok_or_else(|| io::Error::other(format!("the store has lost the image {id}")))?;
            storage::layers_of(store, &image)
        };
        let (below, mut all) = (layers(&self.base.image_id)?, layers(&self.built.image_id)?);
        if all.len() < below.len() || all.iter().zip(&below).any(|(a, b)| a.id != b.id) {
            return Err(io::Error::other("the image that was built does not stand on its base image"));
        }
        Ok(all.split_off(below.len()))
    }

    async fn push_layer(&self, layer: &StoredLayer) -> Result<OciDescriptor, Trouble> {
        let plan = &self.context.plan;
        let diff_id =
            layer.diff_id.clone().ok_or_else(|| io::Error::other(format!("layer {} has no diff id", layer.id)))?;
        let place = format!("{}/{}", self.target().host(), self.target().repository());
        if let Some(known) = layers::recall(&plan.cache, &diff_id)
            && let Some(origin) = self.reuse(&known).await
        {
            let blob = describe(&known);
            report("New layer", &blob, origin);
            layers::remember(&plan.cache, &diff_id, known, &place)?;
            return Ok(blob);
        }
        let file = self.context.folder.scratch().join("layer.tar.gz");
        let compressed = layers::compress(&self.buildah, layer, file.clone()).await?;
        let origin = self
            .client
            .upload_blob(self.target(), self.push_login(), &compressed.digest, compressed.size, async || {
                Ok(ReaderStream::with_capacity(tokio::fs::File::open(&file).await?, 256 * 1024))
            })
            .await
            .map_err(Trouble::Target)?;
        fs::remove_file(&file)?;
        let blob = describe(&compressed);
        report("New layer", &blob, origin);
        layers::remember(&plan.cache, &diff_id, compressed, &place)?;
        Ok(blob)
    }

    /// Finds a layer that was pushed before, in this repository or in another of the same host. A failure is no matter: the
    /// layer is then compressed and pushed again.
    async fn reuse(&self, known: &Compressed) -> Option<BlobOrigin> {
        let blob = describe(known);
        let (target, login) = (self.target(), self.push_login());
        if self.client.has_blob(target, login, &blob.digest).await.ok()? {
            return Some(BlobOrigin::Present);
        }
        for place in known.places.iter().rev().filter(|place| place.starts_with(&format!("{}/", target.host()))) {
            let Ok(source) = place.parse::<ImageReference>() else { continue };
            if let Ok(origin) = self.client.ensure_blob(&source, login, target, login, &blob).await {
                return Some(origin);
            }
        }
        None
    }

    async fn push_config(&self, config: &serde_json::Value) -> Result<OciDescriptor, Trouble> {
        let bytes = Bytes::from(serde_json::to_vec(config).map_err(io::Error::other)?);
        let (digest, size) = (sha256(&bytes), bytes.len() as u64);
        self.client
            .upload_blob(self.target(), self.push_login(), &digest, size, async || {
                Ok(futures_util::stream::once(std::future::ready(Ok(bytes.clone()))).into_stream())
            })
            .await
            .map_err(Trouble::Target)?;
        let size = i64::try_from(size).map_err(io::Error::other)?;
        Ok(OciDescriptor { media_type: IMAGE_CONFIG_MEDIA_TYPE.to_owned(), digest, size, ..OciDescriptor::default() })
    }

    async fn push_manifest(
        &self,
        config: OciDescriptor,
        layers: Vec<OciDescriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Result<String, Trouble> {
        let manifest = OciImageManifest {
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            config,
            layers,
            annotations: Some(annotations),
            ..OciImageManifest::default()
        };
        let bytes = Bytes::from(serde_json::to_vec(&manifest).map_err(io::Error::other)?);
        let (target, login) = (self.target(), self.push_login());
        let digest =
            self.client.put_manifest(target, login, bytes, OCI_IMAGE_MEDIA_TYPE).await.map_err(Trouble::Target)?;
        let by_digest = pull::at_digest(target, &digest)?;
        let answered = self.client.resolve(&by_digest, login).await.map_err(Trouble::Target)?;
        if answered != digest {
            let text = format!("it took the manifest {digest} but answers with {answered}");
            return Err(Trouble::Target(RegistryError::Other(text)));
        }
        Ok(digest)
    }
}

fn describe(layer: &Compressed) -> OciDescriptor {
    OciDescriptor {
        media_type: oci_client::manifest::IMAGE_LAYER_GZIP_MEDIA_TYPE.to_owned(),
        digest: layer.digest.clone(),
        size: i64::try_from(layer.size).unwrap_or(i64::MAX),
        ..OciDescriptor::default()
    }
}

fn report(what: &str, blob: &OciDescriptor, origin: BlobOrigin) {
    let how = match origin {
        BlobOrigin::Present => "is there already",
        BlobOrigin::Mounted => "is taken over from another repository",
        BlobOrigin::Copied => "is uploaded",
    };
    println!("[cooperage] {what} {} ({} bytes) {how}.", blob.digest, blob.size);
}

/// The OCI name of a layer's media type: Docker's own names stand for the same bytes.
fn oci_media_type(docker: &str) -> String {
    match docker {
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.diff.tar.zstd" => "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar" => "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => {
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        }
        other => other,
    }
    .to_owned()
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
