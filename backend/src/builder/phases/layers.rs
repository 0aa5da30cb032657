//! New layers: read from the store, compressed, and known again the next time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::builder::buildah::Buildah;
use crate::builder::job_folder::JobFolder;
use crate::builder::storage::StoredLayer;

/// The level that gzip compresses with: beyond it, time grows much faster than size shrinks.
const LEVEL: u32 = 4;

/// A layer as registries hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compressed {
    /// `sha256:…` of the compressed bytes.
    pub(super) digest: String,
    /// Their number.
    pub(super) size: u64,
    /// Where it was pushed to: `host/repository`, the latest last.
    #[serde(default)]
    pub(super) places: Vec<String>,
}

/// Places beyond these are forgotten, oldest first.
const PLACES: usize = 8;

/// What is known of the layer with this diff id from earlier pushes.
pub(super) fn recall(cache: &Path, diff_id: &str) -> Option<Compressed> {
    JobFolder::read(&record(cache, diff_id)).ok()
}

/// Remembers that the layer is at `place`.
pub(super) fn remember(cache: &Path, diff_id: &str, mut layer: Compressed, place: &str) -> io::Result<()> {
    layer.places.retain(|known| known != place);
    layer.places.push(place.to_owned());
    let surplus = layer.places.len().saturating_sub(PLACES);
    layer.places.drain(..surplus);
    let path = record(cache, diff_id);
    fs::create_dir_all(path.parent().unwrap_or(cache))?;
    JobFolder::write(&path, &layer)
}

fn record(cache: &Path, diff_id: &str) -> PathBuf {
    let name = diff_id.trim_start_matches("sha256:").replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    cache.join("layers").join(format!("{name}.json"))
}

/// Compresses a layer of the store into `to`.
///
/// # Errors
/// When the store cannot give it, its bytes are not those of its diff id, or the file cannot be written.
pub(super) async fn compress(buildah: &Buildah, layer: &StoredLayer, to: PathBuf) -> io::Result<Compressed> {
    let (reader, writer) = io::pipe()?;
    let mut command = buildah.layer_diff(&layer.id);
    command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn()?;
    // The command holds the pipe's other end until it is dropped; only then can the pipe end.
    drop(command);
    let squeeze = tokio::task::spawn_blocking(move || gzip(File::from(std::os::fd::OwnedFd::from(reader)), &to));
    let output = child.wait_with_output().await?;
    let (compressed, diff_id) = squeeze.await.map_err(io::Error::other)??;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("the store cannot give layer {}: {text}", layer.id)));
    }
    if layer.diff_id.as_ref().is_some_and(|expected| *expected != diff_id) {
        return Err(io::Error::other(format!("layer {} of the store has changed since it was made", layer.id)));
    }
    Ok(compressed)
}

fn gzip(mut archive: File, to: &Path) -> io::Result<(Compressed, String)> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(to)?;
    let mut encoder = GzEncoder::new(Hashing { inner: file, hash: Sha256::new(), size: 0 }, Compression::new(LEVEL));
    let mut diff = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match archive.read(&mut buffer)? {
            0 => break,
            count => {
                diff.update(&buffer[..count]);
                encoder.write_all(&buffer[..count])?;
            }
        }
    }
    let written = encoder.finish()?;
    let digest = format!("sha256:{}", hex::encode(written.hash.finalize()));
    let diff_id = format!("sha256:{}", hex::encode(diff.finalize()));
    Ok((Compressed { digest, size: written.size, places: Vec::new() }, diff_id))
}

/// Hashes and counts what it passes on.
struct Hashing {
    inner: File,
    hash: Sha256,
    size: u64,
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
