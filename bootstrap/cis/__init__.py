"""The CIS Kubernetes Benchmark: what each of its recommendations says of a host. Pure: facts in, results out.

Numbers and demands are those of CIS Kubernetes Benchmark 1.12, sections 1 to 4; the words are ours. A check is a line in one of
the modules of CHECKS: `automated("1.2.2", what it is about, a judge, what to do)`. A judge is a function of Facts that gives a
Verdict; `flags.py` and `paths.py` make most of them. Each check has a fault in tests/unit/test_cis_checks.py that it notices.
"""

from __future__ import annotations

from bootstrap.cis import api_server, controller_manager_scheduler, etcd, files, kubelet, kubelet_files, policies
from bootstrap.cis.model import Check, Result, Status, Verdict
from bootstrap.cluster import Role
from bootstrap.facts import Facts

__all__ = ["BENCHMARK", "CHECKS", "WORKER_CHECKS", "Check", "Result", "Status", "Verdict", "check"]

BENCHMARK = "CIS Kubernetes Benchmark 1.12"
WORKER_CHECKS: tuple[Check, ...] = (*kubelet_files.CHECKS, *kubelet.CHECKS)
CHECKS: tuple[Check, ...] = (
    *files.CHECKS,
    *api_server.CHECKS,
    *controller_manager_scheduler.CHECKS,
    *etcd.CHECKS,
    *policies.CHECKS,
    *WORKER_CHECKS,
)


def check(facts: Facts, role: Role = Role.CONTROL_PLANE) -> tuple[Result, ...]:
    """Every check of one host, in the benchmark's order; of a worker those of section 4. facts: with Facts.security."""
    return tuple(Result(one, one.judge(facts)) for one in (CHECKS if role is Role.CONTROL_PLANE else WORKER_CHECKS))
