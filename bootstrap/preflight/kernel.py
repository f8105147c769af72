"""Check of the kernel's configuration: what containers need of it is built in, or is a module.

Source: system-validators v1.12.1, validators/kernel_validator.go and types_unix.go. What is optional there is not said by kubeadm
either.
"""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.preflight.finding import Finding, error
from bootstrap.preflight.subject import Subject

# Each: the option, and what older or newer kernels call it.
_REQUIRED = (
    ("NAMESPACES",), ("NET_NS",), ("PID_NS",), ("IPC_NS",), ("UTS_NS",), ("CPUSETS",), ("MEMCG",), ("INET",), ("EXT4_FS",),
    ("PROC_FS",), ("NETFILTER_XT_TARGET_REDIRECT", "IP_NF_TARGET_REDIRECT"), ("NETFILTER_XT_MATCH_COMMENT",),
    ("FAIR_GROUP_SCHED",), ("CGROUPS",), ("CGROUP_PIDS",), ("CGROUP_SCHED",),
)  # fmt: skip
_OF_CGROUP = {1: (("CGROUP_CPUACCT",), ("CGROUP_DEVICE",), ("CGROUP_FREEZER",)), 2: (("CGROUP_BPF",),)}

OPTIONS = tuple(name for names in (*_REQUIRED, *_OF_CGROUP[1], *_OF_CGROUP[2]) for name in names)
"""Names, without CONFIG_, of all that hosts are asked for."""


def configuration(subject: Subject) -> Iterator[Finding]:
    """Nothing where no configuration could be read: kernels need not tell theirs."""
    answers = subject.answers
    if not answers.kernel_config:
        return
    wanted = (*_REQUIRED, *_OF_CGROUP.get(subject.facts.cgroup.version, ()))
    missing = [f"CONFIG_{names[0]}" for names in wanted if not answers.kernel_options.intersection(names)]
    if missing:
        yield error("SystemVerification", subject.name,
                    f"its kernel is built without {', '.join(missing)} ({answers.kernel_config})",
                    "boot a kernel that has them: those of distributions do")  # fmt: skip
