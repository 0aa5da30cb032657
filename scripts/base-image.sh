#!/bin/bash
# Makes a base image from Debian's packages, for machines that reach no registry but their package sources: Debian with
# Python, which asks this machine's package sources and trusts what it trusts. Prints the folder, an OCI image layout in
# the cache. usage: base-image.sh
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"

codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
include=ca-certificates,python3
settings() { # the files of this machine that the image takes over
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/{debian,ubuntu}.sources /etc/apt/apt.conf.d/99* \
    /etc/ssl/certs/ca-certificates.crt; do
    [ ! -f "$file" ] || echo "$file"
  done
}
mapfile -t files < <(settings)
folder=$tools/base-$codename-$(hash_of "$(sha256sum "${files[@]}")" "$codename $include" "$(sha256sum <"$0")")

mirror() {
  sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/{debian,ubuntu}.sources 2>/dev/null | head -n 1
}

make_image() {
  local out=$1 work tree as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  need_disk 1500
  work=$(mktemp -d "$tools/.base-XXXXXX")
  tree=$work/tree
  if ! quietly "Making the base image with debootstrap (about a minute, once)" \
    "${as_root[@]}" debootstrap --variant=minbase --include="$include" "$codename" "$tree" "$(mirror)"; then
    "${as_root[@]}" rm -rf --one-file-system "$work"
    return 1
  fi
  "${as_root[@]}" bash -euc '
    tree=$1; shift
    rm -rf "$tree"/etc/apt/sources.list "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/* \
      "$tree"/var/cache/apt/*.bin "$tree"/var/log/*.log "$tree"/var/log/apt "$tree"/debootstrap
    for file; do install -D -m 0644 "$file" "$tree$file"; done
    tar -C "$tree" --numeric-owner --sort=name --one-file-system -cf - .
  ' bash "$tree" "${files[@]}" | tee >(sha256sum | cut -d' ' -f1 >"$work/diff") | gzip -6n >"$work/layer"
  "${as_root[@]}" rm -rf --one-file-system "$tree"
  mkdir -p "$out/blobs/sha256"
  while [ ! -s "$work/diff" ]; do sleep 0.1; done
  store() { # file: moves it among the blobs, prints digest and size for a descriptor
    local digest
    digest=$(sha256sum <"$1" | cut -d' ' -f1)
    mv "$1" "$out/blobs/sha256/$digest"
    printf '"digest":"sha256:%s","size":%s' "$digest" "$(stat -c %s "$out/blobs/sha256/$digest")"
  }
  local layer config manifest
  layer=$(store "$work/layer")
  printf '{"created":"%s","architecture":"amd64","os":"linux","config":{"Env":["PATH=%s"],"Cmd":["bash"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created_by":"debootstrap"}]}' \
    "$(date -u +%Y-%m-%dT%H:%M:%SZ)" /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$(cat "$work/diff")" >"$work/config"
  config=$(store "$work/config")
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",%s}]}' \
    "$config" "$layer" >"$work/manifest"
  manifest=$(store "$work/manifest")
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",%s}]}' "$manifest" >"$out/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$out/oci-layout"
  rm -rf "$work"
}

keep "$folder" make_image || die "The base image could not be made." \
  "The lines above say why. debootstrap needs root (or sudo) and this machine's Debian package source."
echo "$folder"
