#!/bin/bash
# Installs what is missing on this machine. usage: install.sh run|test
# Debian packages, Rust's standard library for the two targets, and pip where Python has none. Services that a package brings
# are not started: what needs one starts its own.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"

packages=(apache2-utils brotli buildah ca-certificates containers-storage curl debootstrap docker-registry gcc libc6-dev
  make musl-tools python3 xz-utils)
case ${1:-run} in
run) ;;
test) packages+=(busybox-static chromium containerd containernetworking-plugins fonts-dejavu-core iproute2 jq openssl postgresql procps runc strace uidmap) ;;
*) die "usage: install.sh run|test" ;;
esac

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
  die "This machine is $(uname -s) on $(uname -m); Cooperage is built and tested on Linux on x86_64 only."

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

install_packages() {
  local missing=() as_root=()
  for package in "${packages[@]}"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  have apt-get || die "These packages are missing: ${missing[*]}. Only Debian and its relatives are installed by this script." \
    "Install them by your own package manager, or use Debian 12."
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || die "These Debian packages are missing: ${missing[*]}. You are not root and there is no sudo." \
      "Ask an administrator to run: apt-get install ${missing[*]}"
    as_root=(sudo --preserve-env=DEBIAN_FRONTEND)
  fi
  export DEBIAN_FRONTEND=noninteractive
  need_disk 2000
  keep_services_down "${as_root[@]}"
  quietly "Reading the lists of Debian packages" "${as_root[@]}" apt-get update ||
    die "apt-get update failed." "See that the package sources in /etc/apt can be reached, and run the command again."
  quietly "Installing Debian packages: ${missing[*]}" \
    "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install: ${missing[*]}" "The lines above say why. Once it is put right, run the command again."
}

# While packages are installed, Debian's own switch says that no service is to be started; it is put back afterwards.
keep_services_down() {
  local policy=/usr/sbin/policy-rc.d
  [ ! -e "$policy" ] || return 0
  printf '#!/bin/sh\nexit 101\n' | "$@" install -m 0755 /dev/stdin "$policy"
  policy_remover=("$@" rm -f "$policy")
  trap '"${policy_remover[@]}"' EXIT
}

install_rust() {
  have cargo || die "There is no cargo: Rust is missing." "Install Rust 1.95 or newer with rustup, and run the command again."
  local wanted have_version
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
  have_version=$(rustc --version | awk '{print $2}')
  [ "$(printf '%s\n' "$wanted" "$have_version" | sort -V | head -n 1)" = "$wanted" ] ||
    die "Rust is $have_version here, and Cooperage needs $wanted." "Run: rustup update stable"
  local target missing=() libraries
  libraries=$(rustc --print sysroot)/lib/rustlib
  for target in x86_64-unknown-linux-musl wasm32-unknown-unknown; do
    [ -d "$libraries/$target/lib" ] || missing+=("$target")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  have rustup || die "Rust's standard library is missing for: ${missing[*]}." "Install it the way you installed Rust."
  quietly "Installing Rust's standard library for ${missing[*]}" rustup target add "${missing[@]}" ||
    die "rustup could not add ${missing[*]}." "Look at the lines above; where they speak of the network, try again later."
}

install_node() {
  # Debian's npm brings hundreds of packages: only where there is no other.
  have node && have npm || { packages=(nodejs npm) && install_packages; }
  [ "$(node -p 'parseInt(process.versions.node)')" -ge 18 ] ||
    die "Node is $(node --version) here, and 18 or newer is needed." "Install a newer Node and run the command again."
}

install_pip() {
  python3 -m pip --version >/dev/null 2>&1 || { packages=(python3-pip) && install_packages; }
}

# Go is wanted where the tests' Kubernetes is still to be built. Debian's is too old, so it is not installed from there.
check_go() {
  [ -z "${COOPERAGE_TEST_KUBERNETES:-}" ] || return 0
  find_go
}

install_packages
install_rust
install_node
install_pip
[ "${1:-run}" != test ] || check_go
