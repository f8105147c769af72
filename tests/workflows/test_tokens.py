"""token create, list, delete and join-command as typed, on model hosts."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bootstrap import cli, ssh, token_commands, tokens
from bootstrap.access import Access
from bootstrap.files import Secret
from bootstrap.testing import FakeFleet
from bootstrap.tokens import BootstrapToken, Token
from tests.workflows.support import ADDRESSES, TIME, a_cluster, a_living_fleet
from tests.workflows.test_output import VALIDATOR

GROUP = "system:bootstrappers:kubeadm:default-node-token"
SECRETS = "/api/v1/secrets/kube-system/"
OWN = "abcdef.0123456789abcdef"
VALUE = Secret(b"0123456789abcdef")


@dataclass
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


class Demo:
    """Three model masters that are up, and the command line. fleet: tests do with it what they like."""

    def __init__(self, fleet: FakeFleet, directory: Path) -> None:
        self.fleet = TIME.fleet = fleet
        self.path = directory / "demo.yaml"
        self.describe()

    def describe(self, more: str = "") -> None:
        """Write the inventory. more: lines of its spec."""
        hosts = "".join(f"  - {{name: {n}, role: control-plane, address: {a}}}\n" for n, a in ADDRESSES.items())
        self.path.write_text(
            "apiVersion: bootstrap/v1alpha1\nkind: Cluster\nmetadata: {name: demo}\n"
            f"spec:\n  kubernetesVersion: v1.36.3\n  hosts:\n{hosts}{more}"
        )

    def run(self, *words: str, stdin: str = "") -> Said:
        done = CliRunner().invoke(cli.main, words, input=stdin, prog_name="bootstrap")
        if "json" in words:
            for line in done.stdout.splitlines():
                VALIDATOR.validate(json.loads(line))
        return Said(done.exit_code, done.stdout, done.stderr)

    def good(self, *words: str, stdin: str = "") -> str:
        """Standard output of a command that must go well."""
        said = self.run(*words, stdin=stdin)
        assert said.code == 0, said
        return said.out

    def result(self, *words: str) -> dict[str, Any]:
        """The last line of a command with --output json."""
        found: dict[str, Any] = json.loads(self.run(*words, "--output", "json").out.splitlines()[-1])
        return found

    def tokens(self) -> dict[str, dict[str, str]]:
        """Data of the Secrets that are tokens, by name."""
        found = self.fleet.objects()
        return {
            name.removeprefix(SECRETS): {key: base64.b64decode(value).decode() for key, value in thing["data"].items()}
            for name, thing in found.items() if name.startswith(SECRETS) and thing["type"] == "bootstrap.kubernetes.io/token"
        }  # fmt: skip

    def put(self, token: BootstrapToken) -> None:
        """A token that somebody else made."""
        thing = tokens.secret_object(token)
        self.put_secret(thing)

    def put_secret(self, thing: dict[str, Any]) -> None:
        store = self.fleet.host("cp1").store()
        assert store is not None
        store.create(("/api/v1", "secrets", "kube-system", thing["metadata"]["name"]), thing, "")


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Demo]:
    monkeypatch.chdir(tmp_path)
    made = Demo(a_living_fleet(a_cluster(), tmp_path), tmp_path)
    monkeypatch.setattr(ssh, "connect", lambda cluster, host, **_: made.fleet.connect(host))
    yield made
    assert [name for name, host in made.fleet.hosts.items() if host.hold is not None and host.hold.is_held()] == []


def test_a_token_is_printed_alone_and_is_a_secret_as_kubeadm_makes_it(demo: Demo) -> None:
    printed = demo.good("token", "create", "demo.yaml", "--description", "für cp9")
    assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}\n", printed)
    token_id, secret = printed.strip().split(".")
    ((name, data),) = demo.tokens().items()
    expiration = data.pop("expiration")
    assert (name, data) == (
        f"bootstrap-token-{token_id}",
        {"token-id": token_id, "token-secret": secret, "description": "für cp9", "usage-bootstrap-signing": "true",
         "usage-bootstrap-authentication": "true", "auth-extra-groups": GROUP},
    )  # fmt: skip
    left = datetime.fromisoformat(expiration) - TIME.now()
    assert timedelta(hours=24, seconds=-10) < left <= timedelta(hours=24)
    assert demo.good("token", "create", "demo.yaml") != printed


def test_ttl_usages_and_groups_are_kept(demo: Demo) -> None:
    demo.good("token", "create", "demo.yaml", "--ttl", "0", "--usages", "authentication", "--groups", "system:bootstrappers:a",
              "--groups", "system:bootstrappers:b")  # fmt: skip
    (data,) = demo.tokens().values()
    assert {key: value for key, value in data.items() if not key.startswith("token-")} == {
        "usage-bootstrap-authentication": "true", "auth-extra-groups": "system:bootstrappers:a,system:bootstrappers:b",
    }  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [("--ttl", "1d"), ("--usages", "sign"), ("--groups", "system:masters"), ("--usages", "signing", "--groups", GROUP),
     ("--usages", "signing", "--print-join-command"), ("--groups", "system:bootstrappers:a", "--print-join-command")],
)  # fmt: skip
def test_a_token_that_cannot_be_is_a_mistake_of_the_command_line(demo: Demo, words: tuple[str, ...]) -> None:
    before = demo.fleet.count()
    said = demo.run("token", "create", "demo.yaml", *words)
    assert (said.code, said.out, demo.fleet.count() - before, demo.tokens()) == (2, "", 0, {})
    assert "hint: " in said.err


def test_a_dry_run_shows_the_object_masked_and_writes_nothing(demo: Demo) -> None:
    before = demo.fleet.count()
    out = demo.good("token", "create", "demo.yaml", "--dry-run", "-v", "--token-file", "-", stdin=OWN)
    assert "apply Secret kube-system/bootstrap-token-abcdef\n" in out
    assert "token-secret: '***'" in out
    assert "Plan of token create: 1 wait, 1 API object on 1 host." in out
    assert (demo.fleet.count() - before, demo.tokens()) == (0, {})
    assert demo.result("join-command", "demo.yaml", "--dry-run").items() >= {"changed": False, "dryRun": True}.items()
    assert demo.tokens() == {}


def test_a_token_of_ones_own_comes_from_a_file_or_standard_input(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{OWN}\n")
    assert demo.good("token", "create", "demo.yaml", "--token-file", "token") == f"{OWN}\n"
    assert demo.tokens()["bootstrap-token-abcdef"]["token-secret"] == "0123456789abcdef"
    other = "ghijkl.0123456789abcdef"
    assert demo.good("token", "create", "demo.yaml", "--token-file", "-", stdin=other) == f"{other}\n"
    assert {*demo.tokens()} == {"bootstrap-token-abcdef", "bootstrap-token-ghijkl"}


def test_a_token_that_is_there_is_never_overwritten(demo: Demo) -> None:
    demo.put(BootstrapToken(Token("abcdef", Secret(b"fedcba9876543210"))))
    before = demo.tokens()
    said = demo.run("token", "create", "demo.yaml", "--token-file", "-", stdin=OWN)
    assert (said.code, said.out, demo.tokens()) == (4, "", before)
    assert said.err == ("error: there is a token with the ID abcdef already\n"
                        "  hint: bootstrap token delete demo.yaml abcdef\n")  # fmt: skip


@pytest.mark.parametrize("words", [("token", "create"), ("join-command",)])
@pytest.mark.parametrize("output", ["text", "json"])
def test_a_token_on_the_command_line_is_refused_and_not_repeated(demo: Demo, words: tuple[str, ...], output: str) -> None:
    said = demo.run(*words, "demo.yaml", OWN, "--output", output)
    assert (said.code, demo.tokens()) == (2, {})
    assert "--token-file FILE" in said.out + said.err
    assert OWN.partition(".")[2] not in said.out + said.err


def test_what_is_no_token_is_not_repeated(demo: Demo) -> None:
    for words in (("token", "create"), ("join-command",)):
        said = demo.run(*words, "demo.yaml", "--token-file", "-", stdin="abcdef.0123456789ABCDEF")
        assert (said.code, "0123456789" in said.err) == (2, False)
    assert demo.run("token", "create", "demo.yaml", "--token-file", "nope").code == 2


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    "words", [("token", "create"), ("token", "create", "--print-join-command"), ("join-command",)], ids=" ".join
)
def test_the_result_is_the_only_place_where_a_new_token_is_seen(demo: Demo, words: tuple[str, ...], output: str) -> None:
    said = demo.run(*words, "demo.yaml", "-vvv", "--output", output)
    assert said.code == 0
    (data,) = demo.tokens().values()
    secret = data["token-secret"]
    last = said.out.splitlines()[-1]
    assert (said.out + said.err).count(secret) == last.count(secret) > 0
    assert base64.b64encode(secret.encode()).decode() not in said.out + said.err
    assert not any(secret in word for argv in demo.fleet.argvs() for word in argv)
    for other in (("token", "list"), ("verify",), ("status",), ("facts",)):
        later = demo.run(*other, "demo.yaml", "-vvv", "--output", output)
        assert secret not in later.out + later.err
    gone = demo.run("token", "delete", "demo.yaml", f"{data['token-id']}.{secret}", "-vvv", "--output", output)
    assert (gone.code, secret in gone.out + gone.err, demo.tokens()) == (0, False, {})


def test_tokens_are_listed_without_their_secrets(demo: Demo) -> None:
    assert demo.good("token", "list", "demo.yaml") == "demo has no bootstrap tokens\n"
    demo.put(BootstrapToken(Token("aaaaaa", VALUE), tokens.expiry("90m", TIME.now()), description="the door"))
    demo.put(BootstrapToken(Token("bbbbbb", VALUE), None, (), ()))
    demo.put_secret({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {},
                     "metadata": {"name": "bootstrap-token-cccccc", "namespace": "kube-system"}})  # fmt: skip
    head, *rows = (re.split("  +", line) for line in demo.good("token", "list", "demo.yaml").splitlines())
    expires = tokens.rfc3339(tokens.from_secret(secret_of(demo, "aaaaaa")).expires)
    assert head == ["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"]
    assert rows == [
        ["aaaaaa.***", "1h", expires, "authentication,signing", "the door", GROUP],
        ["bbbbbb.***", "<forever>", "<never>", "<none>", "<none>", "<none>"],
    ]
    assert "aaaaaa.0123456789abcdef" in demo.good("token", "list", "demo.yaml", "--show-secrets")
    assert demo.result("token", "list", "demo.yaml")["tokens"] == [
        {"id": "aaaaaa", "expires": expires, "usages": ["authentication", "signing"], "description": "the door",
         "groups": [GROUP]},
        {"id": "bbbbbb", "expires": None, "usages": [], "description": "", "groups": []},
    ]
    shown = demo.result("token", "list", "demo.yaml", "--show-secrets")["tokens"]
    assert [token["token"] for token in shown] == ["aaaaaa.0123456789abcdef", "bbbbbb.0123456789abcdef"]
    demo.put(BootstrapToken(Token("000000", VALUE), TIME.now() - timedelta(seconds=1)))
    assert re.split("  +", demo.good("token", "list", "demo.yaml").splitlines()[1])[:2] == ["000000.***", "<expired>"]


def secret_of(demo: Demo, token_id: str) -> dict[str, Any]:
    return demo.fleet.objects()[f"{SECRETS}bootstrap-token-{token_id}"]


def test_a_token_that_cannot_be_read_is_named_and_hides_no_other(demo: Demo) -> None:
    demo.put(BootstrapToken(Token("aaaaaa", VALUE)))
    demo.put_secret({**tokens.reference("bbbbbb"), "type": tokens.SECRET_TYPE, "data": {}})
    said = demo.run("token", "list", "demo.yaml")
    assert said.err == ("Secret bootstrap-token-bbbbbb is no token that works: "
                        "its token-id and token-secret make no token\n")  # fmt: skip
    assert [line.split()[0] for line in said.out.splitlines()] == ["TOKEN", "aaaaaa.***"]
    assert demo.good("token", "delete", "demo.yaml", "bbbbbb") == "deleted: bbbbbb\n"


def test_tokens_are_deleted_by_id(demo: Demo) -> None:
    for name in ("aaaaaa", "bbbbbb", "cccccc"):
        demo.put(BootstrapToken(Token(name, VALUE)))
    shown = demo.good("token", "delete", "demo.yaml", "aaaaaa", "bbbbbb", "--dry-run")
    assert "  delete Secret kube-system/bootstrap-token-aaaaaa\n  delete Secret kube-system/bootstrap-token-bbbbbb\n" in shown
    assert "2 API objects to delete" in shown
    assert len(demo.tokens()) == 3
    said = demo.run("token", "delete", "demo.yaml", "aaaaaa", "bbbbbb.0123456789abcdef")
    assert (said.code, said.out, [*demo.tokens()]) == (0, "deleted: aaaaaa, bbbbbb\n", ["bootstrap-token-cccccc"])
    assert "[delete-tokens] cp1: 2 API objects deleted" in said.err
    assert demo.result("token", "delete", "demo.yaml", "cccccc")["deleted"] == ["cccccc"]


def test_a_token_that_is_not_there_is_an_error_and_the_others_go_all_the_same(demo: Demo) -> None:
    demo.put(BootstrapToken(Token("aaaaaa", VALUE)))
    said = demo.run("token", "delete", "demo.yaml", "zzzzzz", "aaaaaa")
    assert (said.code, demo.tokens()) == (2, {})
    assert said.err.endswith("error: no token with the ID zzzzzz\n  deleted: aaaaaa\n  hint: bootstrap token list demo.yaml\n")


def test_what_names_no_token_is_refused_before_anything_is_deleted(demo: Demo) -> None:
    demo.put(BootstrapToken(Token("aaaaaa", VALUE)))
    said = demo.run("token", "delete", "demo.yaml", "aaaaaa", "bbbbbb.0123456789ABCDEF")
    assert (said.code, "0123456789" in said.err, len(demo.tokens())) == (2, False, 1)


def pin(demo: Demo) -> str:
    """The hash of the cluster's CA, by openssl."""
    authority = demo.fleet.host("cp1").text("/etc/kubernetes/pki/ca.crt")
    assert authority is not None
    script = "openssl x509 -noout -pubkey | openssl pkey -pubin -outform der"
    der = subprocess.run(["sh", "-c", script], input=authority.encode(), capture_output=True, check=True).stdout
    return f"sha256:{sha256(der).hexdigest()}"


