# OCI image layouts, written without a daemon or a privilege. Source it after lib.sh.

# layout_on OUT BASE FOLDER CONFIG [CREATED_BY]: the image in the layout BASE (none where empty) with one more layer, which
# holds what is in FOLDER, owned by root. CONFIG is a jq object that goes over the image's config, as {"User": "1000"}.
layout_on() {
  local out=$1 base=$2 folder=$3 config=$4 by=${5:-cooperage} work diff layer image manifest
  have jq || die "There is no jq." "Run: apt-get install jq"
  work=$(mktemp -d "${TMPDIR:-/tmp}/cooperage-layout.XXXXXX")
  mkdir -p "$out/blobs/sha256"
  if [ -n "$base" ]; then
    manifest=$base/blobs/sha256/$(layout_manifest "$base")
    cp -l "$base"/blobs/sha256/* "$out/blobs/sha256/" 2>/dev/null || cp "$base"/blobs/sha256/* "$out/blobs/sha256/"
    rm -f "$out/blobs/sha256/${manifest##*/}"
    cp "$base/blobs/sha256/$(jq -r '.config.digest | ltrimstr("sha256:")' "$manifest")" "$work/image"
  else
    echo '{"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2,"layers":[]}' >"$work/empty"
    manifest=$work/empty
    echo '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]},"history":[]}' >"$work/image"
  fi
  tar -C "$folder" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/tar" .
  diff=$(sha256sum <"$work/tar" | cut -d' ' -f1)
  gzip -6n <"$work/tar" >"$work/layer"
  layer=$(layout_store "$out" "$work/layer")
  jq -c --arg diff "sha256:$diff" --arg by "$by" --argjson config "$config" \
    '.config = ((.config // {}) + $config) | .rootfs.diff_ids += [$diff] | .history += [{created_by: $by}]' "$work/image" >"$work/config"
  image=$(layout_store "$out" "$work/config")
  jq -c --argjson layer "$layer" --argjson image "$image" \
    '.config = ({mediaType: "application/vnd.oci.image.config.v1+json"} + $image)
     | .layers += [{mediaType: "application/vnd.oci.image.layer.v1.tar+gzip"} + $layer]' "$manifest" >"$work/manifest"
  jq -nc --argjson manifest "$(layout_store "$out" "$work/manifest")" \
    '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json"} + $manifest]}' >"$out/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$out/oci-layout"
  rm -rf "$work"
}

# layout_manifest LAYOUT: the manifest's digest, without sha256:.
layout_manifest() { sed -n 's/.*"digest":"sha256:\([0-9a-f]*\)".*/\1/p' "$1/index.json"; }

# layout_store LAYOUT FILE: moves it among the blobs, prints its descriptor.
layout_store() {
  local digest
  digest=$(sha256sum <"$2" | cut -d' ' -f1)
  mv "$2" "$1/blobs/sha256/$digest"
  printf '{"digest":"sha256:%s","size":%s}' "$digest" "$(stat -c %s "$1/blobs/sha256/$digest")"
}
