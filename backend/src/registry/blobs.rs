//! Blobs: skipped where the registry has them, mounted where it can, else streamed.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cooperage_shared::ImageReference;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use oci_client::RegistryOperation;
use oci_client::errors::OciDistributionError;
use oci_client::manifest::OciDescriptor;

use super::client::{reference, retry, within};
use super::error::Transient;
use super::{RegistryClient, RegistryCredential, RegistryError};

/// After this long without a byte moved, a transfer has stalled; the registry may need as long to check a large blob.
const STALLED: Duration = Duration::from_secs(180);

/// How a blob came to be in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobOrigin {
    /// It was there already.
    Present,
    /// The registry took it over from another of its repositories.
    Mounted,
    /// It was read from one registry and written to the other, unchanged.
    Copied,
}

/// Which of two registries did not do its part in copying a blob, and why.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransferError {
    /// The one that has the blob.
    #[error(transparent)]
    Source(RegistryError),
    /// The one that is to have it.
    #[error(transparent)]
    Target(RegistryError),
}

impl Transient for TransferError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Source(error) | Self::Target(error) => error.is_transient(),
        }
    }
}

impl From<TransferError> for RegistryError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Source(error) | TransferError::Target(error) => error,
        }
    }
}

impl RegistryClient {
    /// Whether the repository of `image` holds the blob.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn has_blob(
        &self,
        image: &ImageReference,
        credential: Option<&RegistryCredential>,
        digest: &str,
    ) -> Result<bool, RegistryError> {
        let reference = reference(image);
        retry(|| async {
            let session = self.session(&reference, credential, RegistryOperation::Pull).await?;
            Ok(within(session.client.blob_exists(&reference, digest)).await??)
        })
        .await
    }

    /// Sees to it that the repository of `target` holds a blob of `source`, byte for byte: nothing is recompressed.
    ///
    /// # Errors
    /// [`TransferError`], which says which registry failed.
    pub async fn ensure_blob(
        &self,
        source: &ImageReference,
        source_credential: Option<&RegistryCredential>,
        target: &ImageReference,
        target_credential: Option<&RegistryCredential>,
        blob: &OciDescriptor,
    ) -> Result<BlobOrigin, TransferError> {
        if self.has_blob(target, target_credential, &blob.digest).await.map_err(TransferError::Target)? {
            return Ok(BlobOrigin::Present);
        }
        let (from, to) = (reference(source), reference(target));
        if source.host() == target.host() {
            let session = self.session(&to, target_credential, RegistryOperation::Push);
            let session = session.await.map_err(TransferError::Target)?;
            match within(session.client.mount_blob(&to, &from, &blob.digest)).await.map_err(TransferError::Target)? {
                Ok(()) => return Ok(BlobOrigin::Mounted),
                // A registry that cannot mount answers 202, and one that may not, refuses: the bytes are copied then.
                Err(error) => tracing::debug!(%error, blob = blob.digest, "not mounted, copying"),
            }
        }
        let size = u64::try_from(blob.size).map_err(|_| {
            TransferError::Source(RegistryError::Other(format!("blob {} has no valid size", blob.digest)))
        })?;
        retry(|| async {
            let opened = async {
                let session = self.session(&from, source_credential, RegistryOperation::Pull).await?;
                Ok(within(session.client.pull_blob_stream(&from, blob)).await??)
            };
            let stream = opened.await.map_err(TransferError::Source)?;
            // What breaks off while it is read ends the upload, whose error tells nothing of where it came from.
            let has_broken = Arc::new(AtomicBool::new(false));
            let breaks = Arc::clone(&has_broken);
            let stream = stream.inspect_err(move |_| breaks.store(true, Ordering::Relaxed));
            let sent = self.send(target, target_credential, &blob.digest, size, stream).await;
            sent.map_err(|error| match has_broken.load(Ordering::Relaxed) {
                true => TransferError::Source(error),
                false => TransferError::Target(error),
            })
        })
        .await?;
        Ok(BlobOrigin::Copied)
    }

    /// Uploads a blob whose digest and size are known. `open` gives its bytes, anew for each attempt.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn upload_blob<F, S>(
        &self,
        target: &ImageReference,
        credential: Option<&RegistryCredential>,
        digest: &str,
        size: u64,
        open: F,
    ) -> Result<BlobOrigin, RegistryError>
    where
        F: AsyncFn() -> std::io::Result<S>,
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        if self.has_blob(target, credential, digest).await? {
            return Ok(BlobOrigin::Present);
        }
        retry(|| async {
            let stream =
                open().await.map_err(|error| RegistryError::Other(format!("cannot read the layer: {error}")))?;
            self.send(target, credential, digest, size, stream).await
        })
        .await?;
        Ok(BlobOrigin::Copied)
    }

    async fn send<S>(
        &self,
        target: &ImageReference,
        credential: Option<&RegistryCredential>,
        digest: &str,
        size: u64,
        stream: S,
    ) -> Result<(), RegistryError>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        let to = reference(target);
        let session = self.session(&to, credential, RegistryOperation::Push).await?;
        let moved = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&moved);
        let counted = stream.map(move |chunk| {
            if let Ok(bytes) = &chunk {
                counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            chunk.map_err(OciDistributionError::IoError)
        });
        let mut upload = pin!(session.client.push_blob_stream(&to, counted, digest, Some(size)));
        loop {
            let before = moved.load(Ordering::Relaxed);
            match tokio::time::timeout(STALLED, &mut upload).await {
                Ok(done) => return done.map(|_| ()).map_err(Into::into),
                Err(_) if moved.load(Ordering::Relaxed) == before => {
                    return Err(RegistryError::Unreachable(format!(
                        "the upload of {digest} stood still for {} seconds",
                        STALLED.as_secs()
                    )));
                }
                Err(_) => {}
            }
        }
    }
}
