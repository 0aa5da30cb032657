//! The database.

use std::path::PathBuf;

use clap::Args;

use super::{ConfigError, DataDir, Secret, values};

/// The setting of the database, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// The database's URL: postgres://USER:PASSWORD@HOST/DATABASE, or sqlite:///var/lib/cooperage/cooperage.db?mode=rwc.
    /// Where none is given, an SQLite file in the data folder. Servers that share a PostgreSQL database are replicas
    #[arg(long, env = "COOPERAGE_DATABASE_URL", hide_env_values = true, value_name = "URL",
          value_parser = values::secret)]
    pub database_url: Option<Secret>,
    /// A file that holds that URL
    #[arg(long, env = "COOPERAGE_DATABASE_URL_FILE", value_name = "FILE", value_parser = values::path())]
    pub database_url_file: Option<PathBuf>,
}

/// The database.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// Its URL; it may hold a password.
    pub url: Secret,
}

impl DatabaseArgs {
    /// The database that is meant.
    ///
    /// # Errors
    /// When the URL is of a kind that is not supported, or its file cannot be read.
    pub fn resolve(self, data: &DataDir) -> Result<DatabaseConfig, ConfigError> {
        let given = values::secret_or_file("--database-url", self.database_url, self.database_url_file.as_deref())?;
        match given.filter(|url| !url.expose().trim().is_empty()) {
            None => Ok(DatabaseConfig { url: sqlite_in(data) }),
            Some(url) => Ok(DatabaseConfig { url: checked("--database-url", &url)? }),
        }
    }
}

/// The SQLite file in the data folder.
pub(super) fn sqlite_in(data: &DataDir) -> Secret {
    Secret::new(format!("sqlite://{}?mode=rwc", data.database().display()))
}

/// The URL of a database of a kind that is supported. What does not fit is not repeated: it may hold a password.
pub(super) fn checked(setting: &'static str, url: &Secret) -> Result<Secret, ConfigError> {
    let text = url.expose().trim();
    let invalid = |message: &str| Err(ConfigError::Invalid { setting, message: message.to_owned() });
    if text.starts_with("sqlite:") {
        return Ok(Secret::new(text.to_owned()));
    }
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return invalid("expected postgres://USER:PASSWORD@HOST/DATABASE or sqlite:///PATH?mode=rwc");
    }
    match url::Url::parse(text) {
        Ok(url) if url.path().len() > 1 => Ok(Secret::new(text.to_owned())),
        Ok(_) => invalid("the URL names no database: expected postgres://USER:PASSWORD@HOST/DATABASE"),
        Err(error) => invalid(&format!(
            "this is no URL ({error}): expected postgres://USER:PASSWORD@HOST/DATABASE, where characters of the password \
             such as @, : and / are written as %40, %3A and %2F"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_not_repeated() {
        let url = |text: &str| checked("--database-url", &Secret::new(text.to_owned()));
        for good in ["postgres://u:p@h/d", "postgresql://u@h:5433/d?sslmode=require", " sqlite:///a.db?mode=rwc\n"] {
            assert!(url(good).is_ok(), "{good}");
        }
        for bad in ["mysql://u:hunter2@h/d", "postgres://u:hunter2@h", "postgres://u:hunter2@h:port/d", "hunter2"] {
            let error = url(bad).unwrap_err().to_string();
            assert!(error.contains("--database-url") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_url_comes_from_a_file_too_and_never_shows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("url");
        std::fs::write(&path, "postgres://u:hunter2@h/d\n").unwrap();
        let data = DataDir::new(dir.path().to_owned());
        let args = DatabaseArgs { database_url: None, database_url_file: Some(path.clone()) };
        let config = args.resolve(&data).unwrap();
        assert_eq!(config.url.expose(), "postgres://u:hunter2@h/d");
        assert!(!format!("{config:?}").contains("hunter2"));
        let both =
            DatabaseArgs { database_url: Some(Secret::new("sqlite://x".to_owned())), database_url_file: Some(path) };
        assert!(both.resolve(&data).is_err());
        let none = DatabaseArgs { database_url: None, database_url_file: None }.resolve(&data).unwrap();
        assert!(none.url.expose().starts_with("sqlite://"));
    }
}
