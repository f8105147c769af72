"""Plans as text and as JSON: nothing hidden, nothing secret, nothing said twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from bootstrap.changes import Run, SaveLocal, WriteFile
from bootstrap.files import Link, Observed, Secret
from bootstrap.plan import Plan
from tests.unit.console_samples import Made, api, every_kind, everywhere, plan, step, wait, write

MANIFEST = "/etc/kubernetes/manifests/etcd.yaml"


def text_of(the_plan: Plan, verbosity: int = 0) -> str:
    captured = Made()("text", verbosity)
    captured.console.plan(the_plan)
    assert captured.err == ""
    return captured.out


def object_of(the_plan: Plan) -> Any:
    captured = Made()("json")
    captured.console.plan(the_plan)
    (line,) = captured.out.splitlines()
    return json.loads(line)


def test_every_kind_of_change_is_shown() -> None:
    assert text_of(every_kind()) == """\
[files] Title of files (together)
  create /etc/kubernetes/manifests/ on cp1, cp2, cp3 (0700, root:root)
  change /etc/kubernetes/manifests/etcd.yaml on cp1, cp2, cp3 (0600, root:root, 10 bytes)
    @@ -1,2 +1,2 @@
     a: 1
    -b: 3
    +b: 2
  set mode of /etc/kubernetes/pki/ca.crt on cp1, cp2, cp3 (0644, root:root)
  remove /var/lib/etcd/member on cp1, cp2, cp3 (and everything below)
  move /var/lib/etcd to /var/lib/etcd.old on cp1, cp2, cp3
  run on cp1, cp2, cp3: systemctl restart kubelet.service (started the kubelet)
  wait on cp1, cp2, cp3: etcd healthy (at most 240 s)

