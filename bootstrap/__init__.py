"""bootstrap: a highly available Kubernetes control plane from an inventory, over SSH."""

__version__ = "0.1.0"
