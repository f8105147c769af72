"""The programs that the product runs on hosts, each modelled on purpose: one that is not here fails the test that ran it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from bootstrap import balancer
from bootstrap.connection import Completed
from bootstrap.scripts import script
from bootstrap.testing.host import FakeHost
from bootstrap.testing.hostpods import pods
from bootstrap.testing.network import survey

Program = Callable[[FakeHost, Sequence[str], bytes], Completed]
DONE = Completed(0, b"", b"")


@dataclass(frozen=True)
class Command:
    """A program. mutates: whether running it changes the host, or, given what it is fed, whether that does."""

    run: Program
    mutates: bool | Callable[[bytes], bool] = True

    def changes(self, stdin: bytes) -> bool:
        return self.mutates if isinstance(self.mutates, bool) else self.mutates(stdin)


def systemctl(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """daemon-reload; enable (with --no-reload, too), disable, start, stop, restart of kubelet.service."""
    kubelet = host.kubelet
    match tuple(argv[1:]):
        case ("daemon-reload",):
            kubelet.daemon_reload()
        case (*_, "kubelet.service") if not kubelet.installed:
            return Completed(5, b"", b"Failed to restart kubelet.service: Unit kubelet.service not found.\n")
        case ("--no-reload", "enable", "kubelet.service"):
            kubelet.enabled = True
        case ("enable" | "disable" as verb, "kubelet.service"):
            kubelet.enabled = verb == "enable"
        case ("start", "kubelet.service"):
            kubelet.start(host.now())
        case ("stop", "kubelet.service"):
            kubelet.stop()
        case ("restart", "kubelet.service"):
            kubelet.restart(host.now())
        case _:
            raise AssertionError(f"the model host does not know `{' '.join(argv)}`")
    return DONE


def tail(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """`tail [-q] -n COUNT PATH...` of container logs or files; one that is not there is said, and the others are shown."""
    options = argv[2:] if argv[1] == "-q" else argv[1:]
    if options[0] != "-n":
        raise AssertionError(f"the model host does not know `{' '.join(argv)}`")
    shown, missing = b"", b""
    for path in options[2:]:
        lines, content = host.runtime.log(PurePosixPath(path)), host.text(path)
        if lines is None and content is None:
            missing += f"tail: cannot open '{path}' for reading: No such file or directory\n".encode()
        else:
            shown += _lines(lines if lines is not None else (content or "").splitlines(), int(options[1])).stdout
    return Completed(1 if missing else 0, shown, missing)


def stat(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """`stat -c %s PATH` of a container log or of a file."""
    content = _content(host, argv[3])
    if tuple(argv[1:3]) != ("-c", "%s"):
        raise AssertionError(f"the model host does not know `{' '.join(argv)}`")
    if content is None:
        return Completed(1, b"", f"stat: cannot statx '{argv[3]}': No such file or directory\n".encode())
    return Completed(0, f"{len(content)}\n".encode(), b"")


def dd(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """`dd if=PATH bs=N skip=N count=N status=none`: blocks of a container log or of a file."""
    options = dict(word.split("=", 1) for word in argv[1:])
    content = _content(host, options["if"]) or b""
    size, skip, count = (int(options[name]) for name in ("bs", "skip", "count"))
    return Completed(0, content[skip * size : (skip + count) * size], b"")


def journalctl(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """The end of the kubelet's journal, or of what the process said that runs."""
    kubelet = host.kubelet
    match tuple(argv[1:]):
        case ("-u", "kubelet" | "kubelet.service", "-n", count, *_):
            return _lines(kubelet.journal, int(count))
        case ("-b", pid, "-n", count, "--no-pager", "-o", "cat", *since) if (
            kubelet.process is not None and pid == f"_PID={kubelet.process.pid}"
        ):
            first = float(since[1].removeprefix("@")) if since else 0.0
            said = zip(kubelet.journal, kubelet.said_at, strict=True)
            return _lines([line for line, at in [*said][kubelet.began:] if at >= first], int(count))
    raise AssertionError(f"the model host does not know `{' '.join(argv)}`")


