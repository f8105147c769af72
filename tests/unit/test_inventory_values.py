"""One value that is wrong by itself: every class of it has a line, a field, words, and a good twin."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from bootstrap.cluster import KeyAlgorithm, Role, Sudo
from tests.unit.inventory_support import GOOD, load, problems, with_host, with_spec

FINGERPRINT = "SHA256:" + "nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"
PUBLIC_KEY = "ssh-ed25519 " + base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(32)).decode()


def name(value: str) -> str:
    return GOOD.replace("name: cp1", f"name: {value}")


def address(value: str) -> str:
    return GOOD.replace("192.0.2.11", value)


def version(value: str) -> str:
    return GOOD.replace("v1.36.3", value)


@pytest.mark.parametrize(
    "value",
    [
        "Cp1", "cp_1", "-cp1", "cp1-", ".cp1", "cp1.", "a..b", "'" + "a" * 64 + "'", ".".join(["a" * 50] * 6), '""', "\u0441p1",
        '"cp1\\n"', '"a: b"', '"{{7*7}}"', "$(id)", "'`id`'", '"; rm -rf /"', "-oProxyCommand=id", "../../etc/cron.d/x", '"a b"',
        "192.0.2.1", '"2001:db8::1"', "cp1/x", "a@b",
    ],
)  # fmt: skip
def test_a_host_name_that_is_no_node_name_is_refused(value: str) -> None:
    (problem,) = problems(name(value))
    assert (problem.line, problem.field) == (7, "spec.hosts[0].name")
    assert problem.hint


@pytest.mark.parametrize("value", ["a", "cp1", "a-b", "cp1.example.com", '"1"', "1a", "a" * 63, "x" * 40 + "." + "y" * 22])
def test_a_good_host_name_is_kept(value: str) -> None:
    assert load(name(value)).hosts[0].name == value.strip('"')


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("cp1.example.com", "not an IP address"), ("0.0.0.0", "unspecified"), ("127.0.0.1", "loopback"), ('"::"', "unspecified"),
        ('"::1"', "loopback"), ("224.0.0.1", "multicast"), ('"ff02::1"', "multicast"), ('"::ffff:192.0.2.1"', "mapped"),
        ("169.254.1.1", "link-local"), ('"fe80::1"', "link-local"), ('"fe80::1%eth0"', "zone"), ("255.255.255.255", "unicast"),
        ("240.0.0.1", "unicast"), ("0.1.2.3", "unicast"), ("192.0.2.011", "not an IP address"), ("192.0.2", "not an IP address"),
        ("192.0.2.256", "not an IP address"), ("192.0.2.11/24", "is a subnet"), ("192.0.2.11:22", "not an IP address"),
        ('" 192.0.2.11"', "not an IP address"), ('""', "not an IP address"), ("3221225985", "must be text"),
    ],
)  # fmt: skip
def test_an_address_that_no_other_host_can_reach_is_refused(value: str, words: str) -> None:
    (problem,) = problems(address(value))
    assert (problem.line, problem.field) == (9, "spec.hosts[0].address")
    assert words in problem.message


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("1.36", "must be text, but is the number 1.36", "v1.36.3"), ("1.30", "the number 1.30", "v1.30.3"),
        ("2", "the number 2", "v2"), ("latest", "not a Kubernetes release", "v1.36.3"), ("v1", "not a Kubernetes release", ""),
        ("v1.36", "no patch", "v1.36.3"), ("v1.36.2+x", "not a final release", ""), ("v1.36.0-rc.0", "not a final release", ""),
        ("v1.99.0", "not supported", "1.36"), ("v1.2.3", "not supported", "1.36"), ("v01.36.3", "not a Kubernetes", ""),
        ('"v1.36.3\\n"', "not a", ""), ("v" + "1" * 5000 + ".36.3", "not a", ""), ("", "empty", ""),
    ],
)  # fmt: skip
def test_only_a_release_of_a_supported_minor_is_a_version(value: str, message: str, hint: str) -> None:
    (problem,) = problems(version(value))
    assert (problem.line, problem.field) == (5, "spec.kubernetesVersion")
    assert message in problem.message
    assert hint in problem.hint


def test_a_version_without_v_gets_one() -> None:
    assert load(version("1.36.3")).kubernetes_version == "v1.36.3"


SPEC_CASES = [
    # a line below spec, the field, words of the message, words of the hint
    ("apiServer: {bindPort: 0}", "apiServer.bindPort", "0 is not a port", "65535"),
    ("apiServer: {bindPort: 65536}", "apiServer.bindPort", "not a port", ""),
    ("apiServer: {bindPort: -1}", "apiServer.bindPort", "not a port", ""),
    ('apiServer: {bindPort: "6443 "}', "apiServer.bindPort", "must be a whole number", "without quotes: 6443"),
    ("apiServer: {bindPort: 6443.0}", "apiServer.bindPort", "must be a whole number", ""),
    ("apiServer: {bindPort: true}", "apiServer.bindPort", "whole number, but is the switch true", ""),
    ("apiServer: {bindPort: 2379}", "apiServer.bindPort", "is the port of etcd's clients", "6443"),
    ("apiServer: {bindPort: 10250}", "apiServer.bindPort", "is the port of the kubelet", ""),
    ("apiServer: {certSANs: [https://x]}", "apiServer.certSANs[0]", "neither an address nor a DNS name", "api.example.com"),
    ("apiServer: {certSANs: api.example.com}", "apiServer.certSANs", "must be a list", "dash"),
    ("apiServer: {certSANs: ['a*.b']}", "apiServer.certSANs[0]", "neither an address", ""),
    ("etcd: {local: {peerCertSANs: [a_b]}}", "etcd.local.peerCertSANs[0]", "neither", ""),
    ("apiServer: {extraArgs: [{name: v, value: 4}]}", "apiServer.extraArgs[0].value", "the number 4", 'in quotes: "4"'),
    ("apiServer: {extraArgs: [{name: v, value: true}]}", "apiServer.extraArgs[0].value", "the switch true", '"true"'),
    ('apiServer: {extraArgs: [{name: v, value: "a\\nb"}]}', "apiServer.extraArgs[0].value", "line break", "one line"),
    ("apiServer: {extraArgs: [{name: --v, value: a}]}", "apiServer.extraArgs[0].name", "begins with a dash", '"v"'),
    ("apiServer: {extraArgs: [{name: v=4, value: a}]}", "apiServer.extraArgs[0].name", "holds a value", "value"),
    ('apiServer: {extraArgs: [{name: "v 4", value: a}]}', "apiServer.extraArgs[0].name", "not a flag's name", ""),
    ('apiServer: {extraArgs: [{name: "v\\n", value: a}]}', "apiServer.extraArgs[0].name", "not a flag's name", ""),
    ('apiServer: {extraArgs: [{name: "", value: a}]}', "apiServer.extraArgs[0].name", "not a flag's name", ""),
    ("apiServer: {extraArgs: {v: 4}}", "apiServer.extraArgs", "must be a list, but is a group of fields", ""),
    ("apiServer: {extraArgs: [v]}", "apiServer.extraArgs[0]", "must hold fields", ""),
    ("apiServer: {extraArgs: [{value: a}]}", "apiServer.extraArgs[0].name", "is missing", ""),
    ("apiServer:", "apiServer", "must hold fields, but is empty", "leave the line out"),
    ("scheduler: {extraEnvs: [{name: a b, value: c}]}", "scheduler.extraEnvs[0].name", "not the name of a variable", ""),
    ("scheduler: {extraEnvs: [{name: 'A=B', value: c}]}", "scheduler.extraEnvs[0].name", "not the name", ""),
    ("scheduler: {extraEnvs: [{name: BOOTSTRAP_DIGEST, value: c}]}", "scheduler.extraEnvs[0].name", "own variables", ""),
    ("scheduler: {extraEnvs: [{name: A, value: 1}]}", "scheduler.extraEnvs[0].value", "must be text", '"1"'),
    *(
        (f"scheduler: {{extraVolumes: [{{{volume}}}]}}", f"scheduler.extraVolumes[0].{field}", words, hint)
        for volume, field, words, hint in (
            ("name: A, hostPath: /a, mountPath: /a", "name", "upper case", "a"),
            ("name: a, hostPath: a, mountPath: /a", "hostPath", "not an absolute", ""),
            ("name: a, hostPath: /a/../b, mountPath: /a", "hostPath", "shortest", ""),
            ("name: a, hostPath: /a, mountPath: '/a b'", "mountPath", "characters", ""),
            ("name: a, hostPath: /a, mountPath: /a, pathType: Dir", "pathType", "not a hostPath type", "DirectoryOrCreate"),
            ("name: a, hostPath: /a, mountPath: /a, readOnly: 'true'", "readOnly", "must be true or false", ""),
        )
    ),
    ("etcd: {local: {dataDir: var/lib/etcd}}", "etcd.local.dataDir", "not an absolute path", "/"),
    ("etcd: {local: {dataDir: /var/lib/etcd/}}", "etcd.local.dataDir", "shortest form", ""),
    ("etcd: {local: {dataDir: //data}}", "etcd.local.dataDir", "shortest form", ""),
    ("etcd: {local: {dataDir: /data/../etc}}", "etcd.local.dataDir", "shortest form", ""),
    *(
        (f"etcd: {{local: {{dataDir: {path}}}}}", "etcd.local.dataDir", "belongs to the system", "/var/lib/etcd")
        for path in ("/", "/etc", "/etc/kubernetes", "/var/lib", "/var/lib/kubelet/x", "/tmp/e", "/dev/shm", "/run/e")
    ),
    ("etcd: {external: {endpoints: []}}", "etcd.external", "unknown field", "not supported"),
    ("etcd: {local: {imageTag: 'a b'}}", "etcd.local.imageTag", "not an image tag", ""),
    ("imageRepository: https://registry.k8s.io", "imageRepository", "is a URL", "without scheme"),
    ("imageRepository: registry.k8s.io/", "imageRepository", "not an image repository", ""),
    ("imageRepository: registry.k8s.io/pause:3.10", "imageRepository", "not an image repository", "tag"),
    ("networking: {dnsDomain: Cluster.local}", "networking.dnsDomain", "upper case", "cluster.local"),
    ("networking: {dnsDomain: .local}", "networking.dnsDomain", "begins or ends", ""),
    ("networking: {podSubnet: 10.244.0.0}", "networking.podSubnet", "not a subnet", "10.244.0.0/16"),
    ("networking: {podSubnet: 10.244.0.1/16}", "networking.podSubnet", "bits set beyond its prefix", "10.244.0.0/16"),
    ("networking: {podSubnet: 10.244.0.0/33}", "networking.podSubnet", "not a subnet", ""),
    ("networking: {podSubnet: 10.244.0.0/255.255.0.0}", "networking.podSubnet", "not a subnet", ""),
    ("networking: {podSubnet: '10.1.0.0/16,10.2.0.0/16'}", "networking.podSubnet", "neither one CIDR nor a dual", "IPv6"),
    ("networking: {podSubnet: '10.1.0.0/16,fd00:1::/48,fd00:2::/48'}", "networking.podSubnet", "neither", ""),
    ("networking: {podSubnet: 127.0.0.0/8}", "networking.podSubnet", "loopback", ""),
    ("networking: {podSubnet: 224.0.0.0/16}", "networking.podSubnet", "multicast", ""),
    ("networking: {podSubnet: [10.244.0.0/16]}", "networking.podSubnet", "must be text, but is a list", ""),
    ("controlPlaneEndpoint: https://lb:6443", "controlPlaneEndpoint", "is a URL", "host:port"),
    ("controlPlaneEndpoint: lb.example.com:0", "controlPlaneEndpoint", "not a port", ""),
    ("controlPlaneEndpoint: lb.example.com:99999", "controlPlaneEndpoint", "not a port", ""),
    ("controlPlaneEndpoint: 'lb.example.com:'", "controlPlaneEndpoint", "not an endpoint", ""),
    ("controlPlaneEndpoint: ':6443'", "controlPlaneEndpoint", "has no host", ""),
    ("controlPlaneEndpoint: 127.0.0.1:6443", "controlPlaneEndpoint", "loopback", ""),
    ("controlPlaneEndpoint: 192.0.2.300:6443", "controlPlaneEndpoint", "not an address", ""),
    ("controlPlaneEndpoint: '[192.0.2.1]:6443'", "controlPlaneEndpoint", "brackets", ""),
    ("controlPlaneEndpoint: -lb:6443", "controlPlaneEndpoint", "begins or ends with a dash", ""),
    ("controlPlaneEndpoint: 6443", "controlPlaneEndpoint", "must be text", ""),
    ("encryptionAlgorithm: RSA-1024", "encryptionAlgorithm", "not a choice", "RSA-2048"),
    ("encryptionAlgorithm: ecdsa-p256", "encryptionAlgorithm", "not a choice", "did you mean ECDSA-P256?"),
    ("certificateValidityPeriod: 365d", "certificateValidityPeriod", "not a duration", "8760h"),
    ("certificateValidityPeriod: 8760", "certificateValidityPeriod", "not a duration", "8760h"),
    ("certificateValidityPeriod: 0s", "certificateValidityPeriod", "not longer than nothing", ""),
    ("certificateValidityPeriod: -1h", "certificateValidityPeriod", "not a duration", ""),
    ("certificateValidityPeriod: P1Y", "certificateValidityPeriod", "not a duration", ""),
    ("caCertificateValidityPeriod: 9999999h", "caCertificateValidityPeriod", "292 years", ""),
    ("timeouts: {kubernetesAPICall: 1 minute}", "timeouts.kubernetesAPICall", "not a duration", "90s"),
    ("addons: [corends]", "addons[0]", '"corends" is not an add-on', "coredns, kube-proxy"),
    ("addons: ['https://example.com/cni.yaml']", "addons[0]", "is a URL", "download"),
    ("addons: coredns", "addons", "must be a list", ""),
    ("patches: ''", "patches", "is empty", ""),
    ("patches: 3", "patches", "must be text", ""),
    ("patches: ~nobody-has-this-name/x", "patches", "home directory", ""),
    ("ssh: {port: 0}", "ssh.port", "not a port", ""),
    ("ssh: {user: -oProxyCommand=id}", "ssh.user", "not a user name", ""),
    ("ssh: {user: 'a b'}", "ssh.user", "not a user name", ""),
    ("ssh: {agent: maybe}", "ssh.agent", "must be true or false", ""),
    ("ssh: {sudo: always}", "ssh.sudo", "not a choice", "auto, never"),
    ("ssh: {proxyJump: -oProxyCommand=id}", "ssh.proxyJump", "dash", "[user@]host"),
    ("ssh: {proxyJump: 'a,,b'}", "ssh.proxyJump", "not a jump host", ""),
    ("ssh: {proxyJump: 'root@-x'}", "ssh.proxyJump", "dash", ""),
    ("ssh: {proxyJump: '-x@host'}", "ssh.proxyJump", "not a user name", ""),
    ("ssh: {proxyJump: 'host:99999'}", "ssh.proxyJump", "not a port", ""),
    ("ssh: {proxyJump: 'ssh://host'}", "ssh.proxyJump", "URL", ""),
    ("ssh: {hostKey: [SHA256:abc]}", "ssh.hostKey[0]", "not a fingerprint", "ssh-keygen -lf"),
    ("ssh: {hostKey: 'MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48'}", "ssh.hostKey[0]", "MD5", ""),
    ("ssh: {hostKey: [ssh-ed25519 AAAA]}", "ssh.hostKey[0]", "neither a fingerprint nor a public key", ""),
    ("ssh: {hostKey: 5}", "ssh.hostKey", "must be a list", ""),
    ("ssh: {connectTimeout: 0s}", "ssh.connectTimeout", "not longer than nothing", ""),
    ("ssh: {password: x}", "ssh.password", "unknown field", "no passwords"),
    ("clusterName: a/b", "clusterName", "not a cluster name", ""),
    # unknown fields
    ("networking: {podsubnet: 10.0.0.0/8}", "networking.podsubnet", "unknown field", "did you mean podSubnet?"),
    ("networking: {pod_subnet: 10.0.0.0/8}", "networking.pod_subnet", "unknown field", "did you mean podSubnet?"),
    ("kubernetes_version: v1.36.3", "kubernetes_version", "unknown field", "did you mean kubernetesVersion?"),
    ("bindPort: 6443", "bindPort", "unknown field", "it belongs to spec.apiServer.bindPort"),
    ("effect: NoSchedule", "effect", "unknown field", "it belongs to spec.hosts[].taints[].effect"),
    ("flurb: 1", "flurb", "unknown field", "known here: clusterName"),
    ("masters: [a]", "masters", "unknown field", "role: control-plane"),
    ("name: x", "name", "unknown field", "metadata.name"),
    ("'{{7*7}}': 1", '["{{7*7}}"]', "unknown field", ""),
]  # fmt: skip


@pytest.mark.parametrize(("line", "field", "words", "hint"), SPEC_CASES)
def test_a_wrong_value_in_spec_is_named(line: str, field: str, words: str, hint: str) -> None:
    (problem,) = problems(with_spec(line))
    assert (problem.line, problem.field) == (10, "spec" + (field if field.startswith("[") else f".{field}"))
    assert words in problem.message
    assert hint in problem.hint


HOST_CASES = [
    ("ssh: {host: -oProxyCommand=id}", "ssh.host", "begins with a dash", ""),
    ("ssh: {host: 'a b'}", "ssh.host", "is not a host", ""),
    ("ssh: {host: $(id)}", "ssh.host", "is not a host", ""),
    ("ssh: {host: root@cp1}", "ssh.host", "holds a user", "user: root"),
    ("ssh: {host: 'cp1:22'}", "ssh.host", "holds a port", "port:"),
    ("ssh: {port: '22'}", "ssh.port", "must be a whole number", "without quotes: 22"),
    ("ssh: {hosts: a}", "ssh.hosts", "unknown field", "did you mean host?"),
    ("labels: {'a b': c}", 'labels["a b"]', "is not a key", ""),
    ("labels: {a: 'b c'}", "labels.a", "is not a label value", ""),
    ("labels: {a: 1}", "labels.a", "must be text", '"1"'),
    ("labels: {a: " + "x" * 64 + "}", "labels.a", "is not a label value", "63"),
    ("labels: {Example.com/a: b}", 'labels["Example.com/a"]', "prefix", ""),
    ("labels: {kubernetes.io/hostname: x}", 'labels["kubernetes.io/hostname"]', "set by the kubelet itself", ""),
    ("labels: {kubernetes.io/x: x}", 'labels["kubernetes.io/x"]', "namespace of Kubernetes", "example.com"),
    ("labels: {x.k8s.io/x: x}", 'labels["x.k8s.io/x"]', "namespace of Kubernetes", ""),
    ("labels: {node-role.kubernetes.io/control-plane: ''}", 'labels["node-role.kubernetes.io/control-plane"]', "role", ""),
    ("labels: [a]", "labels", "must hold fields", ""),
    ("taints: [{key: a, effect: NoSchedul}]", "taints[0].effect", "not an effect", "NoSchedule"),
    ("taints: [{key: 'a b'}]", "taints[0].key", "is not a key", ""),
    ("taints: [{effect: NoSchedule}]", "taints[0].key", "is missing", ""),
    ("taints: NoSchedule", "taints", "must be a list", ""),
    ("kubelet: {config: []}", "kubelet.config", "must hold fields", ""),
    ("adress: 1", "adress", "unknown field", "did you mean address?"),
    ("bindPort: 1", "bindPort", "unknown field", "spec.apiServer.bindPort"),
]


@pytest.mark.parametrize(("line", "field", "words", "hint"), HOST_CASES)
def test_a_wrong_value_in_a_host_is_named(line: str, field: str, words: str, hint: str) -> None:
    (problem,) = problems(with_host(line))
    assert (problem.line, problem.field) == (10, f"spec.hosts[0].{field}")
    assert words in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words", "hint"),
    [
        ("apiVersion: bootstrap/v1alpha1\n", "", 1, "apiVersion", "is missing", "bootstrap/v1alpha1"),
        ("v1alpha1", "v2", 1, "apiVersion", "not one that is known", "bootstrap/v1alpha1"),
        ("apiVersion: bootstrap/v1alpha1", "apiVersion: 1", 1, "apiVersion", "not one that is known", ""),
        ("kind: Cluster", "kind: cluster", 2, "kind", "not one that is known", "kind: Cluster"),
        ("kind: Cluster", "Kind: Cluster", 2, "Kind", "unknown field", "did you mean kind?"),
        ("metadata: {name: demo}", "metadata: {}", 3, "metadata.name", "is missing", "demo"),
        ("metadata: {name: demo}", "metadata: demo", 3, "metadata", "must hold fields", "{name: demo}"),
        ("{name: demo}", "{name: Demo}", 3, "metadata.name", "upper case", "demo"),
        ("{name: demo}", "{name: a.b}", 3, "metadata.name", "not a valid name", ""),
        ("{name: demo}", "{name: 5}", 3, "metadata.name", "must be text", '"5"'),
        ("{name: demo}", "{name: demo, labels: {}}", 3, "metadata.labels", "unknown field", "name"),
        ("spec:", "hosts: []\nspec:", 4, "hosts", "unknown field", "below spec"),
        ("role: control-plane", "role: master", 8, "spec.hosts[0].role", "not a choice", "did you mean control-plane?"),
        ("role: control-plane", "role: worker", 6, "spec.hosts", "no host has role: control-plane", ""),
        ("    role: control-plane\n", "", 7, "spec.hosts[0].role", "is missing", "control-plane or worker"),
        ("    address: 192.0.2.11\n", "", 7, "spec.hosts[0].address", "is missing", "192.0.2.11"),
        ("  kubernetesVersion: v1.36.3\n", "", 4, "spec.kubernetesVersion", "is missing", "v1.36.3"),
    ],
)
def test_what_stands_around_the_values_is_checked(old: str, new: str, line: int, field: str, words: str, hint: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    found = [problem for problem in problems(text) if problem.field == field]
    assert [problem.line for problem in found] == [line]
    assert words in found[0].message
    assert hint in found[0].hint


@pytest.mark.parametrize("hosts", ["[]", "", "{cp1: {}}", "[cp1]"])
def test_hosts_is_a_list_with_at_least_one_control_plane_host(hosts: str) -> None:
    text = GOOD[: GOOD.index("  hosts")] + f"  hosts: {hosts}\n"
    (problem,) = problems(text)
    assert (problem.line, problem.field.removesuffix("[0]")) == (6, "spec.hosts")


def test_kubeadm_configuration_is_recognised() -> None:
    text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\n"
    assert any("kubeadm's configuration" in problem.message for problem in problems(text))


def test_good_values_arrive_as_they_should() -> None:
    cluster = load(
        with_spec(
            "controlPlaneEndpoint: '2001:DB8::10'",
            "networking: {podSubnet: 'fd00:10:0244:0::/56', serviceSubnet: 'fd00:96::/112'}",
            "apiServer: {bindPort: 443, certSANs: ['*.example.com', 192.0.2.9, a.b]}",
            "certificateValidityPeriod: 1h30m",
            "timeouts: {kubeletHealthCheck: 1.5m}",
            "encryptionAlgorithm: RSA-4096",
            "kubelet: {config: {maxPods: 200, evictionHard: {memory.available: 5%}, x: null, f: 0.5, on1: true}}",
            f"ssh: {{sudo: never, hostKey: '{FINGERPRINT}', proxyJump: 'a@b:22,[2001:db8::1]:22,none'}}",
        ).replace("192.0.2.11", "2001:db8:0::11")
        + "  scheduler:\n    extraArgs: [{name: v, value: ''}, {name: v, value: '2'}]\n"
    )
    assert cluster.control_plane_endpoint == "[2001:db8::10]:443"
    assert cluster.networking.pod_subnet == "fd00:10:244::/56"
    assert cluster.hosts[0].address == "2001:db8::11"
    assert cluster.certificate_validity_period == timedelta(minutes=90)
    assert cluster.timeouts.kubelet_health_check == timedelta(seconds=90)
    assert cluster.encryption_algorithm is KeyAlgorithm.RSA_4096
    assert cluster.kubelet.config == {
        "maxPods": 200, "evictionHard": {"memory.available": "5%"}, "x": None, "f": 0.5, "on1": True,
    }  # fmt: skip
    assert cluster.ssh.sudo is Sudo.NEVER
    assert cluster.ssh.host_key == (FINGERPRINT,)
    assert [(arg.name, arg.value) for arg in cluster.scheduler.extra_args] == [("v", ""), ("v", "2")]


def test_a_host_key_is_a_fingerprint_or_a_public_key() -> None:
    cluster = load(with_host("ssh:", "  hostKey:", f"  - {FINGERPRINT}=", f"  - {PUBLIC_KEY} root@cp1"))
    assert cluster.hosts[0].ssh.host_key == (FINGERPRINT, PUBLIC_KEY)


def test_defaults_that_follow_from_other_fields() -> None:
    cluster = load(with_spec("controlPlaneEndpoint: lb.example.com"))
    assert cluster.cluster_name == cluster.name == "demo"
    assert cluster.control_plane_endpoint == "lb.example.com:6443"
    assert load(with_spec("clusterName: other")).cluster_name == "other"
    assert cluster.hosts[0].role is Role.CONTROL_PLANE
    assert cluster.hosts[0].taints is None


@pytest.mark.parametrize(
    "label", ["example.com/a", "a", "node-role.kubernetes.io/worker", "topology.kubernetes.io/zone", "x.node.kubernetes.io/y"]
)
def test_labels_that_an_administrator_may_set(label: str) -> None:
    assert load(with_host(f"labels: {{{label}: ''}}")).hosts[0].labels == {label: ""}
