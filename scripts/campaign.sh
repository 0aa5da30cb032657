#!/bin/bash
# Shows by hundreds of failures that neither jobs nor lines of a log are lost. It takes an hour or two; `make test` runs a
# twentieth. usage: campaign.sh
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/end-to-end.sh"
cd "$root"
scripts/install.sh test
scripts/build.sh
npm_packages
kubernetes_bed
npm run --silent --prefix tests whole-campaign
