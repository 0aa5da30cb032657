//! The reference of every setting, written as a configuration file in which each line is a comment.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Args, Command};

use super::Settings;

/// The settings as clap knows them.
#[must_use]
pub fn command() -> Command {
    Settings::augment_args(Command::new("settings"))
}

/// The reference: for each setting what it means, its flag, its variable, its key in the file and its default.
#[must_use]
pub fn text() -> String {
    let mut text = String::from(
        "# The settings of Cooperage. Flags win over variables, variables over this file, this file over the defaults.\n\
         # Save it, uncomment what you change, and name it by --config FILE or COOPERAGE_CONFIG.\n\
         # Durations are written 90s, 15m or 1h; sizes 64MiB or 20GiB.\n",
    );
    let command = command();
    let mut heading = String::new();
    for argument in command.get_arguments() {
        let own = argument.get_help_heading().unwrap_or_default();
        if own != heading {
            heading = own.to_owned();
            let _ = write!(text, "\n# {heading}\n# {}\n", "-".repeat(heading.len()));
        }
        entry(&mut text, argument);
    }
    text
}

fn entry(text: &mut String, argument: &Arg) {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    text.push('\n');
    for line in wrap(&format!("{}.", help.replace('\n', " ")), 110) {
        let _ = writeln!(text, "# {line}");
    }
    let choices: Vec<String> = argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if !choices.is_empty() {
        let _ = writeln!(text, "# One of: {}.", choices.join(", "));
    }
    let flag = argument.get_long().unwrap_or_default();
    let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let _ = match argument.is_hide_set() {
        // A secret is no argument: see `secret_arguments`.
        true => writeln!(text, "# Variable {variable}; no flag."),
        false => writeln!(text, "# Flag --{flag}, variable {variable}."),
    };
    let quoted: Vec<String> =
        argument.get_default_values().iter().map(|value| quote(&value.to_string_lossy())).collect();
    let value = match (argument.get_action(), quoted.as_slice()) {
        (ArgAction::Append, values) => format!("[{}]", values.join(", ")),
        (_, [value]) => value.clone(),
        _ => String::from("\"\""),
    };
    let _ = writeln!(text, "#{} = {value}", argument.get_id());
}

/// Numbers and truth values stand bare, all else in quotes.
fn quote(value: &str) -> String {
    if value.parse::<i64>().is_ok() || matches!(value, "true" | "false") {
        value.to_owned()
    } else {
        toml::Value::String(value.to_owned()).to_string()
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let full = lines.last().is_some_and(|line| !line.is_empty() && line.len() + 1 + word.len() > width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
