#!/bin/bash
# Measures builds against the reference's way. usage: bench.sh [ROUNDS]
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
scripts/install.sh test
scripts/build.sh
[ -d tests/node_modules ] || quietly "Fetching the tests' packages" npm ci --prefix tests --ignore-scripts --no-audit --no-fund --loglevel=error
exec node bench/bench.js "$@"
