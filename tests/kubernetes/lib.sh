# Shared by the scripts of this folder. Source it after scripts/lib.sh, scripts/tools.sh and scripts/registry.sh.

# bed_folder FOLDER: makes it, and sets S to its whole path and the ports that belong to it.
bed_folder() {
  mkdir -p "$1"
  S=$(cd "$1" && pwd)
  export KUBECACHEDIR=$S/kubectl-cache # kubectl would keep it in the home folder
  if [ ! -f "$S/ports" ]; then
    local name
    for name in registry api etcd etcd_peer kubelet kubelet_health controller_manager scheduler; do
      echo "port_$name=$(free_port)"
    done >"$S/ports.part"
    mv "$S/ports.part" "$S/ports"
  fi
  . "$S/ports"
  # Groups and addresses of its own, so that two of them do not end each other's pods.
  bed_name=cooperage-bed-$(hash_of "$S" | cut -c1-8)
}

# free_port: prints a port of loopback that nothing listens on, outside the range from which the system hands them out.
free_port() {
  local port
  while :; do
    port=$((RANDOM % 10000 + 20000))
    grep -qs "^port_.*=$port\$" "$S/ports.part" && continue
    port_open "$port" || break
  done
  echo "$port"
}

# record NAME PID: writes down which process NAME is: by its id and, as ids are used again, by the time of its start.
record() { echo "$2 $(start_of "$2")" >"$S/pid/$1"; }

# alive NAME: what was recorded runs. (Its command line would not do: it is empty while a program is being loaded.)
alive() {
  local pid start
  read -r pid start 2>/dev/null <"$S/pid/$1" && [ -n "$start" ] && [ "$(start_of "$pid")" = "$start" ]
}

# start_of PID: prints when a process started, in clock ticks (proc(5), stat); nothing for one that has ended.
start_of() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
  set -- ${stat##*) }
  [[ $1 == [ZX] ]] || echo "${20}"
}

# halt NAME...: ends what `begin` started, by its process id.
halt() {
  local name pid i
  for name; do
    if alive "$name"; then
      read -r pid _ <"$S/pid/$name"
      kill "$pid"
      for ((i = 0; i < 100; i++)); do alive "$name" && sleep 0.1 || break; done
      if alive "$name"; then kill -9 "$pid"; fi
    fi
    rm -f "$S/pid/$name"
  done
}
