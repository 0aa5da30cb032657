//! The program `cooperage`.

use std::process::ExitCode;

use cooperage::cli;

fn main() -> ExitCode {
    cli::main()
}
