#!/bin/sh
# Bring this node to "runtime, kubelet and images, nothing else". Runs as root inside a node; POSIX sh.
#
#   reset.sh RELEASE clean    RELEASE is a directory below /opt/kube-lab, made by vagrant/lab; prints "ready", or "empty" where containerd
#                             has no images of that release: vagrant/lab may then put a whole /var/lib/containerd in place
#   reset.sh RELEASE finish   after "empty": load the images if nobody did, start containerd, take the picture
#
# The first run installs the release, loads its images and then takes a picture of the node (/var/lib/kube-lab): all of /etc, the names
# in the directories where things get left, containerd's two databases. Later runs end what is running and go back to that picture.
set -eu
release=/opt/kube-lab/$1
state=/var/lib/kube-lab
containerd=/var/lib/containerd
content=$containerd/io.containerd.content.v1.content/blobs/sha256
snapshots=$containerd/io.containerd.snapshotter.v1.overlayfs/snapshots
databases="io.containerd.metadata.v1.bolt/meta.db io.containerd.snapshotter.v1.overlayfs/metadata.db"
# Directories in which a name that was not there before is removed.
listed="/var/lib /var/log /var/cache /var/spool /opt /srv /home /run /run/systemd/system /usr/local /usr/local/bin /usr/local/sbin /usr/local/lib
    /usr/local/etc /usr/local/share /usr/lib/systemd/system /usr/lib/sysusers.d /usr/lib/tmpfiles.d /usr/lib/sysctl.d /usr/lib/modules-load.d"

test -d "$release" || { echo "no such release: $release" >&2; exit 1; }

kubepods_processes() {
    find /sys/fs/cgroup -path '*/kubepods*' -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u
}

unit_processes() {  # all processes of a unit but, where given, one
    cat "/sys/fs/cgroup/systemd/system.slice/$1/cgroup.procs" "/sys/fs/cgroup/system.slice/$1/cgroup.procs" 2>/dev/null \
        | grep -vx "${2:-none}" || true
}

kill_all() {  # reads process ids
    while read -r pid; do kill -9 "$pid" 2>/dev/null || true; done
}

stop_everything() {
    systemctl disable --quiet kubelet.service 2>/dev/null || true
    systemctl stop kubelet.service containerd.service 2>/dev/null || true
    systemctl list-units --plain --no-legend --all --type=service,timer,path,socket --state=active,activating,failed 2>/dev/null \
        | awk '{print $1}' | sort >/tmp/.units
    for unit in $(sort "$state/units" | comm -13 - /tmp/.units); do
        systemctl stop "$unit" 2>/dev/null || true
        systemctl reset-failed "$unit" 2>/dev/null || true
    done
    unit_processes containerd.service | kill_all
    unit_processes ssh.service "$(systemctl show -p MainPID --value ssh.service)" | kill_all
    tries=0
    while [ -n "$(kubepods_processes)" ] && [ $tries -lt 50 ]; do
        kubepods_processes | kill_all
        tries=$((tries + 1))
        sleep 0.1
    done
}

unmount_everything() {
    # Twice: mounts can lie on top of each other.
    for round in 1 2; do
        awk '$5 ~ "^(/run/containerd|/var/lib/kubelet|/run/netns|/var/run/netns|/var/lib/containerd/tmpmounts|/var/lib/etcd)" {print $5}' \
            /proc/self/mountinfo | sort -r | while read -r mount_point; do umount -l "$mount_point" 2>/dev/null || true; done
    done
    find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} + 2>/dev/null || true
}

clear_network() {
    nft flush ruleset 2>/dev/null || true
    for link in $(ip -o link show | awk -F': ' '{print $2}' | cut -d@ -f1); do
        case $link in lo | eth0) ;; *) ip link delete "$link" 2>/dev/null || true ;; esac
    done
    ip -o addr show | awk '$2 == "eth0" || $2 == "lo" {print $2, $4, $0}' | while read -r device address rest; do
        case "$device $address $rest" in
            "lo 127.0.0.1/8 "* | "lo ::1/128 "* | *" scope link "*) ;;
            *) grep -qxF "$device $address" "$state/addresses" || ip addr del "$address" dev "$device" ;;
        esac
    done
    for family in -4 -6; do
        ip $family route show | grep -v -e '^default ' -e 'proto kernel' | while read -r route; do
            # shellcheck disable=SC2086  # a route is several words
            ip $family route del $route 2>/dev/null || true
        done
    done
    conntrack -F >/dev/null 2>&1 || true
}

list_name() {
    echo "$state/list$(echo "$1" | tr / %)"
}

