//! Where jobs run.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::DataDir;

/// The setting of the engine, as given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Where jobs run
    #[arg(long, env = "COOPERAGE_ENGINE", value_enum, default_value = "local")]
    pub engine: EngineKind,
}

/// Where jobs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineKind {
    /// Processes on this machine.
    Local,
    /// Jobs of a Kubernetes cluster.
    Kubernetes,
}

/// What the local engine needs to know of this machine.
#[derive(Clone, Debug)]
pub struct LocalEngineConfig {
    /// The data folder; jobs have their folders in it.
    pub data: DataDir,
    /// The program that carries out a job: `PROGRAM build --job FOLDER`.
    pub program: PathBuf,
}
