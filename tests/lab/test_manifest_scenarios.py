"""A real kubelet makes of a manifest directory what the table says, and with it the model kubelet of the unit tests.

The kubelet stands alone: no API server, only files. All scenarios are played at once; a list is what a start of the kubelet does.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.lab.conftest import CP1, Lab, wait_until
from tests.manifest_scenarios import ELSEWHERE, SCENARIOS, Deed, How, Scenario, outcome

MANIFESTS = "/etc/kubernetes/manifests"
CONFIG = "/var/lib/kubelet/config.yaml"
DROP_IN = "/etc/systemd/system/kubelet.service.d/99-alone.conf"
NEVER, OFTEN = "1h", "2s"
QUIET_S = 3

Seen = dict[str, tuple[str, str, str]]


def config(lists: str) -> str:
    """lists: how often the directory is listed, beside what the watch tells."""
    alone = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "staticPodPath": MANIFESTS,
        "fileCheckFrequency": lists, "readOnlyPort": 10255, "authorization": {"mode": "AlwaysAllow"},
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}}, "maxPods": 250,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs", "failCgroupV1": False, "failSwapOn": False,
    }  # fmt: skip
    return yaml.safe_dump(alone)


@pytest.fixture
def kubelet(lab: Lab) -> Iterator[None]:
    lab.reset()
    unit = "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml\n"
    lab.sh(CP1, f"mkdir -p {ELSEWHERE} {MANIFESTS} /var/lib/kubelet {DROP_IN.rpartition('/')[0]}\n"
                f"cat >{CONFIG} <<'END'\n{config(NEVER)}END\ncat >{DROP_IN} <<'END'\n{unit}END\n"
                "systemctl daemon-reload; systemctl restart kubelet")  # fmt: skip
    answering(lab)
    yield
    lab.sh(CP1, f"rm -rf {DROP_IN} {ELSEWHERE}; systemctl daemon-reload")
    lab.reset()


def answering(lab: Lab) -> None:
    """Wait for a kubelet that has just been started."""
    wait_until(lambda: lab.sh(CP1, "curl -sf http://127.0.0.1:10255/pods") != "", 60, "the kubelet answering")


def script(deeds: Iterable[Deed]) -> str:
    lines = ["set -eu", "unpacked() { base64 -d | gunzip; }", f"cd {MANIFESTS}"]
    for deed in deeds:
        name, content = shlex.quote(deed.name), shlex.quote(deed.content[:200].decode("latin-1"))
        packed = f"unpacked <<END >%s\n{base64.b64encode(gzip.compress(deed.content)).decode()}\nEND"
        match deed.how:
            case How.PUT:
                lines += [f"new=$(dirname {name})/.new", packed % '"$new"', f'mv -f "$new" {name}']
            case How.IN_PLACE:
                lines += [packed % name]
            case How.LINK:
                lines += [f"ln -s {content} {name}"]
            case How.REMOVE:
                lines += [f"rm {name}"]
            case How.RENAME:
                lines += [f"mv {name} {content}"]
            case How.DIRECTORY:
                lines += [f"mkdir {name}"]
            case How.MODE:
                lines += [f"chmod {content} {name}"]
    return "\n".join(lines) + "\n"


def running(lab: Lab) -> Seen:
    """Label, UID and container of every pod that runs, by the name in its manifest."""
    found: Seen = {}
    items: list[dict[str, Any]] = json.loads(lab.sh(CP1, "curl -sf http://127.0.0.1:10255/pods"))["items"] or []
    for pod in items:
        for status in pod["status"].get("containerStatuses", []):
            if status["state"].get("running"):
                name = pod["metadata"]["name"].removesuffix(f"-{CP1}")
                found[name] = (pod["metadata"]["labels"]["which"], pod["metadata"]["uid"], status["containerID"])
    return found


def fates(before: Seen, now: Seen) -> dict[str, tuple[str, str]]:
    found = {}
    for name, (which, uid, container) in now.items():
        _, old_uid, old_container = before.get(name, ("", "", ""))
        found[name] = (which, "same" if (uid, container) == (old_uid, old_container) else "again" if uid == old_uid else "new")
    return found


def expected(scenarios: Iterable[Scenario], stage: str) -> dict[str, tuple[str, str]]:
    return {name: what for scenario in scenarios for name, what in outcome(scenario, stage).items()}


def settled(lab: Lab, before: Seen, wanted: dict[str, tuple[str, str]], stage: str) -> Seen:
    """What runs, once it is as wanted and stays so."""
    now: Seen = {}
    deadline, since = time.monotonic() + 90, 0.0
    while time.monotonic() < deadline:
        now = running(lab)
        if fates(before, now) != wanted:
            since = 0.0
        elif not since:
            since = time.monotonic()
        elif time.monotonic() > since + QUIET_S:
            return now
        time.sleep(0.5)
    found = fates(before, now)
    differing = {name: (found.get(name), wanted.get(name)) for name in {*found, *wanted} if found.get(name) != wanted.get(name)}
    raise AssertionError(f"{stage}: (is, wanted): {differing}")


def twin(scenario: Scenario) -> Scenario:
    """The same scenario with other files and pods."""
    old, new = scenario.name, f"list-{scenario.name}"

    def deed(one: Deed) -> Deed:
        return replace(one, name=one.name.replace(old, new), content=one.content.replace(old.encode(), new.encode()))

    outcomes = {stage: getattr(scenario, stage).replace(old, new) for stage in ("started", "watched", "listed")}
    return replace(scenario, name=new, first=tuple(map(deed, scenario.first)), then=tuple(map(deed, scenario.then)), **outcomes)


def labels(scenarios: Iterable[Scenario], stage: str) -> dict[str, str]:
    return {name: which for name, (which, _) in expected(scenarios, stage).items()}


def said(journal: str) -> dict[str, str]:
    """What the kubelet said of each file, in its last line about it."""
    pattern = re.compile(rf"{MANIFESTS}/([^\s\"\\\\:]+)")
    return {match[1]: line for line in journal.splitlines() if (match := pattern.search(line))}


def test_a_real_kubelet_does_what_the_table_says(lab: Lab, kubelet: None) -> None:
    up = [scenario for scenario in SCENARIOS if not scenario.down]
    lab.sh(CP1, script(deed for scenario in SCENARIOS for deed in scenario.first))
    started = settled(lab, {}, expected(SCENARIOS, "started"), "started")
    lab.sh(CP1, script(deed for scenario in up for deed in scenario.then))
    watched = settled(lab, started, expected(SCENARIOS, "watched"), "watched")
    lab.sh(CP1, "systemctl stop kubelet")
    lab.sh(CP1, script(deed for scenario in SCENARIOS if scenario.down for deed in scenario.then))
    lab.sh(CP1, f"cat >{CONFIG} <<'END'\n{config(OFTEN)}END\nsystemctl start kubelet")
    answering(lab)
    settled(lab, watched, expected(SCENARIOS, "listed"), "listed")
    says_what_it_should(lab)
    periodic(lab, [twin(scenario) for scenario in up if labels([scenario], "watched") != labels([scenario], "listed")])


def periodic(lab: Lab, scenarios: Sequence[Scenario]) -> None:
    """What a list changes that comes while the kubelet runs: pods that run are ended, and others come back."""
    def seen(wanted: dict[str, str]) -> bool:
        return {name: which for name, (which, _, _) in running(lab).items() if name.startswith("list-")} == wanted

    lab.sh(CP1, script(deed for scenario in scenarios for deed in scenario.first))
    at_first = labels(scenarios, "started") | {"list-twins": "b"}
    wait_until(lambda: seen(at_first), 90, f"{at_first}")
    lab.sh(CP1, script(deed for scenario in scenarios for deed in scenario.then))
    at_last = labels(scenarios, "listed")
    wait_until(lambda: seen(at_last), 90, f"{at_last}")


def says_what_it_should(lab: Lab) -> None:
    pid = lab.sh(CP1, "systemctl show -p MainPID --value kubelet").strip()
    lines = said(lab.sh(CP1, f"journalctl --no-pager -o cat _PID={pid}"))
    for scenario in SCENARIOS:
        found = [line for file, line in lines.items() if any(deed.name == file for deed in (*scenario.first, *scenario.then))]
        assert bool(found) == bool(scenario.says), f"{scenario.name}: {found}"
        assert all(scenario.says in line for line in found), f"{scenario.name}: {found}"