def test_the_join_command_holds_a_new_token_for_a_day_and_the_hash_of_the_ca(demo: Demo) -> None:
    said = demo.run("join-command", "demo.yaml")
    (data,) = demo.tokens().values()
    token = f"{data['token-id']}.{data['token-secret']}"
    assert said.code == 0
    assert said.out == f"kubeadm join 192.0.2.11:6443 --token {token} --discovery-token-ca-cert-hash {pin(demo)}\n"
    assert said.err.endswith("without spec.controlPlaneEndpoint a node that joins this way depends on one API server: "
                             "192.0.2.11:6443\n")  # fmt: skip
    assert data["description"] == "bootstrap join-command"
    assert tokens.problem_to_join(tokens.from_secret(secret_of(demo, data["token-id"])), TIME.now()) == ""
    result = demo.result("join-command", "demo.yaml", "--ttl", "0")
    assert result["joinCommand"].split()[4] == result["token"]
    assert result["expires"] is None


def test_create_prints_the_same_command_when_it_is_asked_to(demo: Demo) -> None:
    said = demo.good("token", "create", "demo.yaml", "--token-file", "-", "--print-join-command", stdin=OWN)
    assert said == f"kubeadm join 192.0.2.11:6443 --token {OWN} --discovery-token-ca-cert-hash {pin(demo)}\n"
    assert demo.good("join-command", "demo.yaml", "--token-file", "-", stdin=OWN) == said