def shell(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """`sh -s` with a script of ours on its standard input."""
    if tuple(argv) == ("sh", "-s") and stdin == script("stop-pods.sh"):
        host.runtime.containers.clear()
        return DONE
    if tuple(argv) == ("sh", "-s") and stdin == script("pods.sh"):
        return Completed(0, "".join(f"{line}\n" for line in pods(host)).encode(), b"")
    if tuple(argv) == ("sh", "-s", "--", str(balancer.CONFIG)) and stdin == script("reload-balancer.sh"):
        host.reload_balancer()
        return DONE
    if tuple(argv[:3]) == ("sh", "-s", "--") and stdin == script("survey.sh"):
        return Completed(0, "".join(f"{line}\n" for line in survey(host, argv[3:])).encode(), b"")
    raise AssertionError(f"the model host does not know this script: {stdin[:200]!r}")


def chmod(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """`chmod MODE PATH`."""
    return _changed(host, argv, lambda at: host.files.change(at, replace(host.files.nodes[at], mode=int(argv[1], 8))))


def chown(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """`chown OWNER:GROUP PATH`."""
    owner, _, group = argv[1].partition(":")
    if owner not in host.files.users or group not in host.files.groups:
        return Completed(1, b"", f"chown: invalid user: '{argv[1]}'\n".encode())
    return _changed(host, argv, lambda at: host.files.change(at, replace(host.files.nodes[at], owner=owner, group=group)))


def touch(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """`touch -c PATH`: a file that is there is as if it had just been written."""
    return _changed(host, ("touch", *argv[1:]), lambda at: host.files.change(at, replace(host.files.nodes[at], mtime=host.now())))


def sysusers(host: FakeHost, argv: Sequence[str], stdin: bytes) -> Completed:
    """`systemd-sysusers FILE`: lines `g NAME GID` and `u NAME UID:GID`. What exists stays as it is."""
    for line in (host.text(argv[1]) or "").splitlines():
        match line.split()[:3]:
            case ["g", name, gid]:
                host.files.groups.setdefault(name, int(gid))
            case ["u", name, ids]:
                uid, _, gid = ids.partition(":")
                if name not in host.files.users and int(gid) not in host.files.groups.values():
                    return Completed(1, b"", f"Failed to parse UID/GID: '{ids}'\n".encode())
                host.files.users.setdefault(name, int(uid))
    return DONE


COMMANDS: Mapping[str, Command] = {
    "systemctl": Command(systemctl),
    "tail": Command(tail, mutates=False),
    "stat": Command(stat, mutates=False),
    "dd": Command(dd, mutates=False),
    "journalctl": Command(journalctl, mutates=False),
    "sh": Command(shell, mutates=lambda stdin: stdin not in (script("survey.sh"), script("pods.sh"))),
    "chmod": Command(chmod),
    "chown": Command(chown),
    "systemd-sysusers": Command(sysusers),
    "touch": Command(touch),
}


def _changed(host: FakeHost, argv: Sequence[str], deed: Callable[[PurePosixPath], None]) -> Completed:
    if len(argv) != 3:
        raise AssertionError(f"the model host does not know `{' '.join(argv)}`")
    at = host.files.resolve(PurePosixPath(argv[2]))
    if at is None:
        return Completed(1, b"", f"{argv[0]}: cannot access '{argv[2]}': No such file or directory\n".encode())
    deed(at)
    return DONE


def _content(host: FakeHost, path: str) -> bytes | None:
    lines, text = host.runtime.log(PurePosixPath(path)), host.text(path)
    if lines is not None:
        return "".join(f"{line}\n" for line in lines).encode()
    return None if text is None else text.encode()


def _lines(lines: Sequence[str], count: int) -> Completed:
    return Completed(0, "".join(f"{line}\n" for line in lines[-count:]).encode(), b"")
