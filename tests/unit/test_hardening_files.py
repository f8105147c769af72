"""Configuration files of API servers: what stands in them, under which names, and when they are the user's."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap import hardening
from bootstrap.cluster import AnonymousRequests, ApiServer, Arg, Audit, Cluster, Hardening, Volume
from bootstrap.errors import InventoryError
from bootstrap.hardening import audit
from tests.unit import rendering_samples as samples

CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
BODIES = ("Request", "RequestResponse")


def with_args(*extra: tuple[str, str], volumes: tuple[Volume, ...] = (), **switches: Any) -> Cluster:
    args = tuple(Arg(name=name, value=value) for name, value in extra)
    return samples.a_cluster(api_server=ApiServer(extra_args=args, extra_volumes=volumes), hardening=Hardening(**switches))


def with_policy(path: Path, text: str) -> Cluster:
    path.write_text(text)
    return samples.a_cluster(hardening=Hardening(audit=Audit(policy_file=path)))


def content(cluster: Cluster, flag: str) -> Any:
    (found,) = (file.content for file in hardening.public_files(cluster) if file.flag == flag)
    assert isinstance(found, bytes)
    return yaml.safe_load(found)


def test_anonymous_requests_are_limited_to_exact_paths() -> None:
    anonymous = content(samples.a_cluster(), "authentication-config")["anonymous"]
    assert anonymous["enabled"] is True
    assert [one["path"] for one in anonymous["conditions"]] == ["/livez", "/readyz", "/healthz", CLUSTER_INFO]
    health = content(with_args(anonymous_requests=AnonymousRequests.HEALTH), "authentication-config")["anonymous"]
    assert [one["path"] for one in health["conditions"]] == ["/livez", "/readyz", "/healthz"]


def test_a_name_follows_from_the_content_alone() -> None:
    one, other = samples.config_paths(samples.a_cluster()), samples.config_paths(samples.a_cluster(masters=1))
    assert one == other
    health = samples.config_paths(with_args(anonymous_requests=AnonymousRequests.HEALTH))
    assert {flag for flag in one if one[flag] != health[flag]} == {"authentication-config"}


@pytest.mark.parametrize(
    "flag", ["audit-policy-file", "authentication-config", "admission-control-config-file", "encryption_provider_config"]
)
def test_what_the_user_gives_a_file_for_is_the_users(flag: str) -> None:
    cluster = with_args((flag, "/etc/mine.yaml"))
    name = flag.replace("_", "-")
    assert name not in samples.config_paths(cluster)
    given = {arg.name.replace("_", "-"): arg.value for arg in hardening.extra_args(
        cluster, "kube-apiserver", samples.config_paths(cluster))}  # fmt: skip
    assert given[name] == "/etc/mine.yaml"


def test_the_limits_of_events_need_our_own_file() -> None:
    """EventRateLimit without a section of its own in the admission configuration ends the API server."""
    cluster = with_args(("admission-control-config-file", "/etc/mine.yaml"))
    given = {arg.name: arg.value for arg in hardening.extra_args(cluster, "kube-apiserver", samples.config_paths(cluster))}
    assert given["enable-admission-plugins"] == "NodeRestriction,DenyServiceExternalIPs"
    assert "admission-control-config-file" not in samples.config_paths(with_args(("disable-admission-plugins", "EventRateLimit")))


def test_a_volume_of_the_users_at_the_same_place_takes_the_place_of_ours_and_one_of_the_same_name_does_not() -> None:
    mine = Volume(name="logs", host_path="/data/audit", mount_path="/var/log/kubernetes/audit")
    assert [v.name for v in hardening.extra_volumes(with_args(volumes=(mine,)), "kube-apiserver")] == ["config", "logs"]
    mine = Volume(name="config", host_path="/etc/mine", mount_path="/etc/mine")
    found = {v.name: v.mount_path for v in hardening.extra_volumes(with_args(volumes=(mine,)), "kube-apiserver")}
    assert found["config"] == "/etc/mine"
    assert found["bootstrap-config"] == "/etc/kubernetes/kube-apiserver"


def test_nothing_is_mounted_for_nothing() -> None:
    assert hardening.extra_volumes(samples.a_cluster(hardening=samples.NOTHING), "kube-apiserver") == ()
    elsewhere = with_args(("audit-log-path", "-"))
    assert [volume.name for volume in hardening.extra_volumes(elsewhere, "kube-apiserver")] == ["config"]


def test_the_policy_never_records_the_body_of_a_secret() -> None:
    """Whoever asks and however: the first rule that can fit a request for one of these says Metadata or None."""
    rules = content(samples.a_cluster(), "audit-policy-file")["rules"]
    for group, resource in [
        ("", "secrets"), ("", "configmaps"), ("", "serviceaccounts/token"), ("authentication.k8s.io", "tokenreviews"),
    ]:  # fmt: skip
        levels = []
        for rule in rules:
            if "nonResourceURLs" in rule or not _covers(rule, group, resource):
                continue
            levels.append(rule["level"])
            if not {"users", "userGroups", "verbs"} & rule.keys():
                break           # nothing further down is ever asked
        assert not set(levels) & set(BODIES), (resource, levels)


def test_the_policy_records_what_people_change_with_its_body_and_sessions_in_containers() -> None:
    rules = content(samples.a_cluster(), "audit-policy-file")["rules"]
    bodies = [rule for rule in rules if rule["level"] in BODIES]
    assert all(set(rule["verbs"]) == {"create", "update", "patch", "delete", "deletecollection"} for rule in bodies)
    assert any(_covers(rule, "apps", "deployments") for rule in bodies)
    for resource in ("pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy"):
        assert next(rule for rule in rules if _covers(rule, "", resource))["level"] == "Metadata"
    assert rules[-1] == {"level": "Metadata"}


def _covers(rule: dict[str, Any], group: str, resource: str) -> bool:
    groups = rule.get("resources")
    if "nonResourceURLs" in rule:
        return False
    return groups is None or any(
        one.get("group", "") == group and (not one.get("resources") or resource in one["resources"]) for one in groups
    )


def test_the_policy_that_is_shipped_is_one_that_the_tool_would_take(tmp_path: Path) -> None:
    text = audit.policy(samples.a_cluster()).decode()
    assert audit.policy(with_policy(tmp_path / "policy.yaml", text)).decode() == text


def test_a_policy_of_the_users_own_takes_the_place_of_ours(tmp_path: Path) -> None:
    text = "# mine\napiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n"
    cluster = with_policy(tmp_path / "policy.yaml", text)
    assert audit.policy(cluster) == text.encode()
    assert samples.config_paths(cluster)["audit-policy-file"] != samples.config_paths(samples.a_cluster())["audit-policy-file"]


HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds 0 documents"),
        ("rules: [\n", "policy.yaml:2: "),
        ("- a\n", "input should be a valid dictionary"),
        (
            "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]\n",
            "apiVersion: input should be 'audit.k8s.io/v1'",
        ),
        ("apiVersion: audit.k8s.io/v1\nkind: PolicyList\nrules: []\n", "kind: input should be 'Policy'"),
        (HEAD, "rules: is missing"),
        (HEAD + "rules: []\n", "has no rule"),
        (HEAD + "rules: [{level: All}]\n", "rules[0].level: input should be 'None'"),
        (HEAD + "rules: [{level: None, resource: []}]\n", "rules[0].resource: unknown field"),
        (HEAD + "rules: [{level: None, nonResourceURLs: [healthz]}]\n", "does not begin with /"),
        (HEAD + "rules: [{level: None, nonResourceURLs: ['/a*b']}]\n", "a * before its end"),
        (HEAD + "rules: [{level: None, nonResourceURLs: [/api], namespaces: [a]}]\n", "one rule is for one of them"),
        (HEAD + "rules: [{level: None, resources: [{group: '', resourceNames: [a]}]}]\n", "without resources"),
        (HEAD + "rules: [{level: None}]\nomitStages: [Never]\n", "omitStages[0]"),
        (HEAD + "rules: [{level: None}]\n---\n" + HEAD, "holds 2 documents"),
    ],
)  # fmt: skip
def test_a_policy_that_would_stop_the_api_server_is_a_mistake_in_the_inventory(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InventoryError) as caught:
        audit.policy(with_policy(tmp_path / "policy.yaml", text))
    assert any(said in line for line in caught.value.evidence), caught.value.evidence


def test_a_policy_that_cannot_be_read_is_a_mistake_too(tmp_path: Path) -> None:
    cluster = samples.a_cluster(hardening=Hardening(audit=Audit(policy_file=tmp_path / "none.yaml")))
    with pytest.raises(InventoryError, match="1 mistake"):
        audit.policy(cluster)


def test_the_disk_budget_follows_the_flags() -> None:
    assert audit.budget_bytes(samples.a_cluster()) == 1100 << 20
    assert audit.budget_bytes(with_args(("audit-log-maxsize", "10"), ("audit_log_maxbackup", "1"))) == 20 << 20
