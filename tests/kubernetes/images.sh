#!/bin/bash
# Puts into the registry of a running bed what its pods are made of. usage: images.sh FOLDER [OCI_LAYOUT NAME:TAG]...
# Always pause:1, which holds a pod's namespaces; further images from their layouts.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/lib.sh"
. "$here/../../scripts/tools.sh"
. "$here/../../scripts/registry.sh"
. "$here/lib.sh"
bed_folder "$1"
shift

# No system but Linux, and no file but the program.
pause_layout() {
  local folder
  folder=$tools/pause-$(hash_of "$(sha256sum "$here/pause.c")")
  keep "$folder" make_pause
  echo "$folder"
}
make_pause() {
  local work status
  work=$(mktemp -d "$tools/.pause-XXXXXX")
  mkdir "$work/context"
  local store=(--root "$work/store" --runroot "$work/run" --storage-driver vfs)
  musl-gcc -Os -static -s -o "$work/context/pause" "$here/pause.c" &&
    printf 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n' >"$work/context/Dockerfile" &&
    quietly "Making the image that holds a pod's namespaces" \
      buildah "${store[@]}" build --quiet --isolation chroot --tag pause "$work/context" &&
    buildah "${store[@]}" push --quiet pause "oci:$1" >/dev/null
  status=$?
  rm -rf "$work"
  return "$status"
}

pause=$(pause_layout)
registry_put "$S/registry" "$port_registry" "$pause" pause 1
while [ $# -ge 2 ]; do
  registry_put "$S/registry" "$port_registry" "$1" "${2%:*}" "${2##*:}"
  shift 2
done
