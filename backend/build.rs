//! Makes sure that the folders which are embedded into the binary exist, built or not. It does not look at them again: that
//! would compile the library anew. `main.rs` is compiled anew when one of its files changes, and `scripts/build.sh` says so
//! when there are others.

use std::path::Path;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    if Path::new("../Cargo.toml").exists() {
        for folder in ["../dist", "../playground/dist"] {
            std::fs::create_dir_all(folder)?;
        }
    }
    Ok(())
}
