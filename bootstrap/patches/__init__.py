"""kubeadm's patches: files `target[suffix][+type].yaml|json` of a directory, applied to what was rendered.

Targets: the four static pods, kubeletconfiguration, corednsdeployment, kubeproxydaemonset.
Types: strategic (default), merge, json.
`load` is the only function here that reads files.
Sources: kubeadm app/util/patches/patches.go (v1.36.3; kubeproxydaemonset: v1.37.2). It ignores a name with an unknown target and
looks into sub-directories; here the first is a mistake and the second does not happen, as its documentation says.
"""

from __future__ import annotations

from bootstrap.patches.apply import apply_patches, spoilt
from bootstrap.patches.load import TARGETS, Patch, PatchType, load
from bootstrap.patches.merge import merge_patch

__all__ = ["TARGETS", "Patch", "PatchType", "apply_patches", "load", "merge_patch", "spoilt"]