def test_a_token_that_is_there_needs_no_other_and_nothing_is_changed(demo: Demo) -> None:
    demo.put(BootstrapToken(Token("abcdef", VALUE)))
    before = demo.fleet.count()
    assert f"--token {OWN} " in demo.good("join-command", "demo.yaml", "--token-file", "-", stdin=OWN)
    assert (demo.fleet.count() - before, [*demo.tokens()]) == (0, ["bootstrap-token-abcdef"])


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        (None, "there is no token with the ID abcdef"),
        (BootstrapToken(Token("abcdef", Secret(b"fedcba9876543210"))), "it has another secret"),
        (BootstrapToken(Token("abcdef", VALUE), usages=("signing",)), "it lacks the usage authentication"),
        (BootstrapToken(Token("abcdef", VALUE), groups=()), f"it lacks the group {GROUP}"),
    ],
)
def test_a_token_that_nobody_can_join_with_makes_no_command(demo: Demo, token: BootstrapToken | None, problem: str) -> None:
    if token is not None:
        demo.put(token)
    said = demo.run("join-command", "demo.yaml", "--token-file", "-", stdin=OWN)
    assert (said.code, said.out, problem in said.err) == (2, "", True)
    assert "hint: a new one: bootstrap join-command demo.yaml" in said.err


