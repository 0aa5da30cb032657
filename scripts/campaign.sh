#!/bin/bash
# Shows by hundreds of failures that neither jobs nor lines of a log are lost. It takes an hour or two; `make test` runs a
# twentieth. usage: campaign.sh
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
scripts/install.sh test
scripts/build.sh
[ -d tests/node_modules ] || quietly "Fetching the tests' packages" npm ci --prefix tests --ignore-scripts --no-audit --no-fund --loglevel=error
bed=$(mktemp -d "${TMPDIR:-/tmp}/cooperage-kubernetes.XXXXXX")
trap 'scripts/kubernetes.sh down "$bed"' EXIT
settings=$(scripts/kubernetes.sh up "$bed" $$)
while IFS= read -r setting; do export "${setting?}"; done <<<"$settings"
COOPERAGE_CAMPAIGN_SCALE=1 npm run --silent --prefix tests campaign
