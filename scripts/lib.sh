# Shared by the scripts of this folder: messages, durations and the cache of built tools.
# Source it; it runs nothing by itself.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${COOPERAGE_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cooperage}
tools=$cache/tools

# Progress goes to standard error, so that functions can print their result.
say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
detail() { printf '    %s\n' "$*" >&2; }

# die WHAT_HAPPENED [WHAT_TO_DO]: ends the script.
die() {
  printf '\n\033[31;1mFailed:\033[0m %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf '\033[1mWhat to do:\033[0m %s\n' "$2" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# hash_of TEXT...: a short name for whatever is built from TEXT.
hash_of() { printf '%s\n' "$@" | sha256sum | cut -c1-16; }

# hash_files PATH...: one hash over the names and contents of files and folders, below the project's folder.
hash_files() {
  (cd "$root" && find "$@" -type f -not -path '*/node_modules/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) |
    sha256sum | cut -c1-16
}

# quietly LABEL COMMAND...: runs a command with its output in a file; shows the duration, and the output when it fails.
quietly() {
  local label=$1 log started=$SECONDS
  shift
  log=$(mktemp "${TMPDIR:-/tmp}/cooperage-step.XXXXXX")
  say "$label"
  if "$@" >"$log" 2>&1; then
    detail "done in $((SECONDS - started)) s"
    rm -f "$log"
  else
    local status=$?
    tail -n 60 "$log" >&2
    rm -f "$log"
    explain_disk
    printf '\n\033[31;1mFailed:\033[0m %s (exit status %s, the last lines are above)\n' "$label" "$status" >&2
    return "$status"
  fi
}

# free_megabytes FOLDER: what is left on the disk that holds it.
free_megabytes() { df -Pm "$1" | awk 'NR==2 {print $4}'; }

explain_disk() {
  local free
  free=$(free_megabytes "$root")
  [ "$free" -ge 200 ] || printf '\033[1mThe disk is full\033[0m (%s MB left): free some space and run the command again.\n' "$free" >&2
}

# need_disk MEGABYTES [FOLDER WHAT_TO_DO]: FOLDER is the project's where none is given.
need_disk() {
  local free folder=${2:-$root}
  free=$(free_megabytes "$folder")
  [ "$free" -ge "$1" ] || die "Only $free MB are free on the disk of $folder, and about $1 MB are needed." \
    "${3:-Free some space (old builds: rm -rf target; cached tools: rm -rf $cache) and run the command again.}"
}

# port_open PORT: does anything listen on loopback?
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
