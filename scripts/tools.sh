# Build helpers that no package brings: each is built or unpacked once, into a folder of the cache named by the hash of
# what it was made from. Source it after lib.sh.

wasm_bindgen_version=0.2.130 # the same as in frontend/Cargo.toml
trunk_version=0.21.14 # later ones hold two compilers of JavaScript, which take five minutes to build
cargo_deny_version=0.20.2
binaryen_version=132.0.0
uv_version=0.13.8
py_rattler_version=0.28.0

# A helper is run a few times and never shipped: it is built in little time rather than well.
cheap_profile=(CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=0
  CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_STRIP=debuginfo)

# keep FOLDER BUILD_FUNCTION ARGUMENT...: makes FOLDER whole or not at all.
keep() {
  local folder=$1 part
  shift
  [ -d "$folder" ] && return
  mkdir -p "$tools"
  part=$(mktemp -d "$tools/.part-XXXXXX")
  if ! "$@" "$part"; then
    rm -rf "$part"
    return 1
  fi
  mv -T "$part" "$folder" 2>/dev/null || rm -rf "$part" # someone else was faster
}

# cargo_tool NAME VERSION INSTALL_OPTION...: prints the folder that holds the program.
cargo_tool() {
  local name=$1 version=$2 folder
  shift 2
  folder=$tools/$name-$version-$(hash_of "$name" "$version" "$(rustc -V)" "$*" "${cheap_profile[*]}")
  if [ ! -d "$folder" ]; then
    need_disk 2000
    keep "$folder" install_cargo_tool "$name" "$version" "$@" ||
      die "Could not build $name $version." \
        "Look at the lines above. Where they speak of the network, see that cargo can reach its registry (cargo search $name) and run the command again."
  fi
  echo "$folder/bin"
}

install_cargo_tool() {
  local name=$1 version=$2 target folder=${!#}
  set -- "${@:3:$#-3}"
  target=$(mktemp -d "$tools/.target-XXXXXX")
  # Not in the project's folder, whose settings choose another target.
  (cd "$tools" && quietly "Building $name $version (once; some minutes)" \
    env "${cheap_profile[@]}" nice cargo install "$name" --version "$version" --root "$folder" --target-dir "$target" "$@")
  local status=$?
  rm -rf "$target"
  return "$status"
}

wasm_bindgen() { cargo_tool wasm-bindgen-cli "$wasm_bindgen_version"; } # its lock file names a withdrawn crate
trunk_tool() { cargo_tool trunk "$trunk_version" --locked --no-default-features; } # nothing that downloads by itself
cargo_deny() { cargo_tool cargo-deny "$cargo_deny_version" --locked; }

# npm's binaryen brings wasm-opt: prints the folder that holds it.
binaryen() {
  local folder
  folder=$tools/binaryen-$binaryen_version-$(hash_of "binaryen $binaryen_version")
  keep "$folder" install_binaryen || die "Could not get binaryen $binaryen_version." \
    "See that npm can reach its registry (npm view binaryen version) and run the command again."
  echo "$folder/node_modules/.bin"
}
install_binaryen() {
  quietly "Fetching wasm-opt (binaryen $binaryen_version)" \
    npm install --prefix "$1" --no-audit --no-fund --loglevel=error "binaryen@$binaryen_version"
}

# uv as one static binary, to be mounted into any base image: prints the path of the program.
uv_tool() {
  local folder
  folder=$tools/uv-$uv_version-$(hash_of "uv $uv_version musl")
  keep "$folder" install_uv || die "Could not get uv $uv_version." \
    "See that pip can reach its index (pip index versions uv) and run the command again."
  echo "$folder/bin/uv"
}
install_uv() {
  local work
  work=$(mktemp -d "$tools/.uv-XXXXXX")
  quietly "Fetching uv $uv_version" python3 -m pip download --quiet --no-deps --only-binary :all: \
    --platform "musllinux_1_1_$(uname -m)" --dest "$work" "uv==$uv_version" &&
    python3 -m zipfile -e "$work"/uv-*.whl "$work/wheel" &&
    install -D -m 0755 "$work"/wheel/uv-*.data/scripts/uv "$1/bin/uv"
  local status=$?
  rm -rf "$work"
  return "$status"
}

# py-rattler, which indexes the tests' conda channel: prints the folder for PYTHONPATH.
py_rattler() {
  local folder
  folder=$tools/py-rattler-$py_rattler_version-$(hash_of "py-rattler $py_rattler_version" "$(python3 -V)")
  keep "$folder" install_py_rattler || die "Could not get py-rattler $py_rattler_version." \
    "See that pip can reach its index (pip index versions py-rattler) and run the command again."
  echo "$folder"
}
install_py_rattler() {
  quietly "Fetching py-rattler $py_rattler_version (for the tests' conda channel)" \
    python3 -m pip install --quiet --only-binary :all: --target "$1" "py-rattler==$py_rattler_version"
}

# find_go: puts Go on the PATH, and refuses one that is too old for the tests' Kubernetes.
find_go() {
  local wanted found=''
  wanted=$(sed -n 's/^go //p' "$root/tests/kubernetes/go.mod")
  have go || PATH=$PATH:/usr/local/go/bin
  have go && found=$(GOTOOLCHAIN=local go env GOVERSION)
  [ "$(printf '%s\n' "go$wanted" "$found" | sort -V | head -n 1)" = "go$wanted" ] ||
    die "Go $wanted or newer is needed, from which the tests' Kubernetes is built; here is ${found:-none}." \
      "Install it from its makers into /usr/local/go (Debian has an older one), and run the command again."
}

# A whole Kubernetes for the tests (tests/kubernetes) and helm: prints the folder of the programs.
kubernetes_programs() {
  local folder module=$root/tests/kubernetes
  if [ -n "${COOPERAGE_TEST_KUBERNETES:-}" ]; then
    echo "$COOPERAGE_TEST_KUBERNETES"
    return
  fi
  find_go
  folder=$tools/kubernetes-$(hash_of "$(go env GOVERSION)" "$(cd "$module" && sha256sum go.mod go.sum main.go)" "$(declare -f build_kubernetes)")
  if [ ! -d "$folder" ]; then
    need_disk 6000
    keep "$folder" build_kubernetes || die "The tests' Kubernetes could not be built." \
      "Look at the lines above. Where they speak of the network, see that go can reach its module proxy (go env GOPROXY) and run the command again."
  fi
  echo "$folder"
}
build_kubernetes() (
  cd "$root/tests/kubernetes" || return
  export CGO_ENABLED=0
  local version minor program charts=helm.sh/helm/v3/pkg/chartutil.k8sVersion rules=helm.sh/helm/v3/pkg/lint/rules.k8sVersion
  quietly "Fetching the source of the tests' Kubernetes" go mod download || return
  version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes) || return
  quietly "Building the tests' Kubernetes (once; about ten minutes on two cores)" go build -trimpath \
    -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$1/kubernetes" . || return
  minor=${version#v1.} minor=${minor%%.*}
  quietly "Building helm (once)" go build -trimpath \
    -ldflags "-s -w -X ${charts}Major=1 -X ${charts}Minor=$minor -X ${rules}Major=1 -X ${rules}Minor=$minor" -o "$1/helm" helm.sh/helm/v3/cmd/helm || return
  for program in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do
    ln -s kubernetes "$1/$program" || return
  done
)