def test_an_expired_token_makes_no_command(demo: Demo) -> None:
    demo.put(BootstrapToken(Token("abcdef", VALUE), tokens.expiry("30s", TIME.now())))
    assert demo.run("join-command", "demo.yaml", "--token-file", "-", stdin=OWN).code == 0
    demo.fleet.advance(30)
    said = demo.run("join-command", "demo.yaml", "--token-file", "-", stdin=OWN)
    assert (said.code, "it has expired at " in said.err) == (2, True)


def test_a_ttl_is_for_new_tokens_only(demo: Demo) -> None:
    assert demo.run("join-command", "demo.yaml", "--ttl", "1h", "--token-file", "-", stdin=OWN).code == 2


def test_the_endpoint_is_the_one_that_nodes_are_told(demo: Demo) -> None:
    demo.describe("  controlPlaneEndpoint: lb.example:6443\n")
    said = demo.run("join-command", "demo.yaml")
    assert said.out.startswith("kubeadm join 192.0.2.11:6443 ")
    assert "nodes are told to use 192.0.2.11:6443 (kube-public/cluster-info), not spec.controlPlaneEndpoint" in said.err
    change_cluster_info(demo, lambda text: text.replace("https://192.0.2.11:6443", "https://lb.example:6443"))
    said = demo.run("join-command", "demo.yaml")
    assert said.out.startswith("kubeadm join lb.example:6443 ")
    assert "controlPlaneEndpoint" not in said.err


