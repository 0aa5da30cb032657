//! The program `cooperage`: the library, with the web app and the playground in it.

use std::process::ExitCode;

use cooperage::cli;
use cooperage::http::Files;
use mimalloc::MiMalloc;
use rust_embed::RustEmbed;

/// An answer is made of many small pieces, and musl's own allocator takes a sixth of the time that a list takes.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(RustEmbed)]
#[folder = "../dist"]
struct WebApp;

#[derive(RustEmbed)]
#[folder = "../playground/dist"]
struct Playground;

fn main() -> ExitCode {
    cli::main(Files { web_app: WebApp::get, playground: Playground::get })
}
