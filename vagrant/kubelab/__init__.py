"""The lab: real nodes to run bootstrap (and kubeadm, for comparison) against. Python's standard library only."""
