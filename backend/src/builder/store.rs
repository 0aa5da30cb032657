//! Keeps the image store and the package caches within their limits.
//!
//! Every agent holds a shared lock on the store while it lives; trimming takes the exclusive one, or does nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::buildah::{self, Buildah};
use super::{layer_records, storage};

/// What may be kept, and where it is.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The kept image store.
    pub store: PathBuf,
    /// The store's run-time state.
    pub run: PathBuf,
    /// The package caches.
    pub cache: PathBuf,
    /// The most that the store may take, in bytes.
    pub store_bytes: u64,
    /// The most that the caches may take, in bytes.
    pub cache_bytes: u64,
}

impl Limits {
    /// Whether the store or the caches are over their limit.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub fn are_exceeded(&self) -> io::Result<bool> {
        Ok(folder_size(&self.store)? > self.store_bytes || folder_size(&self.cache)? > self.cache_bytes)
    }
}

/// What trimming did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Images removed from the store.
    pub images: u64,
    /// Whether the package caches were cleared.
    pub caches_cleared: bool,
}

/// Trimming goes on to this part of the limit, so that it is not needed again at once.
const TARGET_PERCENT: u64 = 80;

/// Removes what ended builds left behind; then images, those unused for longest first and base images last, while the
/// store is over its limit; then the package caches, if they are over theirs. Does nothing (`None`) while a job runs.
///
/// # Errors
/// When the store cannot be read, or buildah cannot remove an image.
pub async fn trim(limits: &Limits) -> io::Result<Option<Trimmed>> {
    let buildah = Buildah::at(&limits.store, &limits.run, &limits.cache)?;
    let Some(_lock) = lock(&limits.run, FlockArg::LockExclusiveNonblock)? else { return Ok(None) };
    let mut trimmed = Trimmed::default();
    // Containers are what a killed build leaves in the store. No job runs, so that none is in use.
    run(&buildah, "rm", &["--all".to_owned()]).await?;
    remove_all_but(&buildah::temporary(&limits.cache), &buildah::cache_mounts(&limits.cache))?;

    let goal = limits.store_bytes / 100 * TARGET_PERCENT;
    if folder_size(&limits.store)? > limits.store_bytes {
        let mut images = storage::images(&limits.store)?;
        images.sort_by_key(|image| {
            let used = last_used(&limits.cache, &image.id);
            (used.is_some_and(|(is_base, _)| is_base), used.map(|(_, time)| time), image.created)
        });
        while !images.is_empty() && folder_size(&limits.store)? > goal {
            let some = images.len().div_ceil(4);
            let ids: Vec<String> = images.drain(..some).map(|image| image.id).collect();
            trimmed.images += ids.len() as u64;
            // An image goes with its children; those that are gone already are no error.
            for id in ids {
                if storage::image_by_id(&limits.store, &id)?.is_some() {
                    run(&buildah, "rmi", &["--force".to_owned(), id.clone()]).await?;
                }
                forget(&limits.cache, &id)?;
            }
        }
        layer_records::forget_lost(&limits.cache, &limits.store)?;
    }
    if folder_size(&limits.cache)? > limits.cache_bytes {
        remove_all_but(&buildah::cache_mounts(&limits.cache), Path::new(""))?;
        trimmed.caches_cleared = true;
    }
    Ok(Some(trimmed))
}

/// Empties the store and the package caches. Does nothing while a job runs.
pub(super) fn clear(limits: &Limits) -> io::Result<()> {
    let Some(_lock) = lock(&limits.run, FlockArg::LockExclusiveNonblock)? else { return Ok(()) };
    for folder in [&limits.store, &limits.cache] {
        remove_all_but(folder, Path::new(""))?;
    }
    Ok(())
}

/// Holds the store for a job, so that it is not trimmed meanwhile; `None` while it is being trimmed.
pub(super) fn hold(run: &Path) -> io::Result<Option<Flock<File>>> {
    lock(run, FlockArg::LockSharedNonblock)
}

fn lock(run: &Path, how: FlockArg) -> io::Result<Option<Flock<File>>> {
    fs::create_dir_all(run)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(run.join("in-use.lock"))?;
    match Flock::lock(file, how) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

async fn run(buildah: &Buildah, subcommand: &str, words: &[String]) -> io::Result<()> {
    let output = buildah.buildah(subcommand).args(words).stdin(Stdio::null()).output().await?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(io::Error::other(format!("buildah {subcommand} {}: {text}", words.join(" "))))
}

/// Notes that an image of the store was used now.
pub(super) fn mark_used(cache: &Path, image_id: &str, is_base: bool) -> io::Result<()> {
    let folder = cache.join("used");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(image_id), if is_base { "base" } else { "built" })
}

fn last_used(cache: &Path, image_id: &str) -> Option<(bool, SystemTime)> {
    let file = cache.join("used").join(image_id);
    Some((fs::read(&file).ok()? == b"base", file.metadata().ok()?.modified().ok()?))
}

fn forget(cache: &Path, image_id: &str) -> io::Result<()> {
    match fs::remove_file(cache.join("used").join(image_id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a folder takes on disk, in bytes; links are counted once, and what vanishes meanwhile not at all.
///
/// # Errors
/// When a folder cannot be read.
pub fn folder_size(folder: &Path) -> io::Result<u64> {
    let mut seen = std::collections::HashSet::new();
    let mut pending = vec![folder.to_owned()];
    let mut size = 0;
    while let Some(folder) = pending.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                pending.push(entry.path());
            } else if metadata.nlink() == 1 || seen.insert((metadata.dev(), metadata.ino())) {
                size += metadata.blocks() * 512;
            }
        }
    }
    Ok(size)
}

fn remove_all_but(folder: &Path, kept: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path == kept {
            continue;
        }
        match path.symlink_metadata()?.is_dir() {
            true => fs::remove_dir_all(&path)?,
            false => fs::remove_file(&path)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_in_use_is_not_trimmed_and_one_that_is_not_is() {
        let run = tempfile::tempdir().unwrap();
        let first = hold(run.path()).unwrap().unwrap();
        let second = hold(run.path()).unwrap().unwrap();
        assert!(lock(run.path(), FlockArg::LockExclusiveNonblock).unwrap().is_none());
        drop((first, second));
        let trimming = lock(run.path(), FlockArg::LockExclusiveNonblock).unwrap();
        assert!(trimming.is_some() && hold(run.path()).unwrap().is_none());
    }

    #[test]
    fn links_are_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("a"), vec![1; 100_000]).unwrap();
        let one = folder_size(folder.path()).unwrap();
        fs::hard_link(folder.path().join("a"), folder.path().join("sub/b")).unwrap();
        assert!(one >= 100_000);
        assert_eq!(folder_size(folder.path()).unwrap(), one);
    }

    #[test]
    fn only_what_is_kept_stays() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["kept", "gone"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("file"), "").unwrap();
        remove_all_but(folder.path(), &folder.path().join("kept")).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["kept"]);
    }
}
