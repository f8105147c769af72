"""What a kubelet makes of a manifest directory: one table for the model kubelet (unit tests) and for real ones (tests/lab).

Every scenario has files and pods of its own, called after it, so that all of them can be played at once in one directory.
Outcomes are written `POD=WHICH:FATE`; no POD stands for the scenario's name. WHICH: the label of the pod that runs.
FATE, compared with the outcome before: `same` container; `again`: the same pod (UID), another container; `new`: another pod.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class How(StrEnum):
    """Ways to change a directory."""

    PUT = "written beside and renamed into place"
    IN_PLACE = "truncated and written anew"
    LINK = "made a symbolic link; content: the target"
    REMOVE = "removed"
    RENAME = "renamed; content: the new name"
    DIRECTORY = "made a directory"
    MODE = "given other permission bits; content: octal"


@dataclass(frozen=True)
class Deed:
    """One thing done in the manifest directory. name: of the file; absolute for one elsewhere."""

    how: How
    name: str
    content: bytes = b""


@dataclass(frozen=True)
class Scenario:
    """first: done to an empty directory. then: done once `started` was reached; down: while the kubelet is stopped.

    started, watched, listed: outcomes of that, before any list is due; and after a list (a restart of the kubelet, or 20 s).
    says: part of what the kubelet says of a file of this scenario when it lists the directory; empty: it complains of none.
    """

    name: str
    first: tuple[Deed, ...]
    then: tuple[Deed, ...] = ()
    started: str = ""
    watched: str = ""
    listed: str = ""
    says: str = ""
    down: bool = False


def pod(name: str, which: str = "1", extra: str = "", spec: str = "", namespace: str | None = "kube-system") -> bytes:
    """A tiny pod. extra, spec: further lines of its metadata and of its spec."""
    return f"""\
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  labels: {{which: "{which}"}}
  {f"namespace: {namespace}" if namespace else ""}
  {extra}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 1
  {spec}
  containers:
  - {{name: main, image: "registry.k8s.io/pause:3.10.2", imagePullPolicy: Never}}
