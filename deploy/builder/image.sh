#!/bin/bash
# Makes the image that builds run in on Kubernetes, with Debian's buildah and no daemon. usage: image.sh OUT_LAYOUT
# OUT_LAYOUT is a folder, an OCI image layout; push it, for example, by `skopeo copy oci:OUT_LAYOUT docker://…`.
# The program is $COOPERAGE_BIN, by default the one that scripts/build.sh builds; the base, a layout too, is
# $COOPERAGE_BUILDER_BASE, by default what scripts/base-image.sh makes. What is Debian's is made once and kept; the program
# and uv are a layer on top.
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$root/scripts/tools.sh"
. "$root/scripts/layout.sh"
[ $# -eq 1 ] || die "usage: image.sh OUT_LAYOUT"
program=${COOPERAGE_BIN:-$root/target/x86_64-unknown-linux-musl/release/cooperage}
[ -x "$program" ] || die "There is no $program." "Build it: make build"
have buildah || die "There is no buildah." "Run: apt-get install buildah"
[ "$(id -u)" -eq 0 ] || die "The builder's image is made as root: without, its file capabilities get lost." "Run: sudo $0 $1"
base=${COOPERAGE_BUILDER_BASE:-$("$root/scripts/base-image.sh")}
dockerfile=$root/deploy/builder/Dockerfile
uv=$(uv_tool)

make_system() {
  local out=$1 work
  need_disk 1500
  work=$(mktemp -d "$tools/.builder-XXXXXX")
  mkdir "$work/context"
  local buildah=(env "TMPDIR=$work" buildah --root "$work/store" --runroot "$work/run" --storage-driver overlay)
  # buildah makes a name of the path that it is given, and not every path is one.
  ln -s "$base" "$work/base"
  pull() { cd "$work" && "${buildah[@]}" pull oci:base | tee "$work/id"; }
  if ! (quietly "Reading the base image" pull) ||
    ! quietly "Making the builder's Debian part (about a minute, once)" "${buildah[@]}" build --isolation chroot --network host \
      --from "$(tail -n 1 "$work/id")" --target system --tag builder-system --file "$dockerfile" "$work/context" ||
    ! quietly "Writing it" "${buildah[@]}" push builder-system "oci:$out"; then
    rm -rf --one-file-system "$work"
    return 1
  fi
  rm -rf --one-file-system "$work"
}

system=$tools/builder-$(hash_of "$(layout_manifest "$base")" "$(sed '/^FROM system/,$d' "$dockerfile")" "$(declare -f make_system)")
keep "$system" make_system || die "The builder's image cannot be made." "Look at the lines above, and run it again."

tree=$(mktemp -d "${TMPDIR:-/tmp}/cooperage-builder.XXXXXX")
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
mkdir -p "$tree/usr/local/bin"
install -m 0755 "$program" "$tree/usr/local/bin/cooperage"
case $program in */debug/*) strip --strip-debug "$tree/usr/local/bin/cooperage" ;; esac
install -m 0755 "$uv" "$tree/usr/local/bin/uv"
layout_on "$1" "$system" "$tree" '{}' 'deploy/builder/image.sh'
