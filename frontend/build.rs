//! Registers the API's schema, so that every GraphQL document is checked against it while compiling.

fn main() {
    println!("cargo:rerun-if-changed=../schema.graphql");
    cynic_codegen::register_schema("cooperage")
        .from_sdl_file("../schema.graphql")
        .expect("schema.graphql at the top of the repository is valid")
        .as_default()
        .expect("cynic can write the generated schema into OUT_DIR");
}
