//! No secret as an argument: every user of a machine can read the arguments of its programs.
//!
//! Settings are declared once, for flags, variables and the file alike. A setting that is a secret is hidden among the
//! flags, and one whose value may hold a secret hides its variable's value: here both are refused where they were given
//! on the command line.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

/// Why the command line cannot be taken: what it holds, and where that belongs.
#[must_use]
pub fn problem(command: &Command, matches: &ArgMatches) -> Option<String> {
    if let Some((name, inner)) = matches.subcommand() {
        return problem(command.find_subcommand(name)?, inner);
    }
    command.get_arguments().filter(|argument| argument.is_hide_env_values_set()).find_map(|argument| {
        let id = argument.get_id().as_str();
        let (flag, variable) = (argument.get_long()?, argument.get_env()?.to_string_lossy());
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            return None;
        }
        if argument.is_hide_set() {
            return Some(format!(
                "--{flag} would show the secret to every user of this machine: put it into {variable}, or into a file \
                 that --{flag}-file names"
            ));
        }
        let values = matches.get_raw(id)?;
        let secret = values.into_iter().any(|value| holds_login(&value.to_string_lossy()));
        secret.then(|| {
            format!(
                "--{flag} would show the user name and password in its URL to every user of this machine: put the URL \
                 into {variable}, or into the configuration file"
            )
        })
    })
}

/// Whether the text has a URL with a user name or a password in it.
fn holds_login(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| rest.split(['/', '?', '#']).next().is_some_and(|place| place.contains('@')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_told_from_an_address() {
        for text in ["postgres://a:b@h/d", "https://token@h", "x=http://u:p@proxy:3128"] {
            assert!(holds_login(text), "{text}");
        }
        for text in ["https://h/simple", "sqlite:///a@b.db?mode=rwc", "https://h/@scope/x", "a@b"] {
            assert!(!holds_login(text), "{text}");
        }
    }
}
