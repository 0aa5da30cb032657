#!/bin/bash
# Installs what is missing, builds what changed, and runs Cooperage on this machine until Ctrl-C: a registry on loopback
# with a password, the server, and one base image in both. usage: run.sh
#
# Settings, all optional: COOPERAGE_LISTEN (127.0.0.1:8080), COOPERAGE_DATA_DIR (./data), COOPERAGE_REGISTRY_PORT (5000),
# and every other setting of the server. With COOPERAGE_REGISTRY_HOST set, that registry is used and none is started.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"
. "$(dirname "$0")/registry.sh"
cd "$root"

listen=${COOPERAGE_LISTEN:-127.0.0.1:8080}
port=${listen##*:}
delivery=${COOPERAGE_DELIVERY_LISTEN:-127.0.0.1:8081}
registry_port=${COOPERAGE_REGISTRY_PORT:-5000}
data=$(realpath -m "${COOPERAGE_DATA_DIR:-$root/data}")
# A server that listens on all addresses is reached by loopback.
case ${listen%:*} in 0.0.0.0 | '[::]' | '') url=http://127.0.0.1:$port ;; *) url=http://$listen ;; esac
# By any other address than loopback's the server answers only where it is told that this is its own.
case ${listen%:*} in 127.* | '[::1]' | localhost | 0.0.0.0 | '[::]' | '') ;; *) export COOPERAGE_PUBLIC_URL=${COOPERAGE_PUBLIC_URL:-$url} ;; esac
own_registry=$([ -n "${COOPERAGE_REGISTRY_HOST:-}" ] || echo yes)

# refuse_taken PORT VARIABLE WHAT: says who listens there already.
refuse_taken() {
  port_open "$1" || return 0
  local who
  who=$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | head -n 1) || true
  die "Port $1, for $3, is taken${who:+ by $who}." \
    "If that is a Cooperage of yours, end it with Ctrl-C where it runs. Or choose another port: $2 make run"
}

server_pid='' registry_pid=''
stop() {
  trap '' INT TERM HUP
  if [ -n "$server_pid" ] && kill -INT "$server_pid" 2>/dev/null; then
    say "Stopping: running builds are ended"
    wait "$server_pid" || true
  fi
  [ -z "$registry_pid" ] || { kill -TERM "$registry_pid" 2>/dev/null && wait "$registry_pid"; } || true
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# graphql DOCUMENT VARIABLES: prints the answer.
graphql() {
  curl --silent --show-error --fail-with-body --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") \
    -H 'Content-Type: application/json' --data @- "$url/graphql" <<<"{\"query\":\"$1\",\"variables\":${2:-{\}}}"
}

start_registry() {
  say "Starting the registry on port $registry_port"
  registry_start "$data/registry" "$registry_port"
  export COOPERAGE_REGISTRY_HOST=127.0.0.1:$registry_port COOPERAGE_REGISTRY_INSECURE=true
  export COOPERAGE_REGISTRY_USERNAME COOPERAGE_REGISTRY_PASSWORD_FILE=$data/registry/password
  COOPERAGE_REGISTRY_USERNAME=$(cat "$data/registry/username")
  say "Putting the base image into the registry"
  registry_put "$data/registry" "$registry_port" "$base_layout" base/debian "$base_tag"
}

# What this machine needs to reach the package registries, its builds need too.
site_settings() {
  export COOPERAGE_BUILD_HTTP_PROXY=${COOPERAGE_BUILD_HTTP_PROXY-${http_proxy:-}}
  export COOPERAGE_BUILD_HTTPS_PROXY=${COOPERAGE_BUILD_HTTPS_PROXY-${https_proxy:-}}
  export COOPERAGE_BUILD_NO_PROXY=${COOPERAGE_BUILD_NO_PROXY-${no_proxy:-}}
  export COOPERAGE_BUILD_CA_BUNDLE=${COOPERAGE_BUILD_CA_BUNDLE-${SSL_CERT_FILE:-}}
  export COOPERAGE_PIP_INDEX_URL
  : "${COOPERAGE_PIP_INDEX_URL=$(python3 -m pip config get global.index-url 2>/dev/null || true)}"
}

start_server() {
  say "Starting the server on $listen"
  export COOPERAGE_LISTEN=$listen COOPERAGE_DELIVERY_LISTEN=$delivery COOPERAGE_DATA_DIR=$data
  # What it prints of itself when it is ready is said below, once the catalogue is there too.
  setsid setpriv --pdeathsig INT target/x86_64-unknown-linux-musl/release/cooperage serve >/dev/null &
  server_pid=$!
  local i
  for ((i = 0; i < 600; i++)); do
    kill -0 "$server_pid" 2>/dev/null || { server_pid=''; die "The server did not start." "The lines above say why."; }
    [ "$(curl --silent --output /dev/null --write-out '%{http_code}' "$url/readyz" 2>/dev/null)" = 200 ] && break
    sleep 0.1
  done
  [ "$i" -lt 600 ] || die "The server does not answer at $url/readyz." "The lines above may say why."
  token=${COOPERAGE_TOKEN:-$(cat "$data/token")}
}

# The catalogue learns of the base image, and of the secret with which it is pulled, when it does not know them yet.
register_base_image() {
  local answer password secret=local-registry
  answer=$(graphql '{ baseImage(name: \"debian\") { url } pullSecrets { name host } }')
  password=$(cat "$data/registry/password")
  local mutation=''
  case $answer in
  *"{\"name\":\"$secret\",\"host\":\"$COOPERAGE_REGISTRY_HOST\"}"*) ;;
  *"{\"name\":\"$secret\","*) mutation=updatePullSecret ;; # the registry was on another port
  *) mutation=createPullSecret ;;
  esac
  [ -z "$mutation" ] ||
    accepted "$(graphql "mutation(\$i: PullSecretInput!) { $mutation(input: \$i) { userErrors { message } } }" \
      "{\"i\":{\"name\":\"$secret\",\"host\":\"$COOPERAGE_REGISTRY_HOST\",\"username\":\"$COOPERAGE_REGISTRY_USERNAME\",\"password\":\"$password\"}}")"
  case $answer in
  *"\"$COOPERAGE_REGISTRY_HOST/base/debian:$base_tag\""*) return ;;
  *'"baseImage":null'*) mutation=createBaseImage ;;
  *) mutation=updateBaseImage ;;
  esac
  accepted "$(graphql "mutation(\$i: BaseImageInput!) { $mutation(input: \$i) { userErrors { message } } }" \
    "{\"i\":{\"name\":\"debian\",\"displayName\":\"Debian with Python\",\"description\":\"Made on this machine from its Debian packages\",\"type\":\"UNIVERSAL\",\"url\":\"$COOPERAGE_REGISTRY_HOST/base/debian:$base_tag\",\"pullSecret\":\"$secret\"}}")"
}
accepted() {
  [[ $1 == *'"userErrors":[]'* ]] || die "The server did not take the base image into its catalogue: $1"
}

