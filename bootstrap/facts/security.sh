# What only a look at the hardening of a host asks for (script.py, security=True): too much for every command.
#
# What a process was started with is read as the process sees it, below /proc/PID/root: in its container a path is another one.

most_cni=500
more=security

security() { # adds to $further (paths) and to $seen (files to read); a segment for each EncryptionConfiguration and kube-proxy
    cni_files
    text=$(regular head -q -c 262144 -- $configs)$nl
    if [ "${kubelet_pid:-0}" != 0 ]; then text=$text$(tr '\0' '\n' <"/proc/$kubelet_pid/cmdline"); fi
    values clientCAFile "$text"
    further=$further$words
    values '--client[-_]ca[-_]file' "$text"
    further=$further$words
    for pid in $static_pids; do
        first_line "/proc/$pid/comm"
        case $line in
        etcd)
            values '--data-dir' "$(tr '\0' '\n' <"/proc/$pid/cmdline")"
            further=$further$words
            ;;
        kube-apiserver) api_server ;;
        esac
    done
    for pid in $proxy_pids; do
        segment proxy
        printf '%s\n' "$pid"
        seen=$seen$nl/proc/$pid/cmdline$nl/proc/$pid/status
        values "--config[=$white]" "$(tr '\0' '\n' <"/proc/$pid/cmdline")"
        for one in $words; do seen=$seen$nl/proc/$pid/root$one; done
    done
}

cni_files() { # the files of a pod network; host-local keeps one for each pod
    set +f
    set -- /etc/cni/net.d/* /etc/cni/net.d/*/* /var/lib/cni/networks/*/*
    set -f
    left=$most_cni
    for one in "$@"; do
        case $one in
        *"$nl"*) continue ;;
        esac
        if [ "$left" = 0 ]; then break; fi
        if [ -f "$one" ]; then
            left=$((left - 1))
            further=$further$nl$one
        fi
    done
}

api_server() { # of process $pid
    text=$(tr '\0' '\n' <"/proc/$pid/cmdline")
    for name in audit-policy-file authentication-config authorization-config; do
        values "--$name[=$white]" "$text"
        for one in $words; do seen=$seen$nl/proc/$pid/root$one; done
    done
    values "--encryption-provider-config[=$white]" "$text"
    for one in $words; do
        if [ -f "/proc/$pid/root$one" ]; then
            segment encryption
            printf '%s\0%s\0' "$pid" "$one"
            providers <"/proc/$pid/root$one"
        fi
    done
}

providers() { # of an EncryptionConfiguration: where a list of providers begins, and the kinds in it; never more of a line
    while IFS= read -r line || [ -n "$line" ]; do
        while :; do
            case $line in
            [$white\"\'{-]*) line=${line#?} ;;
            *) break ;;
            esac
        done
        case $line in
        *:*) ;;
        *) continue ;;
        esac
        line=${line%%:*}
        case ${line%[\"\']} in
        providers | aescbc | aesgcm | kms | secretbox | identity) printf '%s\n' "${line%[\"\']}" ;;
        esac
    done
}
