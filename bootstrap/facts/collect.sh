# Reads what bootstrap has to know of this host; writes nothing but its standard output. The last line calls `main DATA_DIR PATH...`.
#
# POSIX sh, coreutils and systemctl only. A fork costs milliseconds while a control plane starts on the same cores, so one program
# reads many files, and what the shell can do by itself it does. shell.sh and find_kubelet.sh come before this part (script.py).
#
# Output: base64, between two marker lines, of segments that begin with "B=<random>" and a NUL; a segment's first line is its name.
# cat writes that separator too: it reads /proc/self/environ between the files, and B is all of its environment.

most_paths=2000
most_bytes=8388608

segment() { printf 'B=%s\0%s\n' "$b" "$1"; }
fact() { printf '%s=%s\0' "$1" "$2"; }

# --- segments ---

host() {
    segment host
    fact clock "$(date +%s.%N)"
    first_line /proc/uptime
    fact uptime "$line"
    fact data_dir "$data_dir"
    fact uid "$(id -u)"
    fact cpus "$(nproc)"
    fact machine "$(uname -m)"
    for name in kernel/hostname kernel/osrelease kernel/random/boot_id kernel/panic kernel/panic_on_oops vm/overcommit_memory \
        net/ipv4/ip_forward net/ipv6/conf/all/forwarding net/ipv6/conf/default/forwarding \
        net/bridge/bridge-nf-call-iptables net/bridge/bridge-nf-call-ip6tables; do
        if [ -r "/proc/sys/$name" ]; then
            first_line "/proc/sys/$name"
            fact "sys/$name" "$line"
        fi
    done
    first_line /etc/machine-id
    fact machine_id "$line"
    first_line /sys/class/dmi/id/product_uuid
    fact product_uuid "$line"
    first_line /proc/meminfo
    fact memory "$line"
    first_line /sys/fs/cgroup/cgroup.controllers
    fact cgroup_controllers "$line"
    for name in mount umount cp losetup conntrack iptables ip6tables nft ip ethtool socat tc ebtables modprobe runc crictl ctr \
        systemctl systemd-sysusers journalctl flock sync findmnt mountpoint base64 sha256sum timeout mv ln chown chmod mktemp \
        kubeadm kubectl; do
        lookup "$name"
        if [ -n "$found" ]; then fact "command/$name" "$found"; fi
    done
    for name in /run/containerd/containerd.sock /run/crio/crio.sock /run/cri-dockerd.sock $sockets; do
        name=${name#unix://}
        if [ -S "$name" ]; then fact "socket/$name" yes; fi
    done
    for name in /etc/pki/ca-trust /etc/pki/tls/certs /etc/ca-certificates /usr/share/ca-certificates /usr/local/share/ca-certificates; do
        if [ -d "$name" ]; then fact "ca/$name" yes; fi
    done
    if [ -d /run/systemd/system ]; then fact systemd yes; fi
    if [ -d "$data_dir/member" ]; then fact etcd_member yes; fi
    fact kubelet_pid "$kubelet_pid"
    fact kubelet_binary "$kubelet_binary"
    for one in $static_pids; do fact "process/$one" yes; done
    for one in $manifest_paths; do fact "manifests/$one" yes; done
    segment units
    printf '%s\n' "$units"
}

accounts() { # every id below 1000 that a user or a group has; of their names only `etcd`
    segment accounts
    known=no
    for file in passwd group; do
        while IFS=: read -r name password id more || [ -n "$name" ]; do
            case $file$name in
            passwdetcd) known=yes ;;
            groupetcd) ;;
            *)
                name=-
                case $id in
                '' | ????*) continue ;;
                esac
                ;;
            esac
            printf '%s %s %s\n' "$file" "$name" "$id"
        done <"/etc/$file"
    done
    if [ $known = no ]; then # a directory service may know it
        id=$(timeout 10 id -u etcd)
        if [ -n "$id" ]; then printf 'passwd etcd %s\n' "$id"; fi
    fi
}

