//! Which image of the kept store holds which layers: so a layer that was made once is found again by what it was made of.
//!
//! The key of a layer is a hash of the base image, of the instructions of all layers below it and of its own, and of their
//! build arguments. buildah has a layer cache too, but compares layers and history alone: it would take a layer, with the
//! environment it was built in, over from another base that has the same layers and another configuration. And it looks
//! through every image of the store for each instruction.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::job_folder::JobFolder;
use super::storage;

/// The key of a layer and of all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LayerKey(String);

impl LayerKey {
    /// The key of a base image: by its digest, and by the id that this machine's platform has of it.
    pub(super) fn of_base(digest: &str, image_id: &str) -> Self {
        Self(hash(&["base", digest, image_id]))
    }

    /// The key of the layer that these instructions make with these build arguments on the layers of this key.
    pub(super) fn with(&self, instructions: &str, arguments: &[String]) -> Self {
        let mut parts = vec!["layer", &self.0, instructions];
        parts.extend(arguments.iter().map(String::as_str));
        Self(hash(&parts))
    }
}

/// A hash in which no two lists of parts are one.
fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// The id of the image that holds the layers of this key, where the store still has it.
pub(super) fn recall(cache: &Path, store: &Path, key: &LayerKey) -> io::Result<Option<String>> {
    let Ok(image_id) = JobFolder::read::<String>(&record(cache, key)) else { return Ok(None) };
    Ok(storage::image_by_id(store, &image_id)?.map(|image| image.id))
}

/// Remembers which image holds the layers of this key.
pub(super) fn remember(cache: &Path, key: &LayerKey, image_id: &str) -> io::Result<()> {
    fs::create_dir_all(folder(cache))?;
    JobFolder::write(&record(cache, key), &image_id)
}

/// Forgets images that the store no longer holds.
pub(super) fn forget_lost(cache: &Path, store: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder(cache)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let images = storage::images(store)?;
    for entry in entries {
        let path = entry?.path();
        let known = JobFolder::read::<String>(&path).is_ok_and(|id| images.iter().any(|image| image.id == id));
        if !known {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn folder(cache: &Path) -> PathBuf {
    cache.join("built-layers")
}

fn record(cache: &Path, key: &LayerKey) -> PathBuf {
    folder(cache).join(format!("{}.json", key.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_all_that_a_layer_is_made_of() {
        let base = LayerKey::of_base("sha256:1", "id");
        let argument = |text: &str| vec![text.to_owned()];
        let keys = [
            base.clone(),
            LayerKey::of_base("sha256:2", "id"),
            LayerKey::of_base("sha256:1", "other"),
            base.with("RUN a\n", &[]),
            base.with("RUN b\n", &[]),
            base.with("RUN a\n", &argument("USER=app")),
            base.with("RUN a\n", &argument("USER=")),
            base.with("RUN a\n", &[]).with("RUN b\n", &[]),
            base.with("RUN b\n", &[]).with("RUN a\n", &[]),
            base.with("RUN a\nRUN b\n", &[]),
            LayerKey::of_base("sha256:2", "id").with("RUN a\n", &[]),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{index}");
        }
        assert_eq!(base.with("RUN a\n", &argument("x")), base.with("RUN a\n", &argument("x")));
    }

    #[test]
    fn an_image_that_is_gone_is_not_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, store) = (folder.path().join("cache"), folder.path().join("store"));
        let images = store.join("overlay-images/images.json");
        fs::create_dir_all(images.parent().unwrap()).unwrap();
        fs::write(&images, r#"[{"id":"one"},{"id":"two"}]"#).unwrap();
        let base = LayerKey::of_base("sha256:1", "id");
        let (first, second) = (base.with("RUN 1\n", &[]), base.with("RUN 2\n", &[]));
        assert_eq!(recall(&cache, &store, &first).unwrap(), None);
        remember(&cache, &first, "one").unwrap();
        remember(&cache, &second, "two").unwrap();
        assert_eq!(recall(&cache, &store, &second).unwrap().as_deref(), Some("two"));
        fs::write(&images, r#"[{"id":"one"}]"#).unwrap();
        assert_eq!(recall(&cache, &store, &second).unwrap(), None);
        forget_lost(&cache, &store).unwrap();
        assert_eq!(fs::read_dir(super::folder(&cache)).unwrap().count(), 1);
        assert_eq!(recall(&cache, &store, &first).unwrap().as_deref(), Some("one"));
    }
}
