#!/bin/bash
# Starts a real Kubernetes of one node on loopback: registry, containerd, etcd, apiserver, controller-manager, scheduler,
# kubelet, on ports that are free. Starts again whatever of it has ended. usage: up.sh FOLDER [PROCESS_ID]
# Writes FOLDER/kubeconfig and FOLDER/environment. With a process id, all of it ends when that process does.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/lib.sh"
. "$here/../../scripts/tools.sh"
. "$here/lib.sh"

[ $# -ge 1 ] || die "usage: up.sh FOLDER [PROCESS_ID]"
[ "$(id -u)" -eq 0 ] || die "A kubelet must run as root, and you are not root." "Run the same command as root."
for program in containerd runc ctr docker-registry jq openssl; do
  have "$program" || die "There is no $program." "Run: scripts/install.sh test"
done
programs=$(kubernetes_programs)
umask 022
bed_folder "$1"
mkdir -p "$S"/{pid,log,pki,cni,etcd,registry,kubelet/seccomp,containerd,logs}
echo "$programs" >"$S/programs"
if [ -n "${2:-}" ] && ! alive watcher; then
  setsid bash -c 'while kill -0 "$1" 2>/dev/null; do sleep 1; done; exec "$2" "$3"' "$bed_name" "$2" "$here/down.sh" "$S" \
    </dev/null >"$S/log/watcher.log" 2>&1 &
  record watcher $!
fi

begin() { # name command...: in the background, unless it runs already
  local name=$1
  shift
  if alive "$name"; then return; fi
  setsid "$@" </dev/null >>"$S/log/$name.log" 2>&1 &
  record "$name" $!
}
await() { # name seconds command...: until the command succeeds
  local name=$1 end=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ! alive "$name" || [ "$SECONDS" -ge "$end" ]; then
      tail -n 10 "$S/log/$name.log" >&2
      die "The tests' Kubernetes did not come up: $name." "The lines above are the end of $S/log/$name.log"
    fi
    sleep 0.1
  done
}

write_registry() {
  cat >"$S/registry.yml" <<Y
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $S/registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port_registry"}
Y
}

# Pods that are not on the host's network get an address but no way out.
write_network() {
  cat >"$S/cni/10-bed.conflist" <<J
{"cniVersion": "0.4.0", "name": "$bed_name", "plugins": [{"type": "ptp", "ipMasq": false,
 "ipam": {"type": "host-local", "dataDir": "$S/cni/ipam", "ranges": [[{"subnet": "10.88.$((port_api % 256)).0/24"}]]}}]}
J
}

# restrict_oom_score_adj: where a machine withholds CAP_SYS_RESOURCE, runc fails when told to lower a process's score.
write_containerd() {
  cat >"$S/containerd/config.toml" <<T
version = 2
root = "$S/containerd/root"
state = "$S/containerd/run"
[grpc]
  address = "$S/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "127.0.0.1:$port_registry/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$S/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.internal.v1.opt"]
  path = "$S/containerd/opt"
T
}

# One signing key for service accounts; one token, in system:masters, for the bed's own programs and its user.
write_access() {
  [ -f "$S/pki/sa.key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$S/pki/sa.key"
  [ -f "$S/pki/token" ] || (umask 077 && openssl rand -hex 16 >"$S/pki/token")
  (
    umask 077
    echo "$(cat "$S/pki/token"),admin,admin,system:masters" >"$S/pki/tokens.csv"
    cat >"$S/kubeconfig" <<Y
apiVersion: v1
kind: Config
current-context: bed
clusters: [{name: bed, cluster: {server: "https://127.0.0.1:$port_api", certificate-authority: "$S/pki/apiserver.crt"}}]
users: [{name: admin, user: {token: "$(cat "$S/pki/token")"}}]
contexts: [{name: bed, context: {cluster: bed, user: admin}}]
Y
  )
  # What service accounts ask for is written down: a test compares it with what their roles allow.
  cat >"$S/audit.yaml" <<Y
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, userGroups: ["system:serviceaccounts"]}
- {level: None}
Y
}

# What rootless buildah needs beyond containerd's own profile: podman's, which allows clone, unshare and mount (the kernel
# still checks them), and chroot.
write_seccomp() {
  jq -f "$here/seccomp.jq" /usr/share/containers/seccomp.json >"$S/kubelet/seccomp/cooperage.json"
}

# Short leases, so that a node that went away is seen in seconds.
write_kubelet() {
  cat >"$S/kubelet/config.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: $port_kubelet
healthzPort: $port_kubelet_health
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: /$bed_name
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
containerRuntimeEndpoint: unix://$S/containerd/containerd.sock
podLogsDir: $S/logs
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
nodeStatusUpdateFrequency: 2s
nodeLeaseDurationSeconds: 8
Y
  local controllers=(/sys/fs/cgroup)
  [ -f /sys/fs/cgroup/cgroup.controllers ] || controllers=(/sys/fs/cgroup/*/)
  local folder
  for folder in "${controllers[@]}"; do
    [ ! -e "$folder/cgroup.procs" ] || mkdir -p "$folder/$bed_name"
  done
  # A new group of cpuset is empty, and takes no process before it has what its parent has.
  local cpuset=/sys/fs/cgroup/cpuset file
  [ ! -d "$cpuset/$bed_name" ] || for file in cpuset.cpus cpuset.mems; do cat "$cpuset/$file" >"$cpuset/$bed_name/$file"; done
}

write_registry
write_network
write_containerd
write_access
write_seccomp
write_kubelet
export KUBECONFIG=$S/kubeconfig
etcd=http://127.0.0.1:$port_etcd peer=http://127.0.0.1:$port_etcd_peer

begin registry docker-registry serve "$S/registry.yml"
begin containerd containerd --config "$S/containerd/config.toml"
begin etcd "$programs/etcd" --data-dir "$S/etcd" --unsafe-no-fsync --log-level warn \
  --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
  --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
begin apiserver "$programs/kube-apiserver" --etcd-servers "$etcd" --cert-dir "$S/pki" \
  --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$port_api" \
  --token-auth-file "$S/pki/tokens.csv" --authorization-mode RBAC --allow-privileged=false \
  --service-account-key-file "$S/pki/sa.key" --service-account-signing-key-file "$S/pki/sa.key" \
  --service-account-issuer https://kubernetes.default.svc --service-cluster-ip-range 10.96.0.0/24 \
  --endpoint-reconciler-type none --kubelet-preferred-address-types Hostname \
  --default-not-ready-toleration-seconds 5 --default-unreachable-toleration-seconds 5 \
  --audit-policy-file "$S/audit.yaml" --audit-log-path "$S/log/audit.log"
await registry 60 port_open "$port_registry"
await apiserver 120 "$programs/kubectl" get --raw /readyz
begin controller-manager "$programs/kube-controller-manager" --kubeconfig "$KUBECONFIG" --bind-address 127.0.0.1 \
  --secure-port "$port_controller_manager" --leader-elect=false --service-account-private-key-file "$S/pki/sa.key" \
  --root-ca-file "$S/pki/apiserver.crt" --cert-dir "$S/pki" --node-monitor-period 1s --node-monitor-grace-period 12s
begin scheduler "$programs/kube-scheduler" --kubeconfig "$KUBECONFIG" --bind-address 127.0.0.1 \
  --secure-port "$port_scheduler" --leader-elect=false
await containerd 60 ctr -a "$S/containerd/containerd.sock" version
begin kubelet "$programs/kubelet" --kubeconfig "$KUBECONFIG" --config "$S/kubelet/config.yaml" \
  --root-dir "$S/kubelet" --cert-dir "$S/kubelet/pki" --hostname-override localhost
await kubelet 120 "$programs/kubectl" wait --for=condition=Ready node/localhost --timeout=1s
await controller-manager 60 "$programs/kubectl" get serviceaccount default

cat >"$S/environment" <<E
KUBECONFIG=$KUBECONFIG
COOPERAGE_TEST_BED=$S
COOPERAGE_TEST_BED_REGISTRY=127.0.0.1:$port_registry
COOPERAGE_TEST_KUBERNETES=$programs
E