""".encode()


def put(name: str, content: bytes) -> Deed:
    return Deed(How.PUT, name, content)


def alone(name: str, content: bytes, started: str = "", says: str = "", file: str = "") -> Scenario:
    """One file that is put there, and stays."""
    listed = started.replace(":new", ":same")
    return Scenario(name, (put(file or f"{name}.yaml", content),), (), started, listed, listed, says)


def changed(name: str, then: Sequence[Deed], watched: str, listed: str, says: str = "", down: bool = False) -> Scenario:
    """One good file at first, then something else."""
    return Scenario(name, (put(f"{name}.yaml", pod(name)),), tuple(then), "=1:new", watched, listed, says, down)


def _json(name: str) -> bytes:
    container = {"name": "main", "image": "registry.k8s.io/pause:3.10.2", "imagePullPolicy": "Never"}
    metadata = {"name": name, "namespace": "kube-system", "labels": {"which": "1"}}
    return json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"hostNetwork": True, "containers": [container]}}
    ).encode()


ELSEWHERE = "/srv/manifest-scenarios"
LIMIT = 10 << 20

SCENARIOS = (
    # --- what is a manifest ---
    alone("good", pod("good"), "=1:new"),
    alone("json", _json("json"), "=1:new", file="json.json"),
    alone("no-suffix", pod("no-suffix"), "=1:new", file="no-suffix"),
    alone("backup", pod("backup"), "=1:new", file="backup.yaml.bak"),
    alone("tilde", pod("tilde"), "=1:new", file="tilde.yaml~"),
    alone("dot", pod("dot"), file=".dot.yaml"),
    alone("empty", b"", says="couldn't parse as pod"),
    alone("not-yaml", b"{", says="couldn't parse as pod"),
    alone("binary", b"\xff\xfe\x00\x01", says="couldn't parse as pod"),
    alone("latin1", pod("latin1", extra="annotations: {a: \"\xe4\"}").decode().encode("latin-1"), says="couldn't parse as pod"),
    alone("bom", b"\xef\xbb\xbf" + pod("bom"), "=1:new"),
    alone("configmap", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: configmap}\n", says="invalid pod"),
    alone("no-kind", pod("no-kind").replace(b"kind: Pod\n", b""), says="Kind"),
    alone("no-version", pod("no-version").replace(b"apiVersion: v1\n", b""), says="couldn't parse as pod"),
    alone("two", pod("two") + b"---\n" + pod("two-b"), "two=1:new"),
    alone("null-first", b"---\n---\n" + pod("null-first"), says="couldn't parse as pod"),
    alone("big", pod("big") + b"#" * (LIMIT - 2000 - len(pod("big"))), "=1:new"),
    alone("too-big", pod("too-big") + b"#" * LIMIT, says="the read limit is reached"),
    # --- what is a pod ---
    alone("unknown-field", pod("unknown-field", spec="noSuchField: 1"), "=1:new"),
    alone("twice", pod("twice", spec="hostPID: true\n  hostPID: false"), "=1:new"),
    alone("wrong-type", pod("wrong-type", spec="hostPID: 7"), says="couldn't parse as pod"),
    alone("no-namespace", pod("no-namespace", namespace=None), "=1:new"),
    alone("no-name", pod("", extra=""), says="name is needed"),
    alone("bad-name", pod("Bad_Name"), says="invalid pod"),
    alone("no-containers", pod("no-containers").partition(b"  containers:")[0], says="invalid pod"),
    alone("secret", pod("secret", spec="volumes: [{name: v, secret: {secretName: s}}]"), says="static pods may not reference"),
    alone("config-map", pod("config-map", spec="volumes: [{name: v, configMap: {name: c}}]"),
          says="static pods may not reference"),
    alone("account", pod("account", spec="serviceAccountName: someone"), says="static pods may not reference"),
    # --- what is a file ---
    Scenario("directory", (Deed(How.DIRECTORY, "directory.yaml"), put("directory.yaml/inner.yaml", pod("inner"))),
             says="is a directory"),
    Scenario("link", (put(f"{ELSEWHERE}/link.yaml", pod("link")), Deed(How.LINK, "link.yaml", f"{ELSEWHERE}/link.yaml".encode())),
             started="=1:new", watched="=1:same", listed="=1:same"),
    Scenario("dangling", (Deed(How.LINK, "dangling.yaml", b"/nowhere"),), says="Could not get metadata"),
    Scenario("link-target-changed",
             (put(f"{ELSEWHERE}/link-target-changed.yaml", pod("link-target-changed")),
              Deed(How.LINK, "link-target-changed.yaml", f"{ELSEWHERE}/link-target-changed.yaml".encode())),
             (put(f"{ELSEWHERE}/link-target-changed.yaml", pod("link-target-changed", "2")),), "=1:new", "=1:same", "=2:new"),
    Scenario("unreadable", (put("unreadable.yaml", pod("unreadable")), Deed(How.MODE, "unreadable.yaml", b"0")), (),
             "=1:new", "=1:same", "=1:same"),
    # --- two files, one pod ---
    Scenario("twins", (put("twins-b.yaml", pod("twins", "b")), put("twins-a.yaml", pod("twins", "a"))), (),
             "=a:new", "=a:same", "=b:new"),
    Scenario("twin-removed",
             (put("twin-removed-a.yaml", pod("twin-removed", "a")), put("twin-removed-b.yaml", pod("twin-removed", "b"))),
             (Deed(How.REMOVE, "twin-removed-b.yaml"),), "=b:new", "", "=a:new"),
    # --- changes ---
    changed("in-place", [Deed(How.IN_PLACE, "in-place.yaml", pod("in-place", "2"))], "=2:new", "=2:same"),
    changed("replaced", [put("replaced.yaml", pod("replaced", "2"))], "=2:new", "=2:same"),
    changed("same-again", [put("same-again.yaml", pod("same-again"))], "=1:same", "=1:same"),
    changed("comment", [put("comment.yaml", pod("comment") + b"# says nothing\n")], "=1:same", "=1:same"),
    changed("removed", [Deed(How.REMOVE, "removed.yaml")], "", ""),
    changed("put-back", [Deed(How.REMOVE, "put-back.yaml"), put("put-back.yaml", pod("put-back"))], "=1:again", "=1:same"),
    changed("renamed", [Deed(How.RENAME, "renamed.yaml", b"renamed.yml")], "=1:new", "=1:same"),
    changed("unnamed", [Deed(How.RENAME, "unnamed.yaml", b"a-unnamed.yaml")], "=1:new", "=1:same"),
    changed("hidden", [Deed(How.RENAME, "hidden.yaml", b".hidden.yaml")], "", ""),
    changed("truncated", [Deed(How.IN_PLACE, "truncated.yaml", pod("truncated", "2")[:60])], "=1:same", "",
            "couldn't parse as pod"),
    changed("emptied", [Deed(How.IN_PLACE, "emptied.yaml")], "=1:same", "", "couldn't parse as pod"),
    changed("spoilt", [put("spoilt.yaml", b"{")], "=1:same", "", "couldn't parse as pod"),
    Scenario("mended", (put("mended.yaml", b"{"),), (put("mended.yaml", pod("mended")),), "", "=1:new", "=1:same"),
    changed("other-pod", [put("other-pod.yaml", pod("other-pod-b", "2"))], "=1:same other-pod-b=2:new", "other-pod-b=2:same"),
    # --- while no kubelet runs ---
    changed("changed-down", [put("changed-down.yaml", pod("changed-down", "2"))], "=1:same", "=2:new", down=True),
    changed("removed-down", [Deed(How.REMOVE, "removed-down.yaml")], "=1:same", "", down=True),
    changed("put-back-down", [Deed(How.REMOVE, "put-back-down.yaml"), put("put-back-down.yaml", pod("put-back-down"))],
            "=1:same", "=1:same", down=True),
)  # fmt: skip


def outcome(scenario: Scenario, stage: str) -> dict[str, tuple[str, str]]:
    """(which, fate) by pod of one of a scenario's outcomes: `started`, `watched` or `listed`."""
    found = {}
    for word in getattr(scenario, stage).split():
        name, _, rest = word.partition("=")
        which, _, fate = rest.partition(":")
        found[name or scenario.name] = (which, fate)
    return found
