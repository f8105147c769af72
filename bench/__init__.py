"""Three masters from nothing, three ways, in turn on the same nodes: kubeadm, files placed by hand, bootstrap."""
