"""What the switches of `spec.hardening` mean: flags, fields and files beyond kubeadm's. Values in, values out.

A switch that is off adds nothing. What the user says in extraArgs, extraVolumes and kubelet.config wins. Everything that is
added to a static pod is added as kubeadm would add an extra argument, so kubeadm-config can say the same.
"""

from __future__ import annotations

from bootstrap.hardening.config_files import (
    ENCRYPTION,
    ConfigFile,
    anonymous_paths,
    config_flags,
    named,
    placeholder,
    public_files,
)
from bootstrap.hardening.flags import extra_args, extra_volumes, writes_audit_log
from bootstrap.hardening.kubelet import kubelet_fields
from bootstrap.hardening.serving import certificates_left_out, serving_certificate

__all__ = [
    "ENCRYPTION",
    "ConfigFile",
    "anonymous_paths",
    "certificates_left_out",
    "config_flags",
    "extra_args",
    "extra_volumes",
    "kubelet_fields",
    "named",
    "placeholder",
    "public_files",
    "serving_certificate",
    "writes_audit_log",
]
