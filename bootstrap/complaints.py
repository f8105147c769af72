"""Why a kubelet cannot start a pod: it says so in its journal with every try, at the default verbosity.

Source: Kubernetes 1.35 to 1.37, pkg/kubelet/pod_workers.go ("Error syncing pod, skipping"), container/sync_result.go (the parts
of such an error), images/types.go and kuberuntime/kuberuntime_container.go (their reasons); containerd and runc for what they put
around an error of theirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

TEXT = r'"((?:[^"\\]|\\.)*)"'
LENGTH = 300
"""Characters of a message that are shown."""
_FAILED_SYNC = re.compile(rf'"Error syncing pod, skipping" err={TEXT}')
_PART = re.compile(rf'failed to "(StartContainer|CreatePodSandbox)" for {TEXT} with (\w+): {TEXT}')
_CRASHED = "CrashLoopBackOff"
_NOT_PULLED = "ErrImagePull"
_NOT_RUN = "RunContainerError"
_AROUND = re.compile(
    r'(?:rpc error: code = \w+ desc = |failed to (?:create containerd task|create shim task|start container "[^"]*"'
    r'|pull and unpack image "[^"]*"): |OCI runtime create failed: |runc create failed: |unable to start container process: '
    r"|error during container init: )+"
)
_NO_COMMAND = re.compile(r'exec: "|executable file ')


@dataclass(frozen=True)
class Complaint:
    """container: empty where it is the pod as a whole. reason: the kubelet's word, such as ErrImagePull, if it has one.

    times: how often running that was said.
    """

    container: str
    reason: str
    message: str
    times: int = 1

    @property
    def lacks_command(self) -> bool:
        """Whether the runtime found nothing to execute: the image does not have what the manifest names."""
        return self.reason == _NOT_RUN and _NO_COMMAND.match(self.message) is not None

    def __str__(self) -> str:
        who = f"container {self.container}: " if self.container else ""
        what = {_NOT_PULLED: "its image cannot be pulled: ", _NOT_RUN: "", "": ""}.get(self.reason, f"{self.reason}: ")
        return f"{who}{what}{self.message[:LENGTH]}"


def parse(journal: str, pod: str) -> tuple[Complaint, ...]:
    """What kept a pod from running, the last word on each container. pod: `namespace/name`, the node's name and all.

    It may be over: of a try that goes well nothing is said. That a container is waited with because it ended (CrashLoopBackOff)
    is none: its own log says why. Its image is there, then.
    """
    found: dict[str, Complaint] = {}
    for line in lines(journal, pod):
        said = _FAILED_SYNC.search(line)
        for new in _parts(unescaped(said[1])) if said is not None else ():
            before = found.get(new.container)
            if new.container:
                found.pop("", None)
            if new.reason != _CRASHED:
                times = before.times + 1 if before is not None and before.reason == new.reason else 1
                found[new.container] = replace(new, times=times)
            elif before is not None and before.reason == _NOT_PULLED:
                del found[new.container]
    return tuple(found.values())


def lines(journal: str, pod: str) -> list[str]:
    """The lines of a kubelet's journal about one pod."""
    return [line for line in journal.splitlines() if f'pod="{pod}"' in line]


def unescaped(text: str) -> str:
    """The text within quotes as it was before they were put around it, in one line."""
    return re.sub(r"\\(.)", lambda found: " " if found[1] in "nt" else found[1], text)


def _parts(error: str) -> list[Complaint]:
    parts = _PART.findall(error)
    if not parts:
        return [Complaint("", "", _essence(error))]
    found = []
    for what, name, reason, quoted in parts:
        message = unescaped(quoted)
        _, again, cause = message.partition(f": {_NOT_PULLED}: ")     # within what is said while another try is put off
        if again and reason == "ImagePullBackOff":
            reason, message = _NOT_PULLED, cause
        found.append(Complaint(name if what == "StartContainer" else "", reason, _essence(message)))
    return found


def _essence(message: str) -> str:
    """An error without what every layer that it came through put in front of it and behind."""
    around = _AROUND.match(message)
    return message[around.end() :].removesuffix(": unknown") if around is not None else message
