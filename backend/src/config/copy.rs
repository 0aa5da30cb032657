//! What `cooperage copy-database` copies.

use std::path::PathBuf;

use clap::Args;

use super::database::{checked, sqlite_in};
use super::{ConfigError, DataDir, Secret, values};

/// From where to where, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Copy")]
pub struct CopyArgs {
    /// The URL of the database to copy. Where none is given, the SQLite file in the data folder
    #[arg(long, env = "COOPERAGE_COPY_FROM", hide_env_values = true, value_name = "URL", value_parser = values::secret)]
    pub from: Option<Secret>,
    /// The URL of the database to copy to, postgres://USER:PASSWORD@HOST/DATABASE. It must be empty
    #[arg(long, env = "COOPERAGE_COPY_TO", hide_env_values = true, value_name = "URL", value_parser = values::secret)]
    pub to: Option<Secret>,
    /// A file that holds that URL
    #[arg(long, env = "COOPERAGE_COPY_TO_FILE", value_name = "FILE", value_parser = values::path())]
    pub to_file: Option<PathBuf>,
}

/// From where to where.
#[derive(Clone, Debug)]
pub struct CopyConfig {
    /// The database to copy.
    pub from: Secret,
    /// The empty one.
    pub to: Secret,
}

/// The same database, which is not made where it is absent.
fn existing(url: Secret) -> Secret {
    match url.expose().strip_suffix("mode=rwc") {
        Some(start) if start.starts_with("sqlite:") => Secret::new(format!("{start}mode=rw")),
        _ => url,
    }
}

impl CopyArgs {
    /// The databases that are meant.
    ///
    /// # Errors
    /// When a URL is missing or is of a kind that is not supported, or when there is nothing to copy.
    pub fn resolve(self, data: &DataDir) -> Result<CopyConfig, ConfigError> {
        let from = match self.from {
            Some(url) => existing(checked("--from", &url)?),
            // A folder that was mistyped is told, and not filled with an empty database.
            None if data.database().is_file() => sqlite_in(data),
            None => {
                let message = format!(
                    "{} holds no database: name the folder with the server's data, or the database to copy by --from",
                    data.path().display()
                );
                return Err(ConfigError::Invalid { setting: "--data-dir", message });
            }
        };
        let to = values::secret_or_file("--to", self.to, self.to_file.as_deref())?;
        let to = to.ok_or_else(|| ConfigError::Invalid {
            setting: "--to",
            message: "missing: name the database to copy to, by COOPERAGE_COPY_TO or --to-file".to_owned(),
        })?;
        Ok(CopyConfig { from, to: checked("--to", &to)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_was_mistyped_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::new(dir.path().to_owned());
        let secret = |text: &str| Some(Secret::new(text.to_owned()));
        let from = |from: &str| {
            let args = CopyArgs { from: secret(from), to: secret("postgres://u@h/d"), to_file: None };
            args.resolve(&data).unwrap().from.expose().to_owned()
        };
        assert_eq!(from("sqlite:///a.db?mode=rwc"), "sqlite:///a.db?mode=rw");
        assert_eq!(from("postgres://u@h/mode=rwc"), "postgres://u@h/mode=rwc");
        assert!(CopyArgs { from: None, to: secret("postgres://u@h/d"), to_file: None }.resolve(&data).is_err());
    }
}
