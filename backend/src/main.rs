//! The program `cooperage`.

fn main() {}
