# What running the end-to-end tests, the campaign, the benches and the screenshots takes. Source it after lib.sh, in $root.

# npm_packages: fetches the tests' packages, where they changed.
npm_packages() {
  local hash
  hash=$(hash_files tests/package.json tests/package-lock.json)
  [ "$(cat tests/node_modules/.made-from 2>/dev/null)" != "$hash" ] || return 0
  quietly "Fetching the tests' packages" npm ci --prefix tests --ignore-scripts --no-audit --no-fund --loglevel=error &&
    echo "$hash" >tests/node_modules/.made-from
}

# kubernetes_bed: brings up a Kubernetes and takes over its settings. It ends with this script, however that ends.
kubernetes_bed() {
  local settings setting
  bed=$(mktemp -d "${TMPDIR:-/tmp}/cooperage-kubernetes.XXXXXX")
  trap '"$root/scripts/kubernetes.sh" down "$bed"' EXIT
  settings=$(scripts/kubernetes.sh up "$bed" $$) || return
  while IFS= read -r setting; do export "${setting?}"; done <<<"$settings"
}
