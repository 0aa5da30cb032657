#!/bin/bash
# Pictures of every page, wide and narrow, light and dark, empty, full and failing, into tests/screenshots-out.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/end-to-end.sh"
cd "$root"
scripts/install.sh test
scripts/build.sh
npm_packages
exec node tests/screenshots.js
