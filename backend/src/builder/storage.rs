//! What the kept store holds, read from its own index files.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

/// An image of the store.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct StoredImage {
    /// Its id: 64 hexadecimal digits.
    pub(super) id: String,
    /// Its topmost layer; none where the image is empty.
    #[serde(default)]
    pub(super) layer: Option<String>,
    #[serde(default, rename = "big-data-names")]
    big_data_names: Vec<String>,
    /// When it was made.
    #[serde(default)]
    pub(super) created: Option<chrono::DateTime<chrono::Utc>>,
}

/// A layer of the store.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct StoredLayer {
    /// Its id.
    pub(super) id: String,
    #[serde(default)]
    parent: Option<String>,
    /// `sha256:…` of its uncompressed archive.
    #[serde(default, rename = "diff-digest")]
    pub(super) diff_id: Option<String>,
}

/// Every image of the store.
pub(super) fn images(store: &Path) -> io::Result<Vec<StoredImage>> {
    index(&store.join("overlay-images/images.json"))
}

/// The image that was pulled by the digest (of a manifest or of an index), if the store holds it.
pub(super) fn image_by_digest(store: &Path, digest: &str) -> io::Result<Option<StoredImage>> {
    let name = format!("manifest-{digest}");
    Ok(images(store)?.into_iter().find(|image| image.big_data_names.contains(&name)))
}

/// The image with this id.
pub(super) fn image_by_id(store: &Path, id: &str) -> io::Result<Option<StoredImage>> {
    Ok(images(store)?.into_iter().find(|image| image.id == id))
}

/// The layers of an image, lowest first.
pub(super) fn layers_of(store: &Path, image: &StoredImage) -> io::Result<Vec<StoredLayer>> {
    let all: Vec<StoredLayer> = index(&store.join("overlay-layers/layers.json"))?;
    let mut chain = Vec::new();
    let mut next = image.layer.clone().filter(|id| !id.is_empty());
    while let Some(id) = next {
        let layer = all
            .iter()
            .find(|layer| layer.id == id)
            .ok_or_else(|| io::Error::other(format!("the store's index lacks the layer {id}")))?;
        next = layer.parent.clone().filter(|id| !id.is_empty());
        chain.push(layer.clone());
        if chain.len() > all.len() {
            return Err(io::Error::other("the store's index of layers goes in circles"));
        }
    }
    chain.reverse();
    Ok(chain)
}

fn index<T: for<'de> Deserialize<'de>>(path: &Path) -> io::Result<Vec<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_of_layers_begins_at_the_bottom() {
        let store = tempfile::tempdir().unwrap();
        fs::create_dir_all(store.path().join("overlay-layers")).unwrap();
        let layers = r#"[{"id":"b","parent":"a","diff-digest":"sha256:bb"},{"id":"a"},{"id":"x"}]"#;
        fs::write(store.path().join("overlay-layers/layers.json"), layers).unwrap();
        let image: StoredImage = serde_json::from_str(r#"{"id":"i","layer":"b"}"#).unwrap();
        let chain = layers_of(store.path(), &image).unwrap();
        assert_eq!(chain.iter().map(|layer| layer.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(chain[1].diff_id.as_deref(), Some("sha256:bb"));
        assert!(images(store.path()).unwrap().is_empty());
    }
}
