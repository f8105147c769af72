# Which kubelet there is, how it is started, and what may say where it reads static pods: every candidate. The verdict is kubelet.py's.

processes() { # sets $static_pids and $proxy_pids, and $kubelet_pid where systemd knows of none
    static_pids=
    proxy_pids=
    set +f
    for proc in /proc/[0-9]*; do
        first_line "$proc/comm"
        case $line in
        etcd | kube-apiserver | kube-controller | kube-scheduler | haproxy | keepalived) static_pids=$static_pids$nl${proc#/proc/} ;;
        kube-proxy) proxy_pids=$proxy_pids$nl${proc#/proc/} ;;
        kubelet) # but not that of a container
            if [ "${kubelet_pid:-0}" = 0 ] && [ "$proc/ns/pid" -ef /proc/self/ns/pid ]; then kubelet_pid=${proc#/proc/}; fi
            ;;
        esac
    done
    set -f
}

units() { # sets $units, $kubelet_pid and $unit_files: what systemd says, and what lies in the places it reads
    units=$(timeout 20 systemctl show --no-pager \
        -p Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,FragmentPath,DropInPaths,EnvironmentFiles,NeedDaemonReload \
        kubelet.service containerd.service crio.service docker.service cri-docker.service firewalld.service ufw.service \
        systemd-resolved.service systemd-timesyncd.service chronyd.service chrony.service ntpsec.service)
    kubelet_pid=
    unit_files=/etc/default/kubelet$nl/etc/sysconfig/kubelet$nl/var/lib/kubelet/kubeadm-flags.env
    for line in ${units%%"$nl$nl"*}; do # the first block is kubelet.service's
        case $line in
        MainPID=*) kubelet_pid=${line#MainPID=} ;;
        FragmentPath=* | DropInPaths=* | EnvironmentFiles=*)
            line=${line#*=}
            line=${line%" (ignore_errors="*}
            IFS=' '
            for one in $line; do unit_files=$unit_files$nl$one; done
            IFS=$nl
            ;;
        esac
    done
    if [ /lib/systemd/system -ef /usr/lib/systemd/system ]; then unit_dirs=${unit_dirs%"$nl"*}; fi
    for dir in $unit_dirs; do
        set +f
        for one in "$dir/kubelet.service" "$dir/kubelet.service.d"/*.conf; do
            if [ -f "$one" ]; then unit_files=$unit_files$nl$one; fi
        done
        set -f
    done
}

kubelet() { # sets $kubelet_binary, $configs, $config_dirs, $kubeconfigs, $manifest_paths and $sockets: every candidate, no verdict
    units
    processes
    text=
    if [ "${kubelet_pid:-0}" != 0 ]; then text=$(tr '\0' '\n' <"/proc/$kubelet_pid/cmdline")$nl; fi
    text=$text$(regular head -q -c 262144 -- $unit_files)
    values "--config[=$white]" "$text"
    configs=/var/lib/kubelet/config.yaml$words
    values '--config[-_]dir' "$text"
    config_dirs=$words
    values 'kubeconfig' "$text"
    kubeconfigs=$words
    values '--pod[-_]manifest[-_]path' "$text"
    manifest_paths=/etc/kubernetes/manifests$words
    values '--container[-_]runtime[-_]endpoint' "$text"
    sockets=$words
    lookup kubelet
    kubelet_binary=$found
    values 'ExecStart=' "$text"
    for one in $words; do
        one=${one#[-@:+!]}
        case $one in
        /*/kubelet) if [ -x "$one" ]; then kubelet_binary=$one; fi ;;
        esac
    done
}

kubelet_configs() { # PATH...: adds to $configs the drop-ins among them, and to $manifest_paths and $sockets what all of them name
    for dir in $config_dirs; do
        for one in "$@"; do
            case $one in
            *"$nl"*) ;;
            "$dir"/*.conf) configs=$configs$nl$one ;;
            esac
        done
    done
    text=$(regular head -q -c 262144 -- $configs)
    values staticPodPath "$text"
    for one in $words; do
        case $one in
        /*) manifest_paths=$manifest_paths$nl$one ;;
        *) for dir in $configs; do manifest_paths=$manifest_paths$nl${dir%/*}/$one; done ;;
        esac
    done
    values containerRuntimeEndpoint "$text"
    sockets=$sockets$words
}

versions() { # the slow programs, while the rest is read
    if [ -n "$kubelet_binary" ]; then timeout 10 "$kubelet_binary" --version & fi
    for name in containerd crio; do
        lookup "$name"
        if [ -n "$found" ]; then timeout 10 "$found" --version & fi
    done
    wait
}
