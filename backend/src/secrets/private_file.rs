//! A file that only its owner may read, made once.

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rand::TryRngCore as _;

/// A private file that cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}. Is the data folder writable for the user that runs Cooperage?")]
pub struct PrivateFileError {
    action: &'static str,
    path: String,
    source: std::io::Error,
}

/// The text of the file at `path`, which is made with 32 random bytes in hexadecimal where there is none. Of two that
/// make it at once, one wins and both read the same.
pub(super) fn read_or_make(path: &Path) -> Result<String, PrivateFileError> {
    let failed = |action| move |source| PrivateFileError { action, path: path.display().to_string(), source };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            // Copied or restored with wider permissions: narrow them again.
            std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed("protect"))?;
            return Ok(text.trim().to_owned());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed("read")(error)),
    }
    let mut bytes = [0_u8; 32];
    let random = rand::rngs::OsRng.try_fill_bytes(&mut bytes);
    random.map_err(|error| failed("make")(std::io::Error::other(error.to_string())))?;
    // Written under a name of its own and linked into place: whoever reads `path` reads all of it, or nothing.
    let draft = path.with_extension(format!("draft-{}", uuid::Uuid::now_v7().simple()));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
        file.write_all(format!("{}\n", hex::encode(bytes)).as_bytes())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    let removed = std::fs::remove_file(&draft);
    linked.and(removed).map_err(failed("make"))?;
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).map_err(failed("read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_only_the_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let first = read_or_make(&path).unwrap();
        assert_eq!(first.len(), 64);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read_or_make(&path).unwrap(), first);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn many_starts_at_once_agree() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let texts: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| read_or_make(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(texts.iter().all(|text| *text == texts[0]));
    }

    #[test]
    fn a_missing_folder_is_told_with_its_path() {
        let error = read_or_make(Path::new("/nonexistent-folder/key")).unwrap_err();
        assert!(error.to_string().contains("/nonexistent-folder/key"), "{error}");
    }
}