def change_cluster_info(demo: Demo, change: Callable[[str], str]) -> None:
    store = demo.fleet.host("cp1").store()
    assert store is not None
    key = ("/api/v1", "configmaps", "kube-public", "cluster-info")
    store.merge(key, {"data": {"kubeconfig": change(store.get(key)["data"]["kubeconfig"])}}, "")


def test_without_cluster_info_no_token_is_made(demo: Demo) -> None:
    change_cluster_info(demo, lambda text: "")
    said = demo.run("join-command", "demo.yaml")
    assert (said.code, demo.tokens()) == (4, {})
    assert "the ConfigMap kube-public/cluster-info holds no kubeconfig" in said.err
    store = demo.fleet.host("cp1").store()
    assert store is not None
    store.delete(("/api/v1", "configmaps", "kube-public", "cluster-info"))
    said = demo.run("join-command", "demo.yaml")
    assert (said.code, demo.tokens(), "hint: bootstrap init demo.yaml" in said.err) == (4, {}, True)


@pytest.mark.parametrize(
    "words", [("join-command",), ("join-command", "--token-file", "-"), ("token", "create", "--print-join-command")], ids=" ".join
)
def test_where_nobody_reads_cluster_info_without_credentials_no_join_command_is_given(demo: Demo, words: tuple[str, ...]) -> None:
    demo.describe("  hardening: {anonymousRequests: health}\n")
    said = demo.run(*words, "demo.yaml", stdin=OWN)
    assert (said.code, said.out, demo.tokens()) == (4, "", {})
    assert "spec.hardening.anonymousRequests is health" in said.err
    assert "hint: spec.hardening.anonymousRequests: health-and-cluster-info" in said.err


def test_tokens_are_still_made_there_for_nodes_that_are_given_a_kubeconfig(demo: Demo) -> None:
    demo.describe("  hardening: {anonymousRequests: health}\n")
    assert demo.good("token", "create", "demo.yaml").count(".") == 1
    demo.describe("  hardening: {anonymousRequests: all}\n")
    assert demo.good("join-command", "demo.yaml").startswith("kubeadm join ")


def test_another_operator_at_work_is_in_the_way_of_changes_only(demo: Demo) -> None:
    demo.put(BootstrapToken(Token("abcdef", VALUE)))
    connection = demo.fleet.connect("cp2")
    hold = connection.hold("bob@desk (pid 1, run aaaaaa): bootstrap init of cluster demo")
    for words in (("token", "create", "demo.yaml"), ("token", "delete", "demo.yaml", "abcdef"), ("join-command", "demo.yaml")):
        said = demo.run(*words)
        assert (said.code, "another operator is at work: bob@desk" in said.err) == (4, True)
    assert [*demo.tokens()] == ["bootstrap-token-abcdef"]
    assert demo.run("token", "list", "demo.yaml").code == 0
    assert demo.run("join-command", "demo.yaml", "--token-file", "-", stdin=OWN).code == 0
    hold.release()


def test_a_master_that_is_away_is_no_reason_to_make_no_token_but_a_lost_majority_is(demo: Demo) -> None:
    demo.fleet.host("cp1").reachable = False
    said = demo.run("join-command", "demo.yaml")
    assert (said.code, len(demo.tokens()), "going on without cp1" in said.err) == (0, 1, True)
    demo.fleet.host("cp2").reachable = False
    assert demo.run("token", "create", "demo.yaml").code == 4
    assert len(demo.tokens()) == 1
    assert demo.run("token", "list", "demo.yaml").code == 0


