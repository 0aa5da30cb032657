//! The server's own log, on standard error.

use clap::{Args, ValueEnum};

/// Settings of the server's own log.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server log")]
pub struct LoggingArgs {
    /// What the server logs: error, warn, info, debug or trace, or a filter such as info,cooperage=debug
    #[arg(long, env = "COOPERAGE_LOG_LEVEL", value_name = "FILTER", default_value = "info,sqlx=warn,kube_client=off")]
    pub log_level: String,
    /// How the server's log is written
    #[arg(long, env = "COOPERAGE_LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

/// How the server's log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}
