#!/bin/bash
# Ends what up.sh started, by the recorded process ids, and removes its folder. usage: down.sh FOLDER [--keep]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../scripts/lib.sh"
. "$here/lib.sh"
[ -d "${1:-}" ] || exit 0
trap '' INT TERM HUP # half a clearing up would be worse than none
bed_folder "$1"

# While the kubelet runs, it ends the pods and clears up after them.
if alive apiserver && alive kubelet; then
  KUBECONFIG=$S/kubeconfig timeout 60 "$(cat "$S/programs")/kubectl" delete jobs,pods --all-namespaces --all --grace-period=1 >/dev/null 2>&1
fi
halt kubelet scheduler controller-manager apiserver etcd
containers() { timeout 20 ctr -a "$S/containerd/containerd.sock" -n k8s.io "$@"; }
if alive containerd; then
  for task in $(containers tasks ls -q 2>/dev/null); do containers tasks delete -f "$task" >/dev/null 2>&1; done
  for container in $(containers containers ls -q 2>/dev/null); do containers containers delete "$container" >/dev/null 2>&1; done
fi
halt containerd registry
awk -v s="$S/" 'index($5, s) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l
find /sys/fs/cgroup -maxdepth 2 -name "$bed_name" -type d 2>/dev/null | while read -r group; do
  find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
done
find /sys/fs/cgroup -maxdepth 2 -name "$bed_name" -type d 2>/dev/null | grep -q . && detail "Control groups are left: $bed_name"
[ "${2:-}" = --keep ] || rm -rf --one-file-system "$S"
# Last, for it may be what runs this.
rm -f "$S/pid/watcher" 2>/dev/null
exit 0
