//! The kept store seen from outside of a job: by a process in the user namespace of builds. Without root, what install steps
//! made belongs to users that exist in there only.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use super::store::{self, Limits};
use super::{buildah, rootless};
use crate::delivery::protocol::BuildSettings;

/// The exit status that means no.
const NO: u8 = 3;

/// `cooperage look-after-store`: what is to be done with which store.
#[derive(clap::Args, Clone, Debug)]
pub struct StoreArgs {
    /// The kept image store
    #[arg(long, value_name = "FOLDER")]
    store: PathBuf,
    /// The store's run-time state
    #[arg(long, value_name = "FOLDER")]
    run: PathBuf,
    /// The package caches
    #[arg(long, value_name = "FOLDER")]
    cache: PathBuf,
    /// The most that the store may take, in bytes
    #[arg(long, value_name = "BYTES")]
    store_bytes: u64,
    /// The most that the caches may take, in bytes
    #[arg(long, value_name = "BYTES")]
    cache_bytes: u64,
    /// Only look whether one of them is over its limit
    #[arg(long)]
    look: bool,
}

/// Whether store or caches are over their limit.
///
/// # Errors
/// When they cannot be read.
pub async fn is_over(program: &Path, limits: &Limits) -> io::Result<bool> {
    ask(program, limits, &["--look"]).await
}

/// Brings store and caches within their limits, as [`store::trim`] does. Whether it was done: a builder may use them.
///
/// # Errors
/// When they cannot be read, or something cannot be removed.
pub async fn tidy(program: &Path, limits: &Limits) -> io::Result<bool> {
    ask(program, limits, &[]).await
}

async fn ask(program: &Path, limits: &Limits, further: &[&str]) -> io::Result<bool> {
    let temporary = buildah::temporary(&limits.cache);
    let mut command = rootless::command(program, &temporary, &BuildSettings::default(), None, false);
    command.arg("look-after-store");
    for (flag, folder) in [("--store", &limits.store), ("--run", &limits.run), ("--cache", &limits.cache)] {
        command.arg(flag).arg(folder);
    }
    command.args(["--store-bytes", &limits.store_bytes.to_string(), "--cache-bytes", &limits.cache_bytes.to_string()]);
    let output = command.args(further).stdin(Stdio::null()).kill_on_drop(true).output().await?;
    match output.status.code() {
        Some(0) => Ok(true),
        Some(code) if code == i32::from(NO) => Ok(false),
        _ => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// Does what the arguments say, in the process that was made for it.
///
/// # Errors
/// As [`is_over`] and [`tidy`].
pub async fn look_after_store(args: StoreArgs) -> io::Result<ExitCode> {
    let StoreArgs { store, run, cache, store_bytes, cache_bytes, look } = args;
    let limits = Limits { store, run, cache, store_bytes, cache_bytes };
    let answer = if look { limits.are_exceeded()? } else { store::trim(&limits).await?.is_some() };
    Ok(if answer { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}