remove_files() {
    rm -rf /var/lib/kubelet /var/lib/cni /var/log/pods /var/log/containers /run/netns/* /run/containerd /root/.kube /home/vagrant/.kube
    find /tmp /var/tmp -mindepth 1 -maxdepth 1 ! -name '.units' -exec rm -rf {} + 2>/dev/null || true
    for directory in $listed; do
        test -d "$directory" || continue
        ls -A1 "$directory" | sort | comm -13 "$(list_name "$directory")" - | while read -r name; do rm -rf "${directory:?}/$name"; done
    done
    rsync -aHAX --delete "$state/etc/" /etc/
    rsync -aHAX --delete "$state/ssh/" /home/vagrant/.ssh/
    hostname "$(cat /etc/hostname)"
}

restore_images() {  # fails when something that was there is gone
    mkdir -p "$snapshots" "$content"
    for pair in "$content:$state/content" "$snapshots:$state/snapshots"; do
        directory=${pair%%:*}
        ls -A1 "$directory" | sort >/tmp/.now
        test -z "$(comm -23 "${pair#*:}" /tmp/.now)" || return 1
        comm -13 "${pair#*:}" /tmp/.now | while read -r name; do rm -rf "${directory:?}/$name"; done
    done
    rm -rf $containerd/io.containerd.runtime.v2.task/* $containerd/io.containerd.grpc.v1.cri/* $containerd/tmpmounts/* \
        $containerd/io.containerd.content.v1.content/ingest/*
    for database in $databases; do cp "$state/$(basename "$database")" "$containerd/$database"; done
}

install_file() {  # mode, source, target: written only when it differs
    cmp -s "$2" "$3" || { rm -f "$3"; install -D -m "$1" "$2" "$3"; }
}

install_release() {
    for binary in "$release"/bin/*; do
        name=$(basename "$binary")
        case $name in
            kube*) install_file 0755 "$binary" "/usr/bin/$name" ;;
            *) ln -sfn "$binary" "/usr/bin/$name" ;;
        esac
    done
    for plugin in "$release"/cni/*; do install_file 0755 "$plugin" "/opt/cni/bin/$(basename "$plugin")"; done
    ls -A1 /opt/cni/bin | while read -r plugin; do test -e "$release/cni/$plugin" || rm -rf "/opt/cni/bin/${plugin:?}"; done
    units=/usr/lib/systemd/system
    rm -rf "$units/kubelet.service.d"
    install_file 0644 "$release/packaged/kubelet.service" $units/kubelet.service
    install_file 0644 "$release/packaged/10-kubeadm.conf" $units/kubelet.service.d/10-kubeadm.conf
    install_file 0644 "$release/packaged/kubelet.env" /etc/default/kubelet
    mkdir -p /etc/kubernetes/manifests /var/lib/kubelet
    systemctl daemon-reload
}

start_containerd() {
    systemctl enable --quiet containerd.service
    systemctl start containerd.service
}

load_images() {
    start_containerd
    for archive in "$release"/images/*.tar; do ctr -n k8s.io images import --local "$archive" >/dev/null; done
    # Importing leaves blobs that containerd collects some time later; collect them now, so that the picture stays true.
    image=$(ctr -n k8s.io images ls -q | grep '/pause:' | head -n 1)
    ctr -n k8s.io images tag "$image" localhost/collect-garbage:now >/dev/null
    ctr -n k8s.io images rm --sync localhost/collect-garbage:now >/dev/null
}

take_picture() {
    systemctl stop containerd.service
    rm -rf $state
    mkdir -p -m 0700 $state
    for database in $databases; do cp "$containerd/$database" $state/; done
    ls -A1 "$content" | sort >$state/content
    ls -A1 "$snapshots" | sort >$state/snapshots
    start_containerd
    for directory in $listed; do
        if [ -d "$directory" ]; then ls -A1 "$directory" | sort >"$(list_name "$directory")"; fi
    done
    ip -o addr show | awk '{print $2, $4}' >$state/addresses
    systemctl list-units --plain --no-legend --all --type=service,timer,path,socket --state=active,activating \
        | awk '{print $1}' >$state/units
    rsync -aHAX /etc/ $state/etc/
    rsync -aHAX /home/vagrant/.ssh/ $state/ssh/
    echo "$release" >$state/release
}

case $2 in
    clean)
        if [ -e $state/release ]; then
            stop_everything
            unmount_everything
            clear_network
            remove_files
            if [ "$(cat $state/release)" = "$release" ] && restore_images; then
                install_release
                start_containerd
                echo ready
                exit 0
            fi
        fi
        systemctl stop containerd.service 2>/dev/null || true
        rm -rf $containerd $state/release
        echo empty
        ;;
    finish)
        install_release
        test -d $containerd || load_images
        take_picture
        ;;
esac
