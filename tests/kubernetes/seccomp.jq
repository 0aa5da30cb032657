# From Debian's file for podman (/usr/share/containers/seccomp.json) to a profile that a kubelet takes, for x86_64.
{
  defaultAction,
  defaultErrnoRet,
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  syscalls: (
    [{names: ["chroot"], action: "SCMP_ACT_ALLOW"}]
    + [.syscalls[]
       | select(((.includes.caps // []) == [])
           and ((.includes.arches // ["amd64"]) | index("amd64"))
           and ((.excludes.arches // []) | index("amd64") | not))
       | {names: (.names - ["chroot"]), action, args: (.args // [])}
       | select(.names != [])]
  )
}
