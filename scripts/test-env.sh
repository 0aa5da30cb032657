#!/bin/bash
# Finds or makes what the end-to-end tests need, and prints it as NAME=VALUE lines. usage: test-env.sh
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"

uv=$(uv_tool)
py_rattler=$(py_rattler)
base=$("$root/scripts/base-image.sh")
browser=$(command -v chromium) || die "There is no chromium." "Run: apt-get install chromium"
printf '%s\n' "COOPERAGE_BIN=${COOPERAGE_BIN:-$root/target/x86_64-unknown-linux-musl/release/cooperage}" \
  "COOPERAGE_TEST_UV=$uv" "COOPERAGE_TEST_PY_RATTLER=$py_rattler" "COOPERAGE_TEST_BASE=$base" \
  "COOPERAGE_TEST_CHROMIUM=$browser"
