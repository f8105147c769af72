"""Kubeconfigs: what they say, which are kept, and why others are not."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import PurePosixPath

import pytest
import yaml

from bootstrap.cluster import Cluster
from bootstrap.errors import Refused
from bootstrap.facts.model import KubeconfigFacts
from bootstrap.kubeconfig import KUBECONFIGS, kubeconfig_files, kubeconfigs_due
from bootstrap.pki import Authorities, Authority, HostFiles, Renewal
from tests.unit.pki_samples import NOW, Read, a_cluster, file, new_authorities, read, written

ETC = PurePosixPath("/etc/kubernetes")
CURRENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
CLUSTER = a_cluster()
AUTHORITIES = new_authorities()
MASTER_FILES = ["admin.conf", "super-admin.conf", "controller-manager.conf", "scheduler.conf", "kubelet.conf"]


def new_files(cluster: Cluster = CLUSTER, host: str = "cp1", authorities: Authorities = AUTHORITIES) -> HostFiles:
    return kubeconfig_files(cluster, cluster.host(host), authorities, {}, {}, NOW)


FIRST = new_files()


def config(files: HostFiles, name: str):
    return yaml.safe_load(file(files, ETC / name).bytes)


def server(files: HostFiles, name: str) -> str:
    return str(config(files, name)["clusters"][0]["cluster"]["server"])


def facts_of(files: HostFiles) -> dict[PurePosixPath, KubeconfigFacts]:
    found = {}
    for entry in files.entries:
        content = yaml.safe_load(file(files, entry.path).bytes)
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        found[entry.path] = KubeconfigFacts(
            entry.path, cluster["server"], base64.b64decode(cluster["certificate-authority-data"]),
            base64.b64decode(user.get("client-certificate-data", "")), user.get("client-certificate", ""),
        )  # fmt: skip
    return found


def due(cluster: Cluster = CLUSTER, now=NOW, authorities=AUTHORITIES, files: HostFiles = FIRST, **options):
    seen = written(files.entries).observed
    return kubeconfigs_due(cluster, cluster.host("cp1"), authorities, facts_of(files), seen, now, **options)


def test_master_has_all_of_kubeadms_files():
    assert [entry.path for entry in FIRST.entries] == [ETC / name for name in MASTER_FILES]
    assert {file(FIRST, ETC / name).mode for name in MASTER_FILES} == {0o600}
    assert set(FIRST.reasons.values()) == {"is missing"}


def test_worker_has_the_kubelets_only():
    assert [entry.path for entry in new_files(host="w1").entries] == [ETC / "kubelet.conf"]


@pytest.mark.parametrize(
    ("name", "user", "organizations"),
    [
        ("admin.conf", "kubernetes-admin", ("kubeadm:cluster-admins",)),
        ("super-admin.conf", "kubernetes-super-admin", ("system:masters",)),
        ("controller-manager.conf", "system:kube-controller-manager", ()),
        ("scheduler.conf", "system:kube-scheduler", ()),
    ],
)
def test_embedded_certificate(name, user, organizations):
    entry = file(FIRST, ETC / name)
    assert entry.secret
    content = yaml.safe_load(entry.bytes)
    credentials = content["users"][0]["user"]
    assert Read(user, organizations, ("client",), ()) == read(base64.b64decode(credentials["client-certificate-data"]))
    assert base64.b64decode(credentials["client-key-data"]).startswith(b"-----BEGIN EC PRIVATE KEY-----")
    assert content["current-context"] == f"{user}@demo"


def test_written_as_client_go_writes_it():
    ca = base64.b64encode(AUTHORITIES.ca.certificate).decode()
    assert file(FIRST, ETC / "kubelet.conf").bytes.decode() == f"""\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {ca}
    server: https://192.0.2.11:6443
  name: demo
contexts:
- context:
    cluster: demo
    user: system:node:cp1
  name: system:node:cp1@demo
current-context: system:node:cp1@demo
kind: Config
users:
- name: system:node:cp1
  user:
    client-certificate: {CURRENT}
    client-key: {CURRENT}
