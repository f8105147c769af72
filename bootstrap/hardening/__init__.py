"""What the switches of `spec.hardening` mean: flags, fields and files beyond kubeadm's. Values in, values out.

A switch that is off adds nothing. What the user says in extraArgs, extraVolumes and kubelet.config wins. Everything that is
added to a static pod is added as kubeadm would add an extra argument, so kubeadm-config can say the same.
"""

from __future__ import annotations

from bootstrap.hardening.flags import extra_args
from bootstrap.hardening.kubelet import kubelet_fields

__all__ = ["extra_args", "kubelet_fields"]
