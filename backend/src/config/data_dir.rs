//! The data folder and what is where in it.

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
