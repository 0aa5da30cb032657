//! The TOML file: its values become the defaults of the flags they name.
//!
//! The key of a setting is its flag with `_` for `-`. A table's name is the first part of its keys, so `[registry]` with
//! `host` is `registry_host`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Command};
use toml::{Table, Value};

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("{path} is not valid TOML: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// Where and why.
        message: String,
    },
    /// A key that names no setting.
    #[error("{path}: unknown key {key:?}. `cooperage config` lists every key")]
    UnknownKey {
        /// The file.
        path: String,
        /// The key as written.
        key: String,
    },
    /// A value of a type that no setting has.
    #[error("{path}: {key:?} must be a string, a number, true, false or a list of strings")]
    Type {
        /// The file.
        path: String,
        /// The key as written.
        key: String,
    },
}

/// The file that `--config` or `COOPERAGE_CONFIG` names; read before everything else, for it changes the defaults.
#[must_use]
pub fn named(arguments: &[OsString], variable: Option<OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.iter().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            break;
        }
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(path) = argument.to_str().and_then(|text| text.strip_prefix("--config=")) {
            return Some(PathBuf::from(path));
        }
    }
    variable.filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Makes the values in the file at `path` the defaults of `command`'s subcommands.
///
/// # Errors
/// When the file cannot be read, is not TOML, or has a key or a type that no setting has.
pub fn apply(mut command: Command, settings: &Command, path: &Path) -> Result<Command, FileError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| FileError::Unreadable { path: name.clone(), source })?;
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| FileError::Malformed { path: name.clone(), message: error.to_string() })?;
    let mut found = BTreeMap::new();
    flatten(&table, "", settings, &name, &mut found)?;
    let subcommands: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for subcommand in subcommands {
        command = command.mut_subcommand(subcommand, |mut subcommand| {
            for (id, values) in &found {
                if subcommand.get_arguments().any(|argument| argument.get_id() == id.as_str()) {
                    subcommand = subcommand.mut_arg(id, |argument| argument.default_values(values.clone()));
                }
            }
            subcommand
        });
    }
    Ok(command)
}

/// The identifier and the values of every setting in `table`.
fn flatten(
    table: &Table,
    prefix: &str,
    settings: &Command,
    file: &str,
    found: &mut BTreeMap<String, Vec<String>>,
) -> Result<(), FileError> {
    for (key, value) in table {
        let id = if prefix.is_empty() { key.clone() } else { format!("{prefix}_{key}") };
        let argument = settings.get_arguments().find(|argument| argument.get_id() == id.as_str());
        let wrong_type = || FileError::Type { path: file.to_owned(), key: id.clone() };
        match (argument, value) {
            (None, Value::Table(inner)) if !inner.is_empty() => flatten(inner, &id, settings, file, found)?,
            (None, _) => return Err(FileError::UnknownKey { path: file.to_owned(), key: id }),
            (Some(argument), Value::Array(items)) if matches!(argument.get_action(), ArgAction::Append) => {
                let items = items.iter().map(scalar).collect::<Option<Vec<_>>>().ok_or_else(wrong_type)?;
                found.insert(id, items);
            }
            (Some(argument), Value::Table(inner)) if matches!(argument.get_action(), ArgAction::Append) => {
                let pair = |(name, value)| scalar(value).map(|value| format!("{name}={value}"));
                let pairs = inner.iter().map(pair).collect::<Option<Vec<_>>>().ok_or_else(wrong_type)?;
                found.insert(id, pairs);
            }
            (Some(_), value) => {
                let value = scalar(value).ok_or_else(wrong_type)?;
                found.insert(id, vec![value]);
            }
        }
    }
    Ok(())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}