[api] Title of api (once per cluster)
  apply ConfigMap kube-system/kubeadm-config
  delete Secret kube-system/old
  taint node cp1 (node-role.kubernetes.io/control-plane:NoSchedule)
  add etcd learner cp4 (at https://192.0.2.14:2380, beside cp1, ID noted in /etc/kubernetes/etcd-join.json)
  promote etcd learner cp4 to a voter (at most 60 s)
  move etcd's leadership away from cp9
  remove etcd member cp9
  remove node cp9
  save demo.kubeconfig on this machine (0600, content *** (1 bytes, sha256 2d711642b726))

Plan of init: 9 files, 3 removals, 3 moves, 3 commands, 3 waits, 1 API object, 1 API object to delete, 1 tainted node, \
1 etcd learner to add, 1 etcd learner to promote, 1 move of etcd's leadership, 1 etcd member to remove, 1 node to remove, \
1 local file on 3 hosts.
"""


def test_objects_are_written_out_with_v() -> None:
    out = text_of(every_kind(), 1)
    assert "    kind: ConfigMap\n" in out
    assert "      ClusterConfiguration: |" in out


def test_json_has_the_same_changes_with_their_parts() -> None:
    found = object_of(every_kind())
    assert (found["kind"], found["workflow"], found["empty"]) == ("plan", "init", False)
    files = found["phases"][0]["changes"]
    assert [change["action"] for change in files] == ["create", "change", "set mode", "remove", "move", "run", "wait"]
    assert all(change["hosts"] == ["cp1", "cp2", "cp3"] for change in files)
    assert files[1]["diff"] == ["@@ -1,2 +1,2 @@", " a: 1", "-b: 3", "+b: 2"]
    assert files[5]["argv"] == ["systemctl", "restart", "kubelet.service"]
    assert files[6]["timeoutSeconds"] == 240
    assert found["phases"][1]["changes"][0]["object"]["kind"] == "ConfigMap"
    assert found["counts"]["API object"] == 1


def test_equal_changes_are_shown_once_and_others_beside_them() -> None:
    files = {
        "cp1": (write("/a", b"one\n"), write("/b", b"x\n"), wait()),
        "cp2": (write("/a", b"two\n"), write("/b", b"x\n"), wait()),
        "cp3": (write("/a", b"one\n"), write("/only", b"3\n"), wait()),
    }
    changes = object_of(plan(step("files", files)))["phases"][0]["changes"]
    assert [(change["subject"], change["hosts"]) for change in changes] == [
        ("/a", ["cp1", "cp3"]),
        ("/only", ["cp3"]),
        ("/a", ["cp2"]),
        ("/b", ["cp1", "cp2"]),
        ("etcd healthy", ["cp1", "cp2", "cp3"]),
    ]


def test_equal_writes_over_different_files_are_not_one() -> None:
    files = {"cp1": (write("/a", b"new\n", b"old\n"),), "cp2": (write("/a", b"new\n", b"older\n"),)}
    changes = object_of(plan(step("files", files)))["phases"][0]["changes"]
    assert [change["diff"][1] for change in changes] == ["-old", "-older"]


def test_a_command_that_runs_twice_on_a_host_is_shown_twice() -> None:
    run = Run(("true",), "nothing")
    assert text_of(plan(step("x", everywhere(run, run)))).count("  run on cp1, cp2, cp3: true (nothing)\n") == 2


def test_each_host_keeps_its_own_order() -> None:
    reload, restart = Run(("reload",), "r"), Run(("restart",), "s")
    changes = object_of(plan(step("x", {"cp1": (reload, restart), "cp2": (restart, reload)})))["phases"][0]["changes"]
    order = [change["subject"] for change in changes if "cp2" in change["hosts"]]
    assert order == ["restart", "reload"]


def test_new_files_that_differ_a_little_are_shown_by_their_difference() -> None:
    common = [f"line {number}" for number in range(20)]
    files = {host: (write(MANIFEST, "\n".join([*common, f"name: {host}", ""]).encode()),) for host in ("cp1", "cp2")}
    out = text_of(plan(step("etcd", files)))
    assert out.count("+line 7\n") == 1
    assert f"  create {MANIFEST} on cp2 (0600, root:root, 160 bytes), as on cp1 but for:\n    @@ -21 +21 @@\n" in out
    assert "    -name: cp1\n    +name: cp2\n" in out


def test_a_new_file_is_shown_in_full() -> None:
    out = text_of(plan(step("etcd", {"cp1": (write(MANIFEST, b"a: 1\n\nb: 2"),)})))
    assert "    +a: 1\n    +\n    +b: 2\n    +\\ no newline at the end\n" in out


def test_control_characters_of_a_file_are_visible() -> None:
    out = text_of(plan(step("x", {"cp1": (write("/a", b"red \x1b[31m\r\n\tx\n"),)})))
    assert "    +red \\x1b[31m\\r\n    +\tx\n" in out


def test_binary_content_is_named_by_its_hash() -> None:
    change = write("/a", b"\xff\x00\x01")
    assert f"binary, sha256 {change.entry.sha256}" in text_of(plan(step("x", {"cp1": (change,)})))  # type: ignore[union-attr]


def test_a_changed_mode_and_owner_say_what_was_there() -> None:
    entry = write("/a", b"x\n").entry
    before = Observed(entry.path, "file", 0o644, "etcd", "etcd", 2, entry.sha256)  # type: ignore[union-attr]
    out = text_of(plan(step("x", {"cp1": (WriteFile(entry, before),)})))
    assert "  change /a on cp1 (mode 0644 -> 0600, owner etcd:etcd -> root:root, content stays)\n" in out


def test_a_link_in_place_of_a_file_says_so() -> None:
    link = Link(PurePosixPath("/a"), "b")
    before = Observed(link.path, "file", 0o644, "root", "root")
    assert "  change /a on cp1 (a file is there now, -> b)\n" in text_of(plan(step("x", {"cp1": (WriteFile(link, before),)})))


def test_content_that_was_not_read_is_named() -> None:
    entry = write("/a", b"x\n").entry
    before = Observed(entry.path, "file", 0o600, "root", "root", 9, "c0ffee" * 10)
    out = text_of(plan(step("x", {"cp1": (WriteFile(entry, before),)})))
    assert "the content there was not read: 9 bytes, sha256 c0ffeec0ffee" in out


def test_an_empty_plan_says_that_there_is_nothing_to_do() -> None:
    empty = plan(step("wait", everywhere(wait())))
    assert text_of(empty) == "Nothing to do: init finds everything in place.\n"
    assert "wait on cp1, cp2, cp3: etcd healthy" in text_of(empty, 1)
    assert object_of(empty)["empty"] is True


def test_certificates_are_told_not_spelled() -> None:
    out = text_of(plan(step("certs", {"cp1": (write("/etc/kubernetes/pki/apiserver.crt", certificate("cp1")),)})))
    assert "    +  subject: CN=cp1\n" in out
    assert "    +  valid: 2026-01-01 00:00:00 to 2026-12-31 00:00:00 UTC\n" in out
    assert "    +  names: cp1, 192.0.2.11\n" in out
    assert "BEGIN CERTIFICATE" not in out


def test_a_renewed_certificate_is_a_difference_of_what_it_says() -> None:
    change = write("/a.crt", certificate("cp1"), certificate("cp0"))
    out = text_of(plan(step("certs", {"cp1": (change,)})))
    assert "    -  subject: CN=cp0\n" in out
    assert "    +  subject: CN=cp1\n" in out


def test_fifty_hosts_are_shown_in_reasonable_time() -> None:
    files = {
        f"cp{number}": tuple(write(f"/f{i}", Secret(f"{number} {i}".encode() if i % 2 else b"same")) for i in range(20))
        for number in range(50)
    }
    assert len(object_of(plan(step("certs", files)))["phases"][0]["changes"]) == 10 + 10 * 50


@pytest.mark.parametrize("color", ["always", "never"])
def test_differences_have_colours_only_when_wanted(color: str) -> None:
    captured = Made()("text", color=color)
    captured.console.plan(every_kind())
    assert ("\x1b[32m    +b: 2\x1b[0m" in captured.out) is (color == "always")


def test_objects_of_the_api_have_no_host() -> None:
    found = object_of(plan(step("x", {"cp1": (api("Role", "a"), SaveLocal(Path("k"), Secret(b"1")))})))
    assert [change["hosts"] for change in found["phases"][0]["changes"]] == [[], []]


def certificate(name: str) -> bytes:
    """A self-signed certificate with a name and an address."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    key, begin = ec.generate_private_key(ec.SECP256R1()), datetime(2026, 1, 1, tzinfo=UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("192.0.2.11"))])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, begin, begin + timedelta(days=364))
    return builder.add_extension(names, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
