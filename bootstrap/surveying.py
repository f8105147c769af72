"""LOOK's questions that facts do not answer: from host to host, to disks, registries and the control plane endpoint.

All at once, each with its own deadline. What a host does not say stays unknown; a lost connection is the caller's affair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address
from typing import TypeVar

from bootstrap import constants as k
from bootstrap import userpods
from bootstrap.access import Access
from bootstrap.cluster import Cluster, Host
from bootstrap.connection import NoAnswer, Outcome, Reach, Request
from bootstrap.errors import BootstrapError, HostUnreachable, RemoteError
from bootstrap.facts import Facts
from bootstrap.facts.live import process
from bootstrap.parallel import each, finish
from bootstrap.preflight import kernel
from bootstrap.preflight.answers import Answers, HostAnswers, WriteTimes, fsync_times, parse
from bootstrap.preflight.finding import is_named
from bootstrap.preflight.storage import DISK, registry, wanted_images
from bootstrap.scripts import script
from bootstrap.syntax.addresses import split_endpoint

AT_ONCE = 64
TRIES = 3
SCRIPT_S = 60.0
T = TypeVar("T")


def is_up(facts: Mapping[str, Facts]) -> bool:
    """Whether every component runs in a static pod on every host: then the questions have been answered by that."""
    return all(process(found, component) is not None for found in facts.values() for component in k.COMPONENTS)


def survey(
    access: Access, facts: Mapping[str, Facts], ignored: Sequence[str] = (), *, write: bool = True, cluster: Cluster | None = None
) -> tuple[Answers, dict[str, BootstrapError]]:
    """Ask every host of `facts`. Gives the answers, and errors of hosts whose connection was lost on the way, by name.

    ignored: names given to --ignore-preflight; a disk whose finding would be ignored is not written to.
    write: whether disks may be measured at all, which takes a temporary file. cluster: whose hosts must reach each other, where
    that is not every host of `access`.
    """
    asking = _Asking(cluster or access.cluster, access, facts, measured=write and not is_named(DISK, ignored))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        hosts = {name: pool.submit(asking.host, name) for name in facts}
        reach = {key: pool.submit(asking.reach, *key) for key in asking.pairs()}
        finish(hosts.values())
        finish(reach.values())
        reached = {key: found for key, asked in reach.items() if (found := _result(asked, key[0], asking.lost)) is not None}
        trips = {name: pool.submit(asking.round_trips, name, reached) for name in facts}
        finish(trips.values())
        round_trips: dict[tuple[str, str], float] = {}
        for name, future in trips.items():
            measured = _result(future, name, asking.lost)
            round_trips.update(measured or {})
        answers = {name: said for name, answer in hosts.items() if (said := _result(answer, name, asking.lost)) is not None}
    return Answers(True, answers, reached, round_trips), asking.lost


def _result(future: Future[T], name: str, lost: dict[str, BootstrapError]) -> T | None:
    try:
        return future.result()
    except BootstrapError as error:
        error.host = error.host or name
        lost.setdefault(name, error)
        return None


class _Asking:
    """One survey. measured: whether disks are."""

    def __init__(self, cluster: Cluster, access: Access, facts: Mapping[str, Facts], *, measured: bool) -> None:
        self._access = access
        self._facts = facts
        self._cluster = cluster
        self._measured = measured
        self._user_pods = userpods.of_hosts(cluster)
        self.lost: dict[str, BootstrapError] = {}

    def pairs(self) -> list[tuple[str, str, int]]:
        """Every port that every master must reach on every master, itself among them; of a worker the API servers', its own."""
        api = self._cluster.api_server.bind_port
        every = (k.ETCD_CLIENT_PORT, k.ETCD_PEER_PORT, api, k.KUBELET_PORT)
        masters = [target.name for target in self._masters]
        return [
            pair for source in self._facts
            for pair in (
                [(source, target, port) for target in masters for port in every] if source in masters
                else [(source, source, k.KUBELET_PORT), *((source, target, api) for target in masters)]
            )
        ]  # fmt: skip

    def reach(self, source: str, target: str, port: int) -> Reach:
        return self._access.connections[source].reach(self._cluster.host(target).address, port)

    def round_trips(self, source: str, reached: Mapping[tuple[str, str, int], Reach]) -> dict[tuple[str, str], float]:
        """The quickest of a few connections to each other master, less the quickest to itself: that is the way to us.

        One after the other: what runs beside it on our side would be measured, too.
        """
        if source not in {target.name for target in self._masters}:
            return {}
        best = {target.name: self._quickest(source, target, reached) for target in self._masters}
        own = best.get(source) or 0.0
        return {(source, name): max(0.0, s - own) for name, s in best.items() if s is not None and name != source}

    def _quickest(self, source: str, target: Host, reached: Mapping[tuple[str, str, int], Reach]) -> float | None:
        """A port that refuses is preferred: nobody writes a log line about it."""
        for outcome in (Outcome.REFUSED, Outcome.OPEN):
            for (one, name, port), found in reached.items():
                if (one, name, found.outcome) == (source, target.name, outcome):
                    tries = [self.reach(source, name, port) for _ in range(TRIES)]
                    return min((found.seconds, *(one.seconds for one in tries if one.outcome is outcome)))
        return None

    def host(self, name: str) -> HostAnswers:
        """What one host says of itself, and what it reaches beside the masters."""
        facts = self._facts[name]
        images = tuple(wanted_images(self._cluster, facts, self._user_pods[name]))
        endpoint = self._cluster.control_plane_endpoint
        running = process(facts, k.ETCD) is not None
        words = ["resolve", name]
        if endpoint and not _is_address(split_endpoint(endpoint)[0]):
            words += ["resolve", split_endpoint(endpoint)[0]]
        words += [word for option in kernel.OPTIONS for word in ("option", option)]
        if facts.runtime.socket:
            words += ["runtime", facts.runtime.name, "socket", facts.runtime.socket]
            words += [word for image in images for word in ("image", image)]
            words += [word for host in sorted({registry(image)[0] for image in images}) for word in ("registry", host)]
        if self._measured and not running and not facts.etcd.has_member:
            words += ["disk", self._cluster.etcd.local.data_dir]
        answers = self._script(name, words, images)
        if running:
            answers = replace(answers, writes=self._fsync(name), cluster_id=self._cluster_id(name))
        missing = {registry(image) for image in answers.missing_images}
        registries = {host: self._reach_name(name, answers, host, port) for host, port in missing}
        answers = replace(answers, registries={host: found for host, found in registries.items() if found is not None})
        return self._with_endpoint(name, answers) if endpoint else answers

    def _with_endpoint(self, name: str, answers: HostAnswers) -> HostAnswers:
        host, port = split_endpoint(self._cluster.control_plane_endpoint)
        bind_port = self._cluster.api_server.bind_port

        def reach(_: int = 0) -> Reach | None:
            return self._reach_name(name, answers, host, port or bind_port, server_name=host)

        found = reach()
        # A load balancer leads to one master after the other, the one that asks among them.
        tries = range(2 * len(self._masters)) if process(self._facts[name], k.API_SERVER) is not None else ()
        again = tuple(one for one in each(reach, tries, AT_ONCE) if one is not None)
        answers = replace(answers, endpoint=found, endpoint_again=again)
        if found is None or found.outcome is Outcome.OPEN or port == bind_port:
            return answers
        return replace(answers, bind_port=self._reach_name(name, answers, host, bind_port))

    def _reach_name(self, name: str, answers: HostAnswers, host: str, port: int, server_name: str = "") -> Reach | None:
        """The first address of a name that answers; None where the host does not resolve it, or could not say."""
        addresses = (host,) if _is_address(host) else answers.addresses.get(host, ())
        found = None
        for address in addresses[:3]:
            found = self._access.connections[name].reach(address, port, server_name=server_name)
            if found.outcome in (Outcome.OPEN, Outcome.FORBIDDEN):
                break
        return found

    def _script(self, name: str, words: Sequence[str], images: Sequence[str]) -> HostAnswers:
        try:
            argv = ("sh", "-s", "--", *words)
            done = self._access.connections[name].run(argv, stdin=script("survey.sh"), timeout_s=SCRIPT_S)
        except HostUnreachable:
            raise
        except BootstrapError as error:
            return HostAnswers(images_problem=error.message, names_problem=error.message, writes_problem=error.message)
        return parse(done.stdout.decode(errors="replace"), images)

    def _fsync(self, name: str) -> WriteTimes | None:
        request = Request("GET", "127.0.0.1", k.ETCD_METRICS_PORT, "/metrics")
        try:
            answer = self._access.connections[name].request(request)
        except (NoAnswer, RemoteError):  # it does not answer, or sshd does not forward: other findings say so
            return None
        return fsync_times(answer.body.decode(errors="replace")) if answer.status == 200 else None

    def _cluster_id(self, name: str) -> str:
        try:
            return self._access.etcd(name).cluster_id()
        except (NoAnswer, RemoteError):
            return ""

    @property
    def _masters(self) -> tuple[Host, ...]:
        return self._cluster.control_plane_hosts


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
