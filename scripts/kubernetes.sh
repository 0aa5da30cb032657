#!/bin/bash
# A real Kubernetes of one node for the tests and for trying things, with the builder's image in its registry; as root.
#   scripts/kubernetes.sh up FOLDER [PROCESS_ID]   starts it, or what of it has ended, and prints its settings as NAME=VALUE
#                                                  lines; with a process id, it ends when that process does
#   scripts/kubernetes.sh down FOLDER              ends it and removes the folder
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"
bed=$root/tests/kubernetes

# An image is named by what is in it: nodes do not ask again for a tag that they have.
image_name() { echo "$1:$(sed -n 's/.*"digest":"sha256:\([0-9a-f]\{16\}\).*/\1/p' "$2/index.json")"; }

up() {
  local folder=$1 builder server
  quietly "Starting the tests' Kubernetes" "$bed/up.sh" "$@" || die "The tests' Kubernetes did not start." "The lines above say why."
  work=$(mktemp -d "${TMPDIR:-/tmp}/cooperage-images.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  "$root/deploy/builder/image.sh" "$work/builder" >&2
  "$root/deploy/server/image.sh" "$work/server" >&2
  builder=$(image_name builder "$work/builder")
  server=$(image_name server "$work/server")
  quietly "Putting the images of builder and server into its registry" \
    "$bed/images.sh" "$folder" "$work/builder" "$builder" "$work/server" "$server"
  . "$folder/environment"
  cat "$folder/environment"
  echo "COOPERAGE_TEST_BUILDER_IMAGE=$COOPERAGE_TEST_BED_REGISTRY/$builder"
  echo "COOPERAGE_TEST_SERVER_IMAGE=$COOPERAGE_TEST_BED_REGISTRY/$server"
}

case ${1:-} in
up) [ $# -ge 2 ] && up "${@:2}" ;;
down) [ $# -eq 2 ] && "$bed/down.sh" "$2" ;;
*) die "usage: kubernetes.sh up FOLDER [PROCESS_ID] | down FOLDER" ;;
esac