scripts/install.sh run
need_disk 1000
mkdir -p "$data" && [ -w "$data" ] || die "The data folder $data cannot be made or written by $(id -un)." \
  "Give it to this user, or choose another one: COOPERAGE_DATA_DIR=FOLDER make run"
need_disk 1000 "$data" "Free some space there, or choose a data folder on another disk: COOPERAGE_DATA_DIR=FOLDER make run"
refuse_taken "$port" "COOPERAGE_LISTEN=127.0.0.1:$((port + 10))" "the web app"
refuse_taken "${delivery##*:}" "COOPERAGE_DELIVERY_LISTEN=127.0.0.1:$((${delivery##*:} + 10))" "builds that deliver their logs"
if [ "$own_registry" ]; then
  refuse_taken "$registry_port" "COOPERAGE_REGISTRY_PORT=$((registry_port + 1))" "the registry"
fi
scripts/build.sh
export COOPERAGE_BUILD_UV
: "${COOPERAGE_BUILD_UV:=$(uv_tool)}"
if [ "$own_registry" ]; then
  base_layout=$(scripts/base-image.sh)
  base_tag=${base_layout##*/base-} base_tag=${base_tag%%-*}
  start_registry
fi
site_settings
start_server
[ -z "$own_registry" ] || register_base_image

printf '\n\033[1mCooperage is running. Open this address in a browser:\033[0m\n\n    %s/?token=%s\n\n' "$url" "$token"
printf 'It signs the browser in; keep it to yourself. Data is kept in %s. Ctrl-C ends everything.\n\n' "$data"
# The registry may end first: the server then says so on its pages, and this line in the terminal.
if [ -n "$registry_pid" ]; then
  wait -n -p ended "$server_pid" "$registry_pid" && status=0 || status=$?
  if [ "${ended:-}" = "$registry_pid" ]; then
    registry_pid=''
    printf '\n\033[31;1mThe registry has ended\033[0m (exit status %s; its log is %s).\n' "$status" "$data/registry/log" >&2
    printf '\033[1mWhat to do:\033[0m builds cannot push until it runs again: end this with Ctrl-C, then make run.\n' >&2
  elif [ "$status" -eq 0 ]; then
    server_pid=''
    exit
  else
    server_pid=''
    die "The server has ended." "The lines above say why; make run starts it again."
  fi
fi
wait "$server_pid" || { server_pid=''; die "The server has ended." "The lines above say why; make run starts it again."; }
server_pid=''
