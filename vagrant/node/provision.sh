#!/bin/sh
# A stock Debian or Ubuntu machine gets a container runtime and a kubelet, the official packages' way.
#
#   provision.sh KUBERNETES_VERSION NODE_ADDRESS
#
# Source: kubernetes.io, "Installing kubeadm" and "Container Runtimes".
set -eu
version=$1
address=$2
minor=${version%.*}
export DEBIAN_FRONTEND=noninteractive

printf 'overlay\nbr_netfilter\n' >/etc/modules-load.d/kubernetes.conf
modprobe overlay
modprobe br_netfilter
printf 'net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\nnet.bridge.bridge-nf-call-ip6tables = 1\n' >/etc/sysctl.d/90-kubernetes.conf
sysctl --quiet --system
swapoff -a
sed -i '/\sswap\s/s/^[^#]/# &/' /etc/fstab

apt-get update -q
apt-get install -q -y ca-certificates curl gpg containerd
mkdir -p /etc/containerd /etc/apt/keyrings
containerd config default | sed 's/SystemdCgroup = false/SystemdCgroup = true/; s#"registry.k8s.io/pause:[^"]*"#"registry.k8s.io/pause:3.10.2"#' \
    >/etc/containerd/config.toml
systemctl restart containerd
systemctl enable --quiet containerd

key=/etc/apt/keyrings/kubernetes-apt-keyring.gpg
curl -fsSL "https://pkgs.k8s.io/core:/stable:/v$minor/deb/Release.key" | gpg --dearmor --yes -o $key
echo "deb [signed-by=$key] https://pkgs.k8s.io/core:/stable:/v$minor/deb/ /" >/etc/apt/sources.list.d/kubernetes.list
apt-get update -q
apt-get install -q -y "kubelet=$version-*" "kubeadm=$version-*" "kubectl=$version-*"
apt-mark hold kubelet kubeadm kubectl
systemctl disable --quiet --now kubelet

# Every VirtualBox machine has the same address on its first interface; the node's name must mean the one that others can reach.
sed -i "/\s$(hostname)\$/d" /etc/hosts
echo "$address $(hostname)" >>/etc/hosts
