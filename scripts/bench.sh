#!/bin/bash
# Measures what is promised, and fails where it is not kept. usage: bench.sh [builds] [jobs] [cluster]; all of them by default
#   builds   builds against the reference's way      jobs   the server's answers with 200,000 jobs in PostgreSQL
#   cluster  on the tests' Kubernetes, as root: warm builds, and how soon a job shows its first line
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/end-to-end.sh"
cd "$root"
[ $# -gt 0 ] || set -- builds jobs cluster
scripts/install.sh test
scripts/build.sh
npm_packages

result=0
measure() { node "bench/$1.js" || result=1; }
cluster() {
  kubernetes_bed
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
