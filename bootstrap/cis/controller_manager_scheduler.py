"""1.3 and 1.4: how the controller manager and the scheduler were started."""

from __future__ import annotations

from ipaddress import ip_address

from bootstrap.cis.flags import Flags, asked, feature_gate, holds, is_false, is_set, is_true
from bootstrap.cis.model import Check, automated, manual
from bootstrap.constants import CONTROLLER_MANAGER, SCHEDULER

GATE = "RotateKubeletServerCertificate"
ARGS = "spec.controllerManager.extraArgs"
PROFILING = "spec.hardening.profiling: false"


def is_loopback(value: str) -> bool:
    try:
        return ip_address(value).is_loopback
    except ValueError:
        return False


def _gate(flags: Flags) -> tuple[bool, str]:
    said = feature_gate(flags.get("feature-gates", ()), GATE)
    return said is None or not is_false(said), f"{GATE}={said}" if said else f"nothing of {GATE}"


CHECKS: tuple[Check, ...] = (
    manual("1.3.1", "pods that have ended are cleared away", is_set(CONTROLLER_MANAGER, "terminated-pod-gc-threshold"),
           "spec.hardening.terminatedPods: true"),
    automated("1.3.2", "no profiling", holds(CONTROLLER_MANAGER, "profiling", "false", is_false), PROFILING),
    automated("1.3.3", "each controller has its own credentials",
              holds(CONTROLLER_MANAGER, "use-service-account-credentials", "true", is_true)),
    automated("1.3.4", "signs service account tokens with a key of their own",
              is_set(CONTROLLER_MANAGER, "service-account-private-key-file")),
    automated("1.3.5", "pods can verify the API server", is_set(CONTROLLER_MANAGER, "root-ca-file")),
    automated("1.3.6", "kubelets' serving certificates are renewed",
              asked(CONTROLLER_MANAGER, "feature-gates", f"without {GATE}=false", _gate),
              f"take {GATE} out of feature-gates in {ARGS}"),
    automated("1.3.7", "listens on the loopback address only",
              holds(CONTROLLER_MANAGER, "bind-address", "127.0.0.1", is_loopback), f"take bind-address out of {ARGS}"),
    automated("1.4.1", "no profiling", holds(SCHEDULER, "profiling", "false", is_false), PROFILING),
    automated("1.4.2", "listens on the loopback address only",
              holds(SCHEDULER, "bind-address", "127.0.0.1", is_loopback), "take bind-address out of spec.scheduler.extraArgs"),
)  # fmt: skip
