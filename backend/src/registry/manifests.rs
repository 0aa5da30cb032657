//! Manifests: read with their exact bytes, put with their exact bytes.

use bytes::Bytes;
use cooperage_shared::ImageReference;
use oci_client::RegistryOperation;
use oci_client::manifest::{
    IMAGE_MANIFEST_LIST_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
    OciImageManifest, OciManifest,
};
use sha2::{Digest as _, Sha256};

use super::client::{reference, retry, within};
use super::{RegistryClient, RegistryCredential, RegistryError};

/// A manifest as the registry holds it.
#[derive(Clone, Debug)]
pub struct RawManifest {
    /// Exactly the registry's bytes: their SHA-256 is the digest.
    pub bytes: Bytes,
    /// Its media type.
    pub media_type: String,
    /// `sha256:…` of the bytes.
    pub digest: String,
}

impl RegistryClient {
    /// The manifest of `image` for this platform, where `image` may be an index, and that manifest's digest.
    ///
    /// # Errors
    /// [`RegistryError`]; `Other` where an index holds nothing for this platform.
    pub async fn image_manifest(
        &self,
        image: &ImageReference,
        credential: Option<&RegistryCredential>,
    ) -> Result<(OciImageManifest, String), RegistryError> {
        let reference = reference(image);
        retry(|| async {
            let session = self.session(&reference, credential, RegistryOperation::Pull).await?;
            Ok(within(session.client.pull_image_manifest(&reference, &session.auth)).await??)
        })
        .await
    }

    /// The manifest or index that `image` names, byte for byte.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn raw_manifest(
        &self,
        image: &ImageReference,
        credential: Option<&RegistryCredential>,
    ) -> Result<RawManifest, RegistryError> {
        let accepted = [
            OCI_IMAGE_MEDIA_TYPE,
            IMAGE_MANIFEST_MEDIA_TYPE,
            OCI_IMAGE_INDEX_MEDIA_TYPE,
            IMAGE_MANIFEST_LIST_MEDIA_TYPE,
        ];
        let reference = reference(image);
        let (bytes, digest) = retry::<_, RegistryError, _, _>(|| async {
            let session = self.session(&reference, credential, RegistryOperation::Pull).await?;
            Ok(within(session.client.pull_manifest_raw(&reference, &session.auth, &accepted)).await??)
        })
        .await?;
        let head: serde_json::Value = serde_json::from_slice(&bytes)
            .map_err(|error| RegistryError::Other(format!("the registry's manifest is no JSON: {error}")))?;
        let is_index = head.get("manifests").is_some();
        let media_type = head.get("mediaType").and_then(|m| m.as_str()).map_or_else(
            || if is_index { OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned() } else { OCI_IMAGE_MEDIA_TYPE.to_owned() },
            ToOwned::to_owned,
        );
        Ok(RawManifest { bytes, media_type, digest })
    }

    /// Puts a manifest's exact bytes under `target` (its tag, or its digest) and gives their digest.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn put_manifest(
        &self,
        target: &ImageReference,
        credential: Option<&RegistryCredential>,
        bytes: Bytes,
        media_type: &str,
    ) -> Result<String, RegistryError> {
        let reference = reference(target);
        let media_type = media_type
            .parse::<reqwest::header::HeaderValue>()
            .map_err(|_| RegistryError::Other(format!("{media_type:?} is no media type")))?;
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        retry::<_, RegistryError, _, _>(|| async {
            let session = self.session(&reference, credential, RegistryOperation::Push).await?;
            session.client.store_auth_if_needed(reference.resolve_registry(), &session.auth).await;
            within(session.client.push_manifest_raw(&reference, bytes.clone(), media_type.clone())).await??;
            Ok(())
        })
        .await?;
        Ok(digest)
    }

    /// Gives the image `from` (by digest) the further name `to` on the same host: blobs are mounted where the repository
    /// differs, and the same manifest bytes are put, so that the digest stays.
    ///
    /// # Errors
    /// [`RegistryError`]; `NotFound` where the registry no longer holds `from` or one of its blobs.
    pub async fn retag(
        &self,
        from: &ImageReference,
        to: &ImageReference,
        credential: Option<&RegistryCredential>,
    ) -> Result<(), RegistryError> {
        let manifest = self.raw_manifest(from, credential).await?;
        if from.host() != to.host() {
            return Err(RegistryError::Other("an image can be given a further name on its own host only".to_owned()));
        }
        if from.repository() != to.repository() {
            match serde_json::from_slice::<OciManifest>(&manifest.bytes) {
                Ok(OciManifest::Image(image)) => {
                    for blob in image.layers.iter().chain([&image.config]) {
                        self.ensure_blob(from, credential, to, credential, blob).await?;
                    }
                }
                Ok(OciManifest::ImageIndex(_)) => {
                    return Err(RegistryError::Other("an index cannot be named in another repository".to_owned()));
                }
                Err(error) => return Err(RegistryError::Other(format!("the manifest cannot be read: {error}"))),
            }
        }
        self.put_manifest(to, credential, manifest.bytes, &manifest.media_type).await?;
        Ok(())
    }
}