def test_without_an_api_nothing_is_written_and_status_is_the_next_command(demo: Demo) -> None:
    for host in demo.fleet.hosts.values():
        host.crashes["kube-apiserver"] = ["no"]
    demo.fleet.advance(5)
    for words in (("token", "create", "demo.yaml"), ("token", "list", "demo.yaml"), ("token", "delete", "demo.yaml", "abcdef")):
        said = demo.run(*words)
        assert (said.code, said.out) == (4, "")
        assert "error: the API does not answer\n" in said.err
        assert said.err.endswith("hint: bootstrap status demo.yaml\n")


@pytest.mark.parametrize(
    ("away", "said"),
    [
        ((), "error: demo has no control plane yet; nothing was written\n  hint: bootstrap init demo.yaml\n"),
        (("cp3",), "error: no API server of demo answers, and nothing of a control plane is on cp1, cp2\n  not reached: cp3\n"),
    ],
)
def test_before_init_there_is_no_api_to_look_for(demo: Demo, away: tuple[str, ...], said: str) -> None:
    demo.fleet = TIME.fleet = FakeFleet.of(a_cluster())
    for name in away:
        demo.fleet.host(name).power_off()
    for words in (
        ("token", "create", "demo.yaml"), ("token", "list", "demo.yaml"), ("token", "delete", "demo.yaml", "abcdef"),
        ("join-command", "demo.yaml"),
    ):  # fmt: skip
        heard = demo.run(*words)
        assert (heard.code, said in heard.err) == (4, True), heard.err


def test_a_new_token_is_printed_when_nodes_can_join_with_it(demo: Demo) -> None:
    said = demo.run("token", "create", "demo.yaml", "--token-file", "-", "-v", stdin=OWN)
    assert (said.code, said.out) == (0, f"{OWN}\n")
    assert "[create-token] cp1: cluster-info signed for token abcdef" in said.err
    assert "jws-kubeconfig-abcdef" in demo.fleet.objects()["/api/v1/configmaps/kube-public/cluster-info"]["data"]
    assert "signed for" not in demo.run("join-command", "demo.yaml", "--token-file", "-", stdin=OWN).err
    demo.good("token", "create", "demo.yaml", "--usages", "authentication")


def test_where_no_controller_signs_the_token_is_printed_with_a_warning(demo: Demo) -> None:
    for host in demo.fleet.hosts.values():
        host.crashes["kube-controller-manager"] = ["no"]
    demo.fleet.advance(5)
    said = demo.run("join-command", "demo.yaml")
    (data,) = demo.tokens().values()
    note = f"waited 20 s in vain for cluster-info signed for token {data['token-id']}; last answer: "
    assert (said.code, said.out.startswith("kubeadm join "), note in said.err) == (0, True, True), said.err
    assert "; going on without" in said.err
    token = f"{data['token-id']}.{data['token-secret']}"
    said = demo.run("join-command", "demo.yaml", "--token-file", "-", stdin=token)
    assert f"a node that joins will wait for cluster-info signed for token {data['token-id']}: not signed" in said.err
    assert token in said.out
    assert demo.good("token", "create", "demo.yaml", "--usages", "authentication").count(".") == 1


def test_a_connection_that_breaks_while_a_token_is_made_leaves_one_token(demo: Demo) -> None:
    demo.fleet.cut("cp1", 1, after=True)
    printed = demo.good("token", "create", "demo.yaml").strip()
    ((_, data),) = demo.tokens().items()
    assert printed == f"{data['token-id']}.{data['token-secret']}"


@pytest.mark.parametrize(
    ("words", "offered"),
    [("bootstrap tok", ["token"]), ("bootstrap token ", ["create", "delete", "list"]), ("bootstrap join", ["join-command"]),
     ("bootstrap token create demo.yaml --tt", ["--ttl"]), ("bootstrap join-command demo.yaml --tok", ["--token-file"])],
)  # fmt: skip
def test_the_shell_completes_them(words: str, offered: list[str]) -> None:
    environment = {"_BOOTSTRAP_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = CliRunner().invoke(cli.main, [], env=environment, prog_name="bootstrap")
    assert [line.split(",")[1] for line in done.stdout.splitlines()] == offered


def test_the_commands_know_the_secrets_by_the_path_that_discovery_gives(demo: Demo) -> None:
    """Who looks asks without discovery; who changes asks with it."""
    access = Access(a_cluster(), {"cp1": demo.fleet.connect("cp1")})
    assert access.any_api().path(tokens.reference("abcdef")) == token_commands._path("abcdef")
