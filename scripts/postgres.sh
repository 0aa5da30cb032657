#!/bin/bash
# A throw-away PostgreSQL on loopback, run by an unprivileged user. Source it after lib.sh, or run it:
#   scripts/postgres.sh run FOLDER PORT [SETTING=VALUE...]       in the foreground until SIGTERM or SIGINT
#   scripts/postgres.sh with FOLDER COMMAND [ARGUMENT...]        runs a command with COOPERAGE_TEST_DATABASE_URL set
# The cluster in FOLDER/data is made where there is none, and stays. Nothing is ever flushed to disk unless fsync=on is given:
# it is for tests. The role `cooperage` owns the database `cooperage`, may make others, and its password is in FOLDER/password.
[ "${BASH_SOURCE[0]}" != "$0" ] || set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# postgres_programs: the folder of PostgreSQL's programs; Debian keeps them off PATH.
postgres_programs() {
  local programs
  programs=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  [ -n "$programs" ] || programs=$(dirname "$(command -v initdb)" 2>/dev/null)
  [ -x "${programs:-/none}/initdb" ] || die "There is no PostgreSQL server." "Run: apt-get install postgresql"
  echo "$programs"
}

# postgres_user: who runs it; initdb and postgres refuse to run as root.
postgres_user() {
  if [ "$(id -u)" -ne 0 ]; then id -un; elif id -u postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

# as_postgres: the words before a command that is to run as that user and end with its parent, in the array postgres_as.
# SIGINT is PostgreSQL's word for "end now, cleanly"; SIGTERM waits for clients, who stay.
as_postgres() {
  local user
  user=$(postgres_user)
  postgres_as=(setpriv --pdeathsig INT)
  [ "$(id -u)" -ne 0 ] || postgres_as+=("--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
}

# postgres_prepare FOLDER PORT: makes the cluster and its password; sets postgres_url.
postgres_prepare() {
  local folder port=$2 programs
  folder=$(realpath -m "$1")
  programs=$(postgres_programs)
  mkdir -p "$folder"
  if [ ! -s "$folder/data/PG_VERSION" ]; then
    rm -rf "$folder/data" && mkdir -p "$folder/data"
    (umask 077 && head -c 24 /dev/urandom | base64 | tr '+/=' '-_x' >"$folder/password")
    if [ "$(id -u)" -eq 0 ]; then
      chown "$(postgres_user)" "$folder/data" "$folder/password"
      # The way to it must be open to that user; what is in it is not.
      chmod a+x "$folder"
    fi
    as_postgres
    (cd / && "${postgres_as[@]}" "$programs/initdb" --pgdata="$folder/data" --username=cooperage --pwfile="$folder/password" \
      --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync) >"$folder/initdb.log" 2>&1 ||
      { tail -n 5 "$folder/initdb.log" >&2; die "A PostgreSQL cluster could not be made." "Its output is $folder/initdb.log"; }
  fi
  postgres_url=postgres://cooperage:$(cat "$folder/password")@127.0.0.1:$port/postgres
}

# postgres_command FOLDER PORT SETTING=VALUE...: the command line that runs the cluster, in the array postgres_line.
postgres_command() {
  local folder port=$2 setting
  folder=$(realpath -m "$1")
  shift 2
  postgres_line=("$(postgres_programs)/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1
    -c unix_socket_directories= -c fsync=off -c full_page_writes=off -c max_connections=400 -c log_min_messages=warning)
  for setting in "$@"; do postgres_line+=(-c "$setting"); done
}

# postgres_start FOLDER PORT [SETTING=VALUE...]: starts it; sets postgres_pid and postgres_url. It ends when this shell does.
postgres_start() {
  local folder=$1 port=$2 i
  postgres_prepare "$folder" "$port"
  shift 2
  postgres_command "$folder" "$port" "$@"
  as_postgres
  (cd / && exec setsid "${postgres_as[@]}" "${postgres_line[@]}") >"$folder/log" 2>&1 </dev/null &
  postgres_pid=$!
  for ((i = 0; i < 150; i++)); do
    kill -0 "$postgres_pid" 2>/dev/null || { tail -n 5 "$folder/log" >&2; die "PostgreSQL did not start." "Its log is $folder/log"; }
    "$(postgres_programs)/pg_isready" -q -h 127.0.0.1 -p "$port" && return
    sleep 0.1
  done
  die "PostgreSQL does not answer on port $port." "Its log is $folder/log"
}

# postgres_stop: ends what postgres_start started.
postgres_stop() {
  kill -INT "$postgres_pid" 2>/dev/null || true
  wait "$postgres_pid" 2>/dev/null || true
}

# free_port: a port of loopback that nothing listens on.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  command=${1:-}
  case $command in
  run)
    [ $# -ge 3 ] || die "usage: postgres.sh run FOLDER PORT [SETTING=VALUE...]"
    postgres_prepare "$2" "$3"
    postgres_command "${@:2}"
    as_postgres
    (cd / && exec setsid "${postgres_as[@]}" "${postgres_line[@]}") &
    postgres_pid=$!
    trap postgres_stop TERM INT
    wait "$postgres_pid"
    ;;
  with)
    [ $# -ge 3 ] || die "usage: postgres.sh with FOLDER COMMAND [ARGUMENT...]"
    postgres_start "$2" "$(free_port)"
    trap postgres_stop EXIT
    export COOPERAGE_TEST_DATABASE_URL=$postgres_url
    "${@:3}"
    ;;
  *) die "usage: postgres.sh run FOLDER PORT [SETTING=VALUE...] | with FOLDER COMMAND [ARGUMENT...]" ;;
  esac
fi
