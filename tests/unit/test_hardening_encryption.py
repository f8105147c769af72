"""The encryption key: what exists wins, a new one only for a new cluster."""

import base64
import hashlib
from pathlib import PurePosixPath

import pytest
import yaml

from bootstrap.errors import PersonNeeded, Refused
from bootstrap.files import Observed
from bootstrap.hardening import encryption
from bootstrap.hardening.encryption import Held

DIRECTORY = PurePosixPath("/etc/kubernetes/kube-apiserver")


def a_file(content: str = "a") -> tuple[PurePosixPath, str]:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return DIRECTORY / f"encryption-{digest[:12]}.yaml", digest


A, B = dict([a_file("a")]), dict([a_file("b")])
NAME_A, NAME_B = str(next(iter(A))), str(next(iter(B)))


def test_secrets_are_encrypted_first_and_plain_ones_stay_readable() -> None:
    key = bytes(range(32))
    secret = encryption.configuration(key)
    assert repr(secret) == "***"
    value = yaml.safe_load(secret.reveal())
    (resource,) = value["resources"]
    assert resource["resources"] == ["secrets"]
    assert [next(iter(provider)) for provider in resource["providers"]] == ["secretbox", "identity"]
    (one,) = resource["providers"][0]["secretbox"]["keys"]
    assert base64.b64decode(one["secret"]) == key


def test_a_new_cluster_may_have_a_new_key() -> None:
    assert encryption.found({"cp1": Held(), "cp2": Held()}, []) is None


@pytest.mark.parametrize("named", ["", NAME_A])
def test_the_one_that_exists_wins(named: str) -> None:
    hosts = {"cp1": Held(), "cp2": Held(A, named), "cp3": Held(A)}
    found = encryption.found(hosts, ["cp1", "cp2", "cp3"])
    assert found == encryption.Found(PurePosixPath(NAME_A), ("cp2", "cp3"))


def test_with_etcd_data_and_no_key_only_a_person_can_help() -> None:
    with pytest.raises(PersonNeeded, match="etcd data is on cp2") as caught:
        encryption.found({"cp1": Held(), "cp2": Held()}, ["cp2"])
    assert "bring the file back" in caught.value.hint
    assert "encryptionAtRest: none" in caught.value.hint


@pytest.mark.parametrize("hosts", [{"cp1": Held(A), "cp2": Held(B)}, {"cp1": Held(A, NAME_A), "cp2": Held(A | B, NAME_B)}])
def test_different_keys_are_refused(hosts: dict[str, Held]) -> None:
    with pytest.raises(Refused, match="different encryption configurations") as caught:
        encryption.found(hosts, [])
    assert [line.partition(":")[0] for line in caught.value.evidence] == ["cp1", "cp2"]


def test_what_manifests_name_counts_more_than_what_lies_about() -> None:
    hosts = {"cp1": Held(A | B, NAME_A), "cp2": Held(B)}
    assert encryption.found(hosts, ["cp1"]) == encryption.Found(PurePosixPath(NAME_A), ("cp1",))


def test_a_changed_file_is_not_taken_for_the_one_it_was() -> None:
    changed = {PurePosixPath(NAME_A): "0" * 64}
    assert encryption.found({"cp1": Held(changed), "cp2": Held(A)}, []) == encryption.Found(PurePosixPath(NAME_A), ("cp2",))
    with pytest.raises(PersonNeeded, match="as it was written") as caught:
        encryption.found({"cp1": Held(changed, NAME_A), "cp2": Held()}, ["cp1"])
    assert caught.value.evidence == ("cp1: changed", "cp2: missing")


def test_a_file_of_somebody_elses_is_for_the_inventory_to_name() -> None:
    with pytest.raises(PersonNeeded, match="which the inventory does not know"):
        encryption.found({"cp1": Held({}, "/etc/kubernetes/enc/enc.yaml")}, ["cp1"])


def test_encryption_is_not_switched_off_under_secrets() -> None:
    for hosts in ({"cp1": Held(A)}, {"cp1": Held({}, "/etc/other.yaml")}):
        with pytest.raises(PersonNeeded, match="encrypted"):
            encryption.refuse_to_forget(hosts, ["cp1"])
    encryption.refuse_to_forget({"cp1": Held()}, ["cp1"])
    encryption.refuse_to_forget({"cp1": Held(A)}, [])


def test_only_files_of_ours_are_held() -> None:
    path, digest = a_file()
    observed = {
        path: Observed(path, "file", 0o600, "root", "root", sha256=digest),
        DIRECTORY / "encryption-x.yaml": Observed(DIRECTORY / "encryption-x.yaml", "file", 0o600, "root", "root", sha256="1"),
        path.with_name("audit-policy-0123456789ab.yaml"): Observed(path, "file", 0o600, "root", "root", sha256="2"),
        PurePosixPath("/etc") / path.name: Observed(path, "file", 0o600, "root", "root", sha256="3"),
    }
    assert encryption.held(observed, {"encryption-provider-config": "/x"}) == Held({path: digest}, "/x")
