"""A secret is in no output, in no form, however much is asked for."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from bootstrap.changes import Run, SaveLocal, WriteFile
from bootstrap.errors import BootstrapError, RemoteError
from bootstrap.events import Kind
from bootstrap.files import Secret
from bootstrap.plan import Plan
from tests.unit.console_samples import CANARY, Captured, Made, api, event, observed, plan, step, write

BYTES = CANARY.encode()
ENCODED = base64.b64encode(BYTES).decode()
PEM = f"-----BEGIN EC PRIVATE KEY-----\n{CANARY}\n-----END EC PRIVATE KEY-----\n"
KUBECONFIG = f"apiVersion: v1\nkind: Config\nusers:\n- user:\n    client-key-data: {CANARY}\n"
ENCRYPTION = f"kind: EncryptionConfiguration\nresources:\n- providers:\n  - secretbox: {{keys: [{{secret: {CANARY}}}]}}\n"
EVERY_MODE = [(output, verbosity) for output in ("text", "json") for verbosity in (-1, 0, 1, 2, 3)]

modes = pytest.mark.parametrize(("output", "verbosity"), EVERY_MODE)


def secretive_plan() -> Plan:
    key = "/etc/kubernetes/pki/ca.key"
    secret_before = write(key, Secret(b"new")).entry
    return plan(
        step(
            "secrets",
            {
                "cp1": (
                    write(key, Secret(BYTES)),
                    write("/etc/kubernetes/admin.conf", Secret(KUBECONFIG.encode())),
                    WriteFile(secret_before, observed(key, BYTES)),
                    # What nobody marked as a secret but is one all the same:
                    write("/etc/kubernetes/pki/unmarked.key", BYTES),
                    write("/a.pem", PEM.encode()),
                    write("/b.pem", b"public now\n", PEM.encode()),
                    write("/c.conf", KUBECONFIG.encode()),
                    write("/d.yaml", ENCRYPTION.encode()),
                    write("/e.env", f"HTTPS_PROXY=http://user:{CANARY}@proxy:3128\n".encode()),
                    Run(("tool", f"https://user:{CANARY}@example.org/"), "ran a tool", stdin=BYTES),
                    api("Secret", "token", data={"token": ENCODED}, stringData={"token": CANARY}),
                    api("List", "all", items=[{"kind": "Secret", "data": {"token": ENCODED}}]),
                    api("ConfigMap", "careless", data={"key": PEM, "conf": KUBECONFIG}),
                    SaveLocal(Path("demo.kubeconfig"), Secret(BYTES), Secret(KUBECONFIG.encode())),
                )
            },
        )
    )


def none_of_it(captured: Captured) -> None:
    everything = captured.out + captured.err
    assert CANARY not in everything
    assert ENCODED not in everything


@modes
def test_a_plan_shows_no_secret(output: str, verbosity: int) -> None:
    captured = Made()(output, verbosity)
    captured.console.plan(secretive_plan())
    none_of_it(captured)
    assert "***" in captured.out


@modes
def test_events_and_errors_show_no_key_that_a_log_let_slip(output: str, verbosity: int) -> None:
    captured = Made()(output, verbosity)
    url = f"https://user:{CANARY}@proxy/"
    captured.console.event(event(Kind.NOTE, 0, message=f"going through {url}", secret=Secret(BYTES), content=BYTES))
    captured.console.event(event(Kind.WAITING, 20, "cp1", "etcd", answer=f"bad proxy {url}"))
    captured.console.event(event(Kind.FAILED, 21, "cp1", "etcd", evidence=PEM.splitlines()))
    captured.console.error(RemoteError(f"cannot fetch {url}", evidence=PEM.splitlines(), hint=f"curl {url}"))
    captured.console.error(BootstrapError("x", evidence=[KUBECONFIG]))
    captured.console.note(url)
    none_of_it(captured)


@modes
def test_a_traceback_shows_no_secret(output: str, verbosity: int) -> None:
    captured = Made()(output, verbosity)
    secret = Secret(BYTES)
    try:
        raise ValueError(f"cannot use {secret} {secret!r}")
    except ValueError as error:
        captured.console.bug(error)
    none_of_it(captured)


def test_different_secrets_are_told_apart() -> None:
    captured = Made()()
    captured.console.plan(plan(step("x", {"cp1": (write("/a", Secret(b"one")),), "cp2": (write("/a", Secret(b"two")),)})))
    assert "  create /a on cp1 (0600, root:root, content *** (3 bytes, sha256 7692c3ad3540))\n" in captured.out
    assert "  create /a on cp2 (0600, root:root, content *** (3 bytes, sha256 3fc4ccfe7458))\n" in captured.out


def test_secrets_of_the_api_have_neither_size_nor_hash() -> None:
    captured = Made()("text", 1)
    captured.console.plan(plan(step("x", {"cp1": (api("Secret", "s", data={"password": "aHVudGVyMg=="}),)})))
    assert "      password: '***'\n" in captured.out


def test_a_result_is_not_masked() -> None:
    captured = Made()("text")
    captured.console.lines(KUBECONFIG)
    assert captured.out == KUBECONFIG
