#!/bin/bash
# Installs what is missing and runs every test of every kind. All steps run, also after one has failed; the summary at the
# end tells. usage: test.sh
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"
. "$(dirname "$0")/end-to-end.sh"
cd "$root"

summary=() failed=()

# step LABEL COMMAND...: runs one step and keeps its result and duration for the summary.
step() {
  local label=$1 started=$SECONDS result=passed
  shift
  say "$label"
  "$@" || result=FAILED
  local line
  line=$(printf '%-6s %5s s  %s' "$result" $((SECONDS - started)) "$label")
  detail "$line"
  summary+=("$line")
  [ "$result" = passed ] || failed+=("$label")
}

dependencies() { (PATH=$(cargo_deny):$PATH && cargo deny check --hide-inclusion-graph bans licenses sources); }
# Our own code is not optimized for its tests: that takes a third of the time. Dependencies are those of the binary that ships.
# The compiler is clippy's, so that these need not be looked at once more for the lints alone.
tests=(env RUSTC_WORKSPACE_WRAPPER=clippy-driver cargo test --profile bench)
web_tests=(env RUSTC_WORKSPACE_WRAPPER=clippy-driver cargo test --package cooperage-frontend)
# lint TESTS...: compiles them; what the compiler warns of is a failure. It warns again of what it did not compile anew.
lint() {
  local log status=0
  log=$(mktemp)
  "$@" --no-run --color never 2>&1 | tee "$log" || status=$?
  ! grep -q '^warning' "$log" || status=1
  rm "$log"
  return "$status"
}
# The binary that ships is put back in its place afterwards, for cargo gives that to what it has built last.
rust_tests() {
  local status=0
  "$@" || status=$?
  cargo build --release --package cooperage || status=$?
  return "$status"
}
# All of it once more, for what touches the database: each test in a database of its own on a cluster that is thrown away.
test_postgres_store() {
  local folder status=0
  folder=$(mktemp -d)
  rust_tests scripts/postgres.sh with "$folder" "${tests[@]}" || status=$?
  rm -rf "$folder"
  return "$status"
}
test_whole() { npm_packages && scripts/test-env.sh >/dev/null && npm test --silent --prefix tests; }
# What concerns jobs holds on every engine and every database: the same files run on both of each.
test_postgres() { npm_packages && npm run --silent --prefix tests postgres; }
# One Kubernetes for all tests that need one.
kubernetes() { (kubernetes_programs) >/dev/null && kubernetes_bed; }
# Last what takes apiserver and node away, and has the cluster for itself.
test_kubernetes() { npm_packages && npm run --silent --prefix tests kubernetes; }
test_campaign() { npm_packages && npm run --silent --prefix tests campaign; }

need_disk 6000
step "Install what is missing" scripts/install.sh test
step "Formatting" cargo fmt --all --check
step "Build the web app and the server" scripts/build.sh
step "Lint server, migrations and shared code" lint "${tests[@]}"
step "Licences, sources and banned crates" dependencies
step "Unit, property and integration tests" rust_tests "${tests[@]}"
step "The same tests on PostgreSQL" test_postgres_store
step "Lint the web app" lint "${web_tests[@]}"
step "Tests of the web app's code" "${web_tests[@]}"
step "End to end" test_whole
step "Jobs on PostgreSQL" test_postgres
step "The tests' Kubernetes" kubernetes
step "Jobs on Kubernetes" test_kubernetes
step "A twentieth of the campaign" test_campaign

say "Summary ($((SECONDS / 60)) min $((SECONDS % 60)) s)"
printf '    %s\n' "${summary[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  printf '\n\033[31;1mFailed:\033[0m %s\n' "${failed[@]}"
  exit 1
fi
printf '\nEverything passed.\n'
