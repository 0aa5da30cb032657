//! Build logs.

use std::time::Duration;

use clap::Args;

use super::values;

/// Settings of build logs, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Build logs")]
pub struct LogArgs {
    /// The longest log of one build; what comes after is left out, and a line in the log says so
    #[arg(long, env = "COOPERAGE_LOG_MAX_BYTES", value_name = "SIZE", default_value = "256MiB",
          value_parser = values::bytes)]
    pub log_max_bytes: u64,
    /// The longest line of a log, at most 8MiB; what comes after is left out, and the line says so
    #[arg(long, env = "COOPERAGE_LOG_MAX_LINE_BYTES", value_name = "SIZE", default_value = "64KiB",
          value_parser = line_bytes)]
    pub log_max_line_bytes: u64,
    /// The age at which the logs of ended builds are removed; a line in their place says so
    #[arg(long, env = "COOPERAGE_LOG_RETENTION", value_name = "DURATION", default_value = "365d",
          value_parser = values::duration)]
    pub log_retention: Duration,
}

/// Build logs.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The longest log of one build, in bytes.
    pub max_bytes_per_job: u64,
    /// The longest line, in bytes.
    pub max_line_bytes: u64,
    /// The age at which the logs of ended builds are removed.
    pub retention: Duration,
}

impl LogArgs {
    /// The settings in the form that the log store takes.
    #[must_use]
    pub fn resolve(self) -> LogConfig {
        LogConfig {
            max_bytes_per_job: self.log_max_bytes,
            max_line_bytes: self.log_max_line_bytes,
            retention: self.log_retention,
        }
    }
}

/// A line must fit into one request of the delivery protocol.
const LONGEST_LINE: u64 = 8 << 20;

fn line_bytes(text: &str) -> Result<u64, String> {
    values::bytes(text)
        .and_then(|size| if size > LONGEST_LINE { Err("must be at most 8MiB".to_owned()) } else { Ok(size) })
}
