//! The database.

use clap::Args;

use super::{ConfigError, DataDir, values};

/// The setting of the database, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// The database's URL, for example sqlite:///var/lib/cooperage/cooperage.db?mode=rwc. Where none is given, an SQLite
    /// file in the data folder
    #[arg(long, env = "COOPERAGE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
}

/// The database.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// Its URL; it may hold a password.
    pub url: String,
}

impl std::fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        write!(f, "DatabaseConfig {{ url: \"{scheme}:***\" }}")
    }
}

impl DatabaseArgs {
    /// The database that is meant.
    ///
    /// # Errors
    /// When the URL is of a kind that is not supported.
    pub fn resolve(self, data: &DataDir) -> Result<DatabaseConfig, ConfigError> {
        match values::filled(self.database_url) {
            None => Ok(DatabaseConfig { url: format!("sqlite://{}?mode=rwc", data.database().display()) }),
            Some(url) if url.starts_with("sqlite:") => Ok(DatabaseConfig { url }),
            Some(url) => {
                let scheme = url.split(':').next().unwrap_or_default();
                let message = format!("{scheme:?} is not supported: expected sqlite:///PATH?mode=rwc");
                Err(ConfigError::Invalid { setting: "--database-url", message })
            }
        }
    }
}
