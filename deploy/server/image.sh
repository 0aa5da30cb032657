#!/bin/bash
# Makes the server's image: the program, the certificates it trusts, and nothing else. usage: image.sh OUT_LAYOUT
# OUT_LAYOUT is a folder, an OCI image layout; push it, for example, by `skopeo copy oci:OUT_LAYOUT docker://…`.
# The program is $COOPERAGE_BIN, by default the one that scripts/build.sh builds.
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
. "$root/scripts/layout.sh"
[ $# -eq 1 ] || die "usage: image.sh OUT_LAYOUT"
program=${COOPERAGE_BIN:-$root/target/x86_64-unknown-linux-musl/release/cooperage}
[ -x "$program" ] || die "There is no $program." "Build it: make build"
certificates=/etc/ssl/certs/ca-certificates.crt
[ -s "$certificates" ] || die "There is no $certificates." "Run: apt-get install ca-certificates"

tree=$(mktemp -d "${TMPDIR:-/tmp}/cooperage-server.XXXXXX")
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{etc/ssl/certs,usr/local/bin,tmp,var/lib/cooperage}
chmod 755 "$tree"
chmod 1777 "$tree/tmp"
cp "$certificates" "$tree/etc/ssl/certs/"
echo 'cooperage:x:1000:1000::/var/lib/cooperage:/' >"$tree/etc/passwd"
echo 'cooperage:x:1000:' >"$tree/etc/group"
install -m 0755 "$program" "$tree/usr/local/bin/cooperage"
case $program in */debug/*) strip --strip-debug "$tree/usr/local/bin/cooperage" ;; esac
layout_on "$1" '' "$tree" '{
  "User": "1000:1000",
  "Env": ["PATH=/usr/local/bin", "HOME=/var/lib/cooperage", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
  "Entrypoint": ["/usr/local/bin/cooperage"],
  "Cmd": ["serve"],
  "WorkingDir": "/var/lib/cooperage"
}' 'deploy/server/image.sh'
