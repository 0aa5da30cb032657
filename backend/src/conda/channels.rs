//! Channels: which ones, in which order, and under which address.

use std::path::PathBuf;

use rattler_conda_types::{Channel, ChannelConfig, MatchSpec};
use serde::{Deserialize, Serialize};

use super::{CondaError, Reason};
use crate::delivery::protocol::BuildSettings;

/// The administrator's channels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSettings {
    /// In order of priority, names or URLs; conda-forge where there is none.
    pub channels: Vec<String>,
    /// The base URL of channels that are given by name.
    pub alias: Option<String>,
}

/// The token in the path of a channel's address, which conda servers have as `…/t/TOKEN/…`.
#[must_use]
pub fn token_of(address: &url::Url) -> Option<&str> {
    let mut segments = address.path_segments()?;
    segments.by_ref().find(|segment| *segment == "t")?;
    segments.next().filter(|token| !token.is_empty())
}

impl ChannelSettings {
    /// The part of the settings that is about channels.
    #[must_use]
    pub fn of(settings: &BuildSettings) -> Self {
        Self { channels: settings.conda_channels.clone(), alias: settings.conda_channel_alias.clone() }
    }

    fn config(&self) -> Result<ChannelConfig, CondaError> {
        let mut config = ChannelConfig::default_with_root_dir(PathBuf::from("/"));
        if let Some(alias) = &self.alias {
            // Without its last slash, the address's last part would be replaced by the channel's name.
            config.channel_alias = format!("{}/", alias.trim_end_matches('/')).parse().map_err(|error| {
                CondaError::new(Reason::Other, format!("the conda channel alias {alias:?} is no URL: {error}"))
            })?;
        }
        Ok(config)
    }

    /// The channels to search: the administrator's in order, then those that the requirements name. The requirements'
    /// own channels are brought to the same addresses.
    pub(super) fn resolve(&self, specs: &mut [MatchSpec]) -> Result<Vec<Channel>, CondaError> {
        let config = self.config()?;
        let parse = |name: &str| {
            Channel::from_str(name, &config)
                .map_err(|error| CondaError::new(Reason::Other, format!("the conda channel {name:?}: {error}")))
        };
        let default = [String::from("conda-forge")];
        let names = if self.channels.is_empty() { &default[..] } else { &self.channels[..] };
        let mut channels = names.iter().map(|name| parse(name)).collect::<Result<Vec<_>, _>>()?;
        for spec in specs {
            let Some(asked) = spec.channel.as_deref() else { continue };
            // A name stands for the administrator's channel of that name, wherever that is; else for the alias's.
            let known = channels.iter().find(|channel| {
                channel.base_url == asked.base_url
                    || (asked.name.is_some() && channel_name(channel) == asked.name.as_deref())
            });
            let channel = match (known, &asked.name) {
                (Some(channel), _) => channel.clone(),
                (None, Some(name)) if is_at_default_alias(asked) => parse(name)?,
                (None, _) => asked.clone(),
            };
            if !channels.iter().any(|known| known.base_url == channel.base_url) {
                channels.push(channel.clone());
            }
            spec.channel = Some(channel.into());
        }
        Ok(channels)
    }
}

/// The name that a person would call the channel by.
fn channel_name(channel: &Channel) -> Option<&str> {
    channel.name.as_deref().map(|name| name.trim_end_matches('/').rsplit('/').next().unwrap_or(name))
}

/// Whether the channel was given by name alone: the grammar puts names under the default alias.
fn is_at_default_alias(channel: &Channel) -> bool {
    let default = ChannelConfig::default_with_root_dir(PathBuf::from("/"));
    default.strip_channel_alias(channel.base_url.url().as_ref()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rattler_conda_types::ParseStrictness;

    fn addresses(settings: &ChannelSettings, spec: &str) -> (Vec<String>, Option<String>) {
        let mut specs = [MatchSpec::from_str(spec, ParseStrictness::Lenient).unwrap()];
        let channels = settings.resolve(&mut specs).unwrap();
        let address = |channel: &Channel| channel.base_url.url().to_string().trim_end_matches('/').to_owned();
        (channels.iter().map(address).collect(), specs[0].channel.as_deref().map(address))
    }

    #[test]
    fn names_are_found_under_the_alias_and_urls_where_they_say() {
        let default = ChannelConfig::default_with_root_dir(PathBuf::from("/")).channel_alias;
        let forge = format!("{default}conda-forge");
        assert_eq!(addresses(&ChannelSettings::default(), "numpy"), (vec![forge], None));
        let settings = ChannelSettings {
            channels: vec!["conda-forge".to_owned()],
            alias: Some("https://mirror.example/conda".to_owned()),
        };
        let mirrored = "https://mirror.example/conda/conda-forge".to_owned();
        assert_eq!(addresses(&settings, "conda-forge::numpy"), (vec![mirrored.clone()], Some(mirrored.clone())));
        let other = "https://mirror.example/conda/bioconda".to_owned();
        assert_eq!(addresses(&settings, "bioconda::bwa"), (vec![mirrored, other.clone()], Some(other)));
    }

    #[test]
    fn a_name_stands_for_the_administrators_channel_of_that_name() {
        let settings =
            ChannelSettings { channels: vec!["https://mirror.example/x/conda-forge".to_owned()], alias: None };
        let mirrored = "https://mirror.example/x/conda-forge".to_owned();
        assert_eq!(addresses(&settings, "conda-forge::numpy"), (vec![mirrored.clone()], Some(mirrored)));
    }
}
