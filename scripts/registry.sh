# A registry on loopback with a password. Source it after lib.sh.

# registry_start FOLDER PORT: starts docker-registry over FOLDER; sets registry_pid. Name and password are in the files
# `username` and `password` of FOLDER.
registry_start() {
  local folder=$1 port=$2 program
  program=$(command -v docker-registry) || die "There is no docker-registry." "Run: apt-get install docker-registry"
  (umask 077 && mkdir -p "$folder")
  if [ ! -s "$folder/password" ]; then
    (
      umask 077
      echo cooperage >"$folder/username"
      head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$folder/password"
    )
  fi
  (
    umask 077
    htpasswd -inB "$(cat "$folder/username")" <"$folder/password" 2>/dev/null | grep . >"$folder/htpasswd"
    cat >"$folder/config.yml" <<YAML
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: $folder/images
  delete:
    enabled: true
http:
  addr: 127.0.0.1:$port
auth:
  htpasswd:
    realm: cooperage
    path: $folder/htpasswd
YAML
  )
  # A session of its own, so that Ctrl-C reaches the server first; and it ends when this shell does, however that comes.
  setsid setpriv --pdeathsig TERM "$program" serve "$folder/config.yml" >"$folder/log" 2>&1 </dev/null &
  registry_pid=$!
  local i
  for ((i = 0; i < 100; i++)); do
    kill -0 "$registry_pid" 2>/dev/null || { tail -n 5 "$folder/log" >&2; die "The registry did not start." "Its log is $folder/log"; }
    port_open "$port" && return
    sleep 0.1
  done
  die "The registry does not answer on port $port." "Its log is $folder/log"
}

# registry_curl FOLDER CURL_OPTION...: curl with the registry's name and password, where it has one, which no argument
# list shows.
registry_curl() {
  local folder=$1
  shift
  [ -s "$folder/password" ] || { curl --silent --show-error "$@"; return; }
  curl --silent --show-error --config <(printf 'user = "%s:%s"\n' "$(cat "$folder/username")" "$(cat "$folder/password")") "$@"
}

# registry_put FOLDER PORT IMAGE_LAYOUT REPOSITORY TAG: pushes the image of an OCI layout, leaving out what is there.
registry_put() {
  local folder=$1 url=http://127.0.0.1:$2/v2/$4 layout=$3 tag=$5 manifest blob location
  manifest=$(sed -n 's/.*"digest":"sha256:\([0-9a-f]*\)".*/\1/p' "$layout/index.json")
  if registry_curl "$folder" --head --fail --output /dev/null \
    -H 'Accept: application/vnd.oci.image.manifest.v1+json' "$url/manifests/$tag" 2>/dev/null &&
    registry_curl "$folder" --head -H 'Accept: application/vnd.oci.image.manifest.v1+json' "$url/manifests/$tag" |
    grep -qi "docker-content-digest: sha256:$manifest"; then
    return
  fi
  for blob in "$layout"/blobs/sha256/*; do
    [ "${blob##*/}" = "$manifest" ] && continue
    location=$(registry_curl "$folder" --fail --request POST --output /dev/null --dump-header - "$url/blobs/uploads/" |
      tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    registry_curl "$folder" --fail --request PUT -H 'Content-Type: application/octet-stream' --upload-file "$blob" \
      "$location&digest=sha256:${blob##*/}"
  done
  registry_curl "$folder" --fail --request PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
    --upload-file "$layout/blobs/sha256/$manifest" "$url/manifests/$tag"
}