digests() { # BOOTSTRAP_DIGEST in the environment of each component's process, and nothing else of it
    if [ -z "$static_pids" ]; then return; fi
    segment digests
    set --
    for one in $static_pids; do set -- "$@" /proc/self/environ "/proc/$one/environ"; done
    env -i "B=$b" "$cat" -- "$@" | tr '\0' '\n' | while IFS= read -r line; do
        case $line in
        "B=$b") printf 'next\n' ;;
        BOOTSTRAP_DIGEST=*) printf '%s\n' "$line" ;;
        esac
    done
}

listeners() { # listening TCP sockets (the kernel lists those first), and who owns those that could be a control plane's
    segment listeners
    wanted=' '
    for family in tcp tcp6; do
        while IFS=' ' read -r one local remote state queues timer retries user timeouts inode more; do
            if [ "$one" = sl ]; then continue; fi
            if [ "$state" != 0A ]; then break; fi
            printf 'listen %s %s\n' "$local" "$inode"
            case $local in
            *:00* | *:01[0-9A]? | *:02?? | *:03??) ;;
            *) wanted="$wanted$inode " ;;
            esac
        done <"/proc/net/$family"
    done
    owners=$nl
    if [ "$wanted" = ' ' ]; then return; fi
    set +f
    links=$(timeout 10 stat -c %N /proc/[0-9]*/fd/*)
    set -f
    for one in $links; do
        case $one in
        *" -> 'socket:["*"]'")
            inode=${one##*"socket:["}
            inode=${inode%"]'"}
            case $wanted in
            *" $inode "*)
                one=${one#*/proc/}
                one=${one%%/*}
                printf 'owner %s %s\n' "$inode" "$one"
                case $owners in
                *"$nl$one$nl"*) ;;
                *) owners=$owners$one$nl ;;
                esac
                ;;
            esac
            ;;
        esac
    done
}

public_parts() { # of kubeconfigs, and of the PEM files in which the kubelet keeps a certificate with its key
    set +f
    for one in /etc/kubernetes/*.conf $kubeconfigs; do
        if [ -f "$one" ]; then
            segment kubeconfig
            printf '%s\0' "$one"
            while IFS= read -r line; do
                case $line in
                *server*:* | *certificate-authority*:* | *client-certificate*:*) printf '%s\n' "$line" ;;
                esac
            done <"$one"
        fi
    done
    for one in /var/lib/kubelet/pki/kubelet-client-current.pem /var/lib/kubelet/pki/kubelet-server-current.pem; do
        if [ -f "$one" ]; then
            segment pem
            printf '%s\0' "$one"
            public=no
            while IFS= read -r line; do
                case $line in
                '-----BEGIN CERTIFICATE-----') public=yes ;;
                '-----BEGIN '*) public=no ;;
                esac
                if [ "$public" = yes ]; then printf '%s\n' "$line"; fi
            done <"$one"
        fi
    done
    set -f
}

disks() {
    segment disks
    set --
    for wanted in /etc/kubernetes "$data_dir" /var/lib/kubelet /var/lib/containerd /var/log /var/log/kubernetes/audit \
        /etc/systemd/system $manifest_paths; do
        one=$wanted
        until [ -e "$one" ]; do
            one=${one%/*}
            one=${one:-/}
        done
        printf '%s\0%s\0' "$wanted" "$one"
        set -- "$@" "$one"
    done
    segment filesystems
    timeout 10 stat -f -c "$b %a %S %c %d %t %n" -- "$@" /sys/fs/cgroup
    segment mounts
    timeout 10 df -P -k -- "$@"
}

pod_logs() {
    segment logs
    first_line /proc/sys/kernel/hostname
    set +f
    set -- /var/log/pods/kube-system_*-"$line"_*/*/*.log
    set -f
    if [ -e "$1" ]; then stat -c "$b %Y %n" -- "$@"; fi
}

files() { # PATH...: what they are, their sums, where links point to
    segment paths
    stat -c "$b %f %U %u %G %g %s %Y %y %n" -- "$@"
    segment sums
    regular sha256sum -- "$@"
    for one in "$@"; do
        if [ -L "$one" ]; then
            segment link
            printf '%s\0' "$one"
            readlink -- "$one"
        fi
    done
}

contents() { # PATH...: a segment that names them, then a segment for each; never a key, never a kubeconfig
    segment contents
    left=$#
    while [ "$left" -gt 0 ]; do
        one=$1
        shift
        left=$((left - 1))
        case $one in
        *.key | *.pem | /etc/kubernetes/*.conf) ;;
        *) if [ -f "$one" ]; then set -- "$@" "$one"; fi ;;
        esac
    done
    if [ $# -eq 0 ]; then return; fi
    printf '%s\0' "$@"
    left=$#
    while [ "$left" -gt 0 ]; do
        one=$1
        shift
        left=$((left - 1))
        set -- "$@" /proc/self/environ "$one"
    done
    timeout 20 env -i "B=$b" "$cat" -- "$@"
}

# --- which files ---

walk() { # ACTION DIRECTORY...: the action on the directories and on all that lies below; links are not followed
    next=2
    set +f
    while [ "$next" -le $# ] && [ $# -le "$most_paths" ]; do
        eval "one=\${$next}"
        next=$((next + 1))
        if [ -d "$one" ] && { [ ! -L "$one" ] || [ "$one" = /etc/kubernetes ]; }; then
            set -- "$@" "$one"/* "$one"/.[!.]* "$one"/..?*
        fi
    done
    set -f
    "$@"
}

owned() { # PATH...: all segments about files
    kubelet_configs "$@"
    "$more"
    host
    accounts
    digests
    listeners
    set +f
    for dir in $manifest_paths; do set -- "$@" "$dir" "$dir"/* "$dir"/.[!.]* "$dir"/..?*; done
    for one in $further; do set -- "$@" "${one%/*}/.${one##*/}.bootstrap-"*; done     # what a write left that was cut
    for dir in $unit_dirs; do set -- "$@" "$dir"/kubelet.service "$dir"/kubelet.service.d "$dir"/kubelet.service.d/* "$dir"/kubelet.service.d/.[!.]*; done
    set -- "$@" "$data_dir" /var/lib/kubelet /var/lib/kubelet/pki /var/lib/kubelet/pki/* /var/lib/kubelet/pki/.[!.]*
    set -f
    set -- "$@" $unit_files $configs $kubeconfigs $further
    if [ $# -gt "$most_paths" ]; then
        segment 'too many paths'
        return
    fi
    files "$@"
    public_parts
    disks
    pod_logs
    left=$#
    while [ "$left" -gt 0 ]; do
        one=$1
        shift
        left=$((left - 1))
        case $one in
        *.crt | *.pub) set -- "$@" "$one" ;;
        *)
            for dir in $manifest_paths; do
                case $one in
                "$dir"/.* | "$dir"/*/*) ;;
                "$dir" | "$dir"/*) set -- "$@" "$one" ;;
                esac
            done
            ;;
        esac
    done
    for one in $kubelet_pid $static_pids $owners; do
        set -- "$@" "/proc/$one/comm" "/proc/$one/stat" "/proc/$one/cmdline" "/proc/$one/cgroup" "/proc/$one/status"
    done
    set +f
    set -- "$@" /etc/containerd/config.toml /etc/containerd/conf.d/*.toml /etc/crio/crio.conf /etc/crio/crio.conf.d/*
    set -f
    contents "$@" $seen $unit_files $configs /etc/os-release /usr/lib/os-release /proc/stat /proc/swaps /proc/cgroups /proc/modules \
        /proc/net/fib_trie /proc/net/if_inet6 /proc/self/mountinfo
}

collect() {
    printf 'bootstrap facts 1 %s\n' "$b"
    walk owned /etc/kubernetes $config_dirs
    segment versions
    head -c 4096 # of our standard input: the versions
    segment end
}

main() {
    cd /
    data_dir=$1
    shift
    further=$*
    seen=
    first_line /proc/sys/kernel/random/uuid
    b=$line
    lookup cat
    cat=$found
    kubelet
    echo '-----BEGIN BOOTSTRAP FACTS-----'
    versions | collect | head -c "$most_bytes" | base64
    echo '-----END BOOTSTRAP FACTS-----'
}
