//! Makes sure that the folders which are embedded into the binary exist, built or not, and are looked at again on change.

use std::path::Path;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    for folder in ["../dist", "../playground/dist"] {
        // Without the folder, "changed" would be true for ever, and every build would start anew.
        if Path::new("../Cargo.toml").exists() {
            std::fs::create_dir_all(folder)?;
        }
        println!("cargo::rerun-if-changed={folder}");
    }
    Ok(())
}
