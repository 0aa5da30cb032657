//! The program `cooperage`: the library, with the web app and the playground in it.

use std::process::ExitCode;

use cooperage::cli;
use cooperage::http::Files;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../dist"]
struct WebApp;

#[derive(RustEmbed)]
#[folder = "../playground/dist"]
struct Playground;

fn main() -> ExitCode {
    cli::main(Files { web_app: WebApp::get, playground: Playground::get })
}
