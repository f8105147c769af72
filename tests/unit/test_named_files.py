"""Certificate authorities of the user's own are judged before any host is asked; so are files of a size that nobody means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap import applyset, documents, manifests, named_files, objects
from bootstrap.cluster import Cluster
from bootstrap.errors import InventoryError
from tests.unit.pki_samples import NOW, a_cluster, new_authorities

AUTHORITIES = new_authorities()


def named(directory: Path) -> Cluster:
    return a_cluster(certificate_authorities=directory)


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    """A directory with three sound authorities and their keys."""
    for authority, name in zip(AUTHORITIES.all, ("ca", "front-proxy-ca", "etcd/ca"), strict=True):
        path = tmp_path / f"{name}.crt"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(authority.certificate)
        assert authority.key is not None
        path.with_suffix(".key").write_bytes(authority.key.reveal())
    return tmp_path


def test_sound_authorities_are_accepted(pki: Path) -> None:
    named_files.check(named(pki), NOW)
    (pki / "ca.key").unlink()
    named_files.check(named(pki), NOW)


@pytest.mark.parametrize(
    ("spoil", "file", "says"),
    [
        (lambda pki: (pki / "etcd/ca.key").write_bytes((pki / "ca.key").read_bytes()), "etcd/ca.crt", "not belong to the key"),
        (lambda pki: (pki / "ca.crt").write_bytes((pki / "ca.crt").read_bytes() * 2), "ca.crt", "holds 2 certificates"),
        (lambda pki: (pki / "ca.crt").write_bytes((pki / "ca.crt").read_bytes()[:-40]), "ca.crt", "no certificate that can be"),
        (lambda pki: (pki / "ca.key").write_bytes(b""), "ca.crt", "has a key file that"),
        (lambda pki: (pki / "ca.crt").unlink(), "ca.key", "is a key without its certificate ca.crt"),
        (lambda pki: ((pki / "ca.crt").unlink(), (pki / "ca.crt").mkdir()), "ca.crt", "no regular file"),
        (lambda pki: (pki / "ca.crt").write_bytes(b"x" * (2 << 20)), "ca.crt", "larger than 1 MiB"),
    ],
)
def test_an_authority_that_cannot_be_used_is_named(pki: Path, spoil: Callable[[Path], object], file: str, says: str) -> None:
    spoil(pki)
    (problem,) = named_files.problems(named(pki), NOW)
    assert problem.file == str(pki / file)
    assert says in problem.message
    assert problem.hint


def test_authorities_that_have_expired_are_all_named(pki: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        named_files.check(named(pki), NOW + timedelta(days=4000))
    assert [problem.message[:7] for problem in caught.value.problems] == ["expired"] * 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: " + b"[" * 200_000, "nested deeper"),
        (b"x" * (documents.MAX_BYTES + 1), "larger than 16 MiB"),
        (b"a: \xe9", "not UTF-8"),
        (b"a: \x00", "not allowed"),
        (b"&a [*a]", "stands in itself"),
        (b"a: !!timestamp x", "!!timestamp is not allowed"),
    ],
)  # fmt: skip
def test_a_manifest_that_would_never_end_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(content)
    with pytest.raises(InventoryError) as caught:
        manifests.load(path)
    (problem,) = caught.value.problems
    assert says in problem.message
    assert str(problem).isprintable()


def test_a_manifest_may_be_a_link_and_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_bytes(b"\xef\xbb\xbfapiVersion: v1\nkind: Namespace\nmetadata: {name: 2024-01-01}\n")
    (tmp_path / "m.yaml").symlink_to("real.yaml")
    assert manifests.load(tmp_path / "m.yaml")[0]["metadata"] == {"name": "2024-01-01"}


DAEMON_SET: dict[str, Any] = {
    "apiVersion": "apps/v1", "kind": "DaemonSet",
    "metadata": {"name": "net", "namespace": "kube-system", "labels": {"app": "net"}, "annotations": {"seen": "yes"}},
    "spec": {"selector": {"matchLabels": {"app": "net"}}, "template": {"metadata": {}, "spec": {"hostNetwork": True}}},
}  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a value."""
    for key, item in value.items() if isinstance(value, dict) else ():
        yield (*at, key)
        yield from places(item, (*at, key))


def replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    return new if not at else {**value, at[0]: replaced(value[at[0]], at[1:], new)}


def load(directory: Path, thing: Any) -> tuple[dict[str, Any], ...]:
    path = directory / "m.yaml"
    path.write_text(yaml.safe_dump(thing))
    return manifests.load(path)


@pytest.mark.parametrize(
    ("at", "value", "says"),
    [
        (("metadata",), None, 'metadata.name of this "DaemonSet" is missing'),
        (("metadata", "name"), "", 'metadata.name of this "DaemonSet" is missing'),
        (("metadata", "name"), "x/status", 'metadata.name of this "DaemonSet" is "x/status"'),
        (("metadata", "name"), "..", 'metadata.name of this "DaemonSet" is ".."'),
        (("metadata", "namespace"), 7, 'metadata.namespace of this "DaemonSet" is no string'),
        (("metadata", "namespace"), "team/a", 'metadata.namespace of this "DaemonSet" is "team/a"'),
        (("metadata", "namespace"), "..", 'metadata.namespace of this "DaemonSet" is ".."'),
        (("apiVersion",), "apps/v1\u00a0", 'apiVersion is "apps/v1'),
        (("apiVersion",), "apps /v1", 'apiVersion is "apps /v1"'),
        (("apiVersion",), "a/b/v1", 'apiVersion is "a/b/v1"'),
        (("metadata", "namespace"), ["a"], 'metadata.namespace of this "DaemonSet" is no string'),
        (("metadata", "labels"), ["a"], 'metadata.labels of this "DaemonSet" are no mapping of strings'),
        (("metadata", "labels", "app"), True, 'metadata.labels of this "DaemonSet" are no mapping of strings'),
        (("metadata", "annotations"), "x", 'metadata.annotations of this "DaemonSet" are no mapping of strings'),
        (("spec",), None, 'spec.template.spec of this "DaemonSet" is missing'),
        (("spec", "template"), [], 'spec.template.spec of this "DaemonSet" is missing'),
        (("spec", "template", "spec"), "x", 'spec.template.spec of this "DaemonSet" is missing'),
    ],
)  # fmt: skip
def test_an_object_that_cannot_be_applied_is_named(tmp_path: Path, at: tuple[str, ...], value: Any, says: str) -> None:
    assert load(tmp_path, DAEMON_SET) == (DAEMON_SET,)
    with pytest.raises(InventoryError) as caught:
        load(tmp_path, replaced(DAEMON_SET, at, value))
    (problem,) = caught.value.problems
    assert problem.message.startswith(says)
    assert problem.line == 1
    assert problem.hint


@pytest.mark.parametrize("value", [None, "x", "", 7, [], {}, [None], [{}], {"a": None}], ids=repr)
def test_whatever_stands_anywhere_in_an_object_is_judged_or_handled(tmp_path: Path, value: Any) -> None:
    accepted = 0
    for at in places(DAEMON_SET):
        try:
            (thing,) = load(tmp_path, replaced(DAEMON_SET, at, value))
        except InventoryError:
            continue
        accepted += 1
        member = applyset.member(thing)
        assert objects.ref(thing).endswith(thing["metadata"]["name"])
        assert objects.wave(member) == 2 or "kind" in at
        assert applyset.parent([member])["metadata"]["name"] == applyset.NAME
        assert isinstance(objects.pod_spec(thing), dict)
    assert accepted
