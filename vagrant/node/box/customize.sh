#!/bin/sh
# Turns a fresh Debian root file system into the lab's box. Run by mmdebstrap: customize.sh ROOT, with BOX_FILES and VAGRANT_KEY set.
set -eu
root=$1

# What has no place in a container, or waits for what never comes.
for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
    systemd-logind.service systemd-networkd-wait-online.service systemd-networkd.service systemd-networkd.socket \
    systemd-timesyncd.service getty.target console-getty.service getty@tty1.service getty-static.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    systemd-journald-audit.socket sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    systemd-modules-load.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
rm -f "$root/etc/systemd/system/multi-user.target.wants/nftables.service"

# The kubelet wants /dev/kmsg.
echo 'L /dev/kmsg - - - - /dev/null' >"$root/etc/tmpfiles.d/kmsg.conf"
printf 'net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1\n-net.bridge.bridge-nf-call-iptables = 1\n-net.bridge.bridge-nf-call-ip6tables = 1\n' \
    >"$root/etc/sysctl.d/90-kubernetes.conf"
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/lab.conf"

# Unique host keys, made at the first boot.
rm -f "$root"/etc/ssh/ssh_host_*
echo 'UseDNS no' >"$root/etc/ssh/sshd_config.d/lab.conf"
printf '[Unit]\nDescription=SSH host keys of this node\nBefore=ssh.service\n\n[Service]\nType=oneshot\nExecStart=/usr/bin/ssh-keygen -A\nRemainAfterExit=yes\n\n[Install]\nWantedBy=multi-user.target\n' \
    >"$root/etc/systemd/system/ssh-host-keys.service"
ln -sf /etc/systemd/system/ssh-host-keys.service "$root/etc/systemd/system/multi-user.target.wants/ssh-host-keys.service"
: >"$root/etc/machine-id"
rm -f "$root/etc/hostname"
# sudo looks its own host's name up: the answer must be a quick no, not the silence of the build machine's name server.
rm -f "$root/etc/resolv.conf"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"

# Vagrant's user. Its well-known key is replaced by the lab's own as soon as the node is up.
chroot "$root" useradd --create-home --shell /bin/bash vagrant
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/vagrant"
chmod 0440 "$root/etc/sudoers.d/vagrant"
mkdir -p "$root/home/vagrant/.ssh"
cp "$VAGRANT_KEY" "$root/home/vagrant/.ssh/authorized_keys"
chroot "$root" chown -R vagrant:vagrant /home/vagrant/.ssh
chmod 0700 "$root/home/vagrant/.ssh"
chmod 0600 "$root/home/vagrant/.ssh/authorized_keys"

mkdir -p "$root/etc/containerd" "$root/opt/cni/bin" "$root/etc/cni/net.d" "$root/opt/kube-lab" "$root/usr/lib/systemd/system"
cp "$BOX_FILES/containerd-config.toml" "$root/etc/containerd/config.toml"
cp "$BOX_FILES/containerd.service" "$root/usr/lib/systemd/system/containerd.service"

# Nodes have no way out, and this machine's package sources are not theirs.
rm -rf "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/var/lib/apt/lists/*
