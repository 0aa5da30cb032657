#!/bin/bash
# Builds the web app, the playground and the server, whatever of it changed. usage: build.sh
# The server holds the other two, so they come first.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"
cd "$root"

# unchanged OUTPUT HASH: was OUTPUT made from what HASH stands for? made OUTPUT HASH: now it is.
unchanged() { [ -f "$1/index.html" ] && [ "$(cat "target/made-from/$1" 2>/dev/null)" = "$2" ]; }
made() {
  mkdir -p "target/made-from/$(dirname "$1")" && echo "$2" >"target/made-from/$1"
  touch backend/src/main.rs # which holds the folder's files; cargo looks for changed files, not for new ones
}

# compress FOLDER: a brotli copy beside each file that gains by it.
compress() {
  find "$1" -type f \( -name '*.wasm' -o -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg' -o -name '*.json' \) \
    -exec brotli --force --quality=11 --keep {} +
}

build_web() {
  local hash wasm_bindgen_bin binaryen_bin trunk_bin
  hash=$(hash_files .cargo/config.toml Cargo.toml Cargo.lock Trunk.toml schema.graphql frontend shared scripts/build.sh scripts/tools.sh)
  unchanged dist "$hash" && return
  wasm_bindgen_bin=$(wasm_bindgen)
  binaryen_bin=$(binaryen)
  trunk_bin=$(trunk_tool)
  need_disk 2000
  # Trunk reads NO_COLOR as a flag that must be true or false.
  PATH=$wasm_bindgen_bin:$binaryen_bin:$trunk_bin:$PATH NO_COLOR=true \
    quietly "Building the web app (first time: some minutes)" trunk build --release --offline
  quietly "Compressing the web app" compress dist
  made dist "$hash"
}

build_playground() {
  local hash
  hash=$(hash_files playground/package.json playground/package-lock.json playground/src scripts/build.sh)
  unchanged playground/dist "$hash" && return
  quietly "Fetching the playground's packages" npm ci --prefix playground --no-audit --no-fund --loglevel=error
  quietly "Building the playground" npm run build --prefix playground
  quietly "Compressing the playground" compress playground/dist
  made playground/dist "$hash"
}

build_server() {
  need_disk 1000
  say "Building the server, where it changed (first time: about ten minutes on two cores)"
  cargo build --release --package cooperage ||
    { explain_disk; die "The server could not be built." "The lines above say why."; }
}

build_web
build_playground
build_server