"""


def test_kubelet_conf_holds_no_secret():
    assert not file(FIRST, ETC / "kubelet.conf").secret


def test_servers_without_endpoint_are_the_hosts_own():
    assert {server(FIRST, name) for name in MASTER_FILES} == {"https://192.0.2.11:6443"}
    assert server(new_files(host="w1"), "kubelet.conf") == "https://127.0.0.1:6443"


def test_servers_with_endpoint():
    cluster = a_cluster(control_plane_endpoint="api.example.com", api_server={"bind_port": 7443})
    files = new_files(cluster)
    for name in ("admin.conf", "super-admin.conf"):
        assert server(files, name) == "https://api.example.com:7443"
    for name in ("controller-manager.conf", "scheduler.conf", "kubelet.conf"):
        assert server(files, name) == "https://192.0.2.11:7443"
    assert server(new_files(cluster, "w1"), "kubelet.conf") == "https://api.example.com:7443"


def test_ipv6_stands_in_brackets():
    cluster = a_cluster(
        hosts=[{"name": "cp1", "role": "control-plane", "address": "2001:db8::11"}],
        networking={"pod_subnet": "fd00:10:244::/56", "service_subnet": "fd00:10:96::/112"},
    )
    assert server(new_files(cluster), "scheduler.conf") == "https://[2001:db8::11]:6443"


def test_cluster_name_of_the_users_own():
    assert config(new_files(a_cluster(cluster_name="prod")), "admin.conf")["current-context"] == "kubernetes-admin@prod"


@pytest.mark.parametrize("name", ["123", "yes", "1e3", "null"])
def test_names_that_yaml_would_take_for_something_else(name):
    assert config(new_files(a_cluster(cluster_name=name)), "admin.conf")["clusters"][0]["name"] == name


def test_second_run_changes_nothing():
    again = kubeconfig_files(CLUSTER, CLUSTER.host("cp1"), AUTHORITIES, facts_of(FIRST), written(FIRST.entries).observed, NOW)
    assert again.entries == ()
    assert [kept.path for kept in again.kept] == [ETC / name for name in MASTER_FILES]
    assert again.reasons == {}


def test_file_that_is_no_kubeconfig():
    seen = written(FIRST.entries).observed
    found = {path: facts for path, facts in facts_of(FIRST).items() if path.name != "admin.conf"}
    assert kubeconfigs_due(CLUSTER, CLUSTER.host("cp1"), AUTHORITIES, found, seen, NOW) == {
        ETC / "admin.conf": "is not a kubeconfig"
    }


def test_another_server():
    reasons = due(a_cluster(control_plane_endpoint="api.example.com:6443"))
    assert reasons == dict.fromkeys(
        (ETC / "admin.conf", ETC / "super-admin.conf"),
        "names the server https://192.0.2.11:6443, not https://api.example.com:6443",
    )


def test_another_authority():
    other = new_authorities()
    assert due(authorities=other) == dict.fromkeys(
        (ETC / name for name in MASTER_FILES), f"does not trust the CA with fingerprint {other.ca.fingerprint}"
    )


def test_expired_certificate():
    reasons = due(now=NOW + timedelta(days=366))
    assert reasons == dict.fromkeys(
        (ETC / name for name in MASTER_FILES[:4]), "embeds a certificate that expired on 2031-01-02 03:04 UTC"
    )


def test_renewal():
    later = NOW + timedelta(days=340)
    assert due(now=later) == {}
    assert len(due(now=later, renewal=Renewal(within=timedelta(days=30)))) == 4
    assert due(renewal=Renewal(frozenset({"admin.conf"}))) == {ETC / "admin.conf": "is to be renewed"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"client_certificate_file": ""}, f"takes its certificate from itself, not {CURRENT}"),
        ({"client_certificate_file": "/x.pem"}, f"takes its certificate from /x.pem, not {CURRENT}"),
    ],
)
def test_kubelet_conf_that_does_not_follow_the_kubelets_renewals(change, problem):
    found = facts_of(FIRST)
    path = ETC / "kubelet.conf"
    found[path] = KubeconfigFacts(**{**vars(found[path]), **change})
    seen = written(FIRST.entries).observed
    assert kubeconfigs_due(CLUSTER, CLUSTER.host("cp1"), AUTHORITIES, found, seen, NOW) == {path: problem}


def test_identity_of_somebody_else():
    found = facts_of(FIRST)
    admin, other = ETC / "admin.conf", ETC / "super-admin.conf"
    found[admin] = KubeconfigFacts(**{**vars(found[admin]), "client_certificate": found[other].client_certificate})
    seen = written(FIRST.entries).observed
    assert kubeconfigs_due(CLUSTER, CLUSTER.host("cp1"), AUTHORITIES, found, seen, NOW) == {
        admin: "embeds a certificate that has the common name kubernetes-super-admin, not kubernetes-admin"
    }


def test_external_authority_is_refused_when_something_is_due():
    ca = Authority(AUTHORITIES.ca.entry, AUTHORITIES.ca.certificate)
    external = Authorities(ca, AUTHORITIES.front_proxy_ca, AUTHORITIES.etcd_ca, AUTHORITIES.service_account)
    with pytest.raises(Refused) as refused:
        new_files(authorities=external)
    assert len(refused.value.evidence) == 4
    assert new_files(host="w1", authorities=external).reasons == {ETC / "kubelet.conf": "is missing"}


def test_names_are_unique():
    assert len({entry.name for entry in KUBECONFIGS}) == len(KUBECONFIGS)
