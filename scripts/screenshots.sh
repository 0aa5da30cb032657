#!/bin/bash
# Pictures of every page, wide and narrow, light and dark, empty, full and failing, into tests/screenshots-out.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
scripts/install.sh test
scripts/build.sh
[ -d tests/node_modules ] || quietly "Fetching the tests' packages" npm ci --prefix tests --ignore-scripts --no-audit --no-fund --loglevel=error
exec node tests/screenshots.js
