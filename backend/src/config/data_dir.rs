//! The data folder and what is where in it.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::ConfigError;

/// The setting of the data folder, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// The folder that holds the database, the keys, the image store and the caches
    #[arg(long, env = "COOPERAGE_DATA_DIR", value_name = "FOLDER", default_value = "./data")]
    pub data_dir: PathBuf,
}

impl DataArgs {
    /// The folder as an absolute path; it need not exist yet.
    ///
    /// # Errors
    /// When the path is empty or the current folder is gone.
    pub fn resolve(self) -> Result<DataDir, ConfigError> {
        let path = std::path::absolute(&self.data_dir).map_err(|source| ConfigError::Unreadable {
            setting: "--data-dir",
            path: self.data_dir.display().to_string(),
            source,
        })?;
        Ok(DataDir::new(path))
    }
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It is not there, and cannot be made.
    #[error("cannot make the data folder {}: {source}. Choose another by --data-dir.", folder.display())]
    CannotMake {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing can be written to it.
    #[error("cannot write to the data folder {}: {source}.", folder.display())]
    CannotWrite {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A server is running on it.
    #[error(
        "another Cooperage server uses the data folder {}. Stop it first, or choose another folder by --data-dir.",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// Its file system has no locks.
    #[error("cannot lock the data folder {}: {source}.", folder.display())]
    CannotLock {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The folder of everything that outlives the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The folder at `path`, which should be absolute.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the folder, for its owner only; one that is there is left as it is.
    ///
    /// # Errors
    /// [`DataDirError::CannotMake`].
    pub fn make(&self) -> Result<(), DataDirError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|source| DataDirError::CannotMake { folder: self.0.clone(), source })
    }

    /// Keeps a second server out of the folder as long as the file is open.
    ///
    /// # Errors
    /// When another server uses the folder, or nothing can be written to it.
    pub fn lock(&self) -> Result<File, DataDirError> {
        let folder = || self.0.clone();
        let file = File::options().create(true).truncate(false).write(true).open(self.0.join("lock"));
        let file = file.map_err(|source| DataDirError::CannotWrite { folder: folder(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { folder: folder() }),
            Err(TryLockError::Error(source)) => Err(DataDirError::CannotLock { folder: folder(), source }),
        }
    }

    /// The SQLite database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("cooperage.db")
    }

    /// The name by which the jobs of this machine are known in the database.
    #[must_use]
    pub fn owner(&self) -> PathBuf {
        self.0.join("owner")
    }

    /// The token that every call needs, mode 0600.
    #[must_use]
    pub fn token(&self) -> PathBuf {
        self.0.join("token")
    }

    /// The key that encrypts pull secrets, mode 0600.
    #[must_use]
    pub fn secret_key(&self) -> PathBuf {
        self.0.join("secret.key")
    }

    /// One folder per job that has not been cleared away.
    #[must_use]
    pub fn jobs(&self) -> PathBuf {
        self.0.join("jobs")
    }

    /// The kept image store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// The store's run-time state.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.0.join("run")
    }

    /// The package caches.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }
}
