#!/bin/bash
# Measures what is promised, and fails where it is not kept. usage: bench.sh [builds] [jobs] [cluster]; all of them by default
#   builds   builds against the reference's way      jobs   the server's answers with 200,000 jobs in PostgreSQL
#   cluster  on the tests' Kubernetes, as root: warm builds, and how soon a job shows its first line
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"
[ $# -gt 0 ] || set -- builds jobs cluster
scripts/install.sh test
scripts/build.sh
[ -d tests/node_modules ] || quietly "Fetching the tests' packages" npm ci --prefix tests --ignore-scripts --no-audit --no-fund --loglevel=error

result=0
measure() { node "bench/$1.js" || result=1; }
cluster() {
  local settings
  bed=$(mktemp -d "${TMPDIR:-/tmp}/cooperage-kubernetes.XXXXXX")
  trap 'scripts/kubernetes.sh down "$bed"' EXIT
  settings=$(scripts/kubernetes.sh up "$bed" $$)
  while IFS= read -r setting; do export "${setting?}"; done <<<"$settings"
  measure warm
  measure first-line
}
for what; do
  case $what in
  builds) measure builds ;;
  jobs) measure many-jobs ;;
  cluster) cluster ;;
  *) die "usage: bench.sh [builds] [jobs] [cluster]" ;;
  esac
done
exit "$result"
