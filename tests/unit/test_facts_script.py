"""The real script under the shells that hosts have. Slower than other unit tests: each runs some twenty programs.

Where this machine lets us (root, overlay mounts), /etc and /var of a private mount namespace stand for those of a host.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from bootstrap.components.context import CA_DIRS
from bootstrap.constants import FURTHER_PATHS
from bootstrap.facts import AccountFacts, Facts, parse, script

SHELLS = {"dash": ("dash",), "bash": ("bash", "--posix"), "busybox": ("busybox", "sh")}
PRESENT = {name: argv for name, argv in SHELLS.items() if shutil.which(argv[0])}
DATA_DIR = PurePosixPath("/var/lib/etcd")
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0LWNhbmFyeQ==\n-----END EC PRIVATE KEY-----\n"
CANARY = "secret-canary"
KUBECONFIG = f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=
    server: https://192.0.2.11:6443
users:
- user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key-data: {CANARY}
    token: {CANARY}
"""
FILES = {
    "etc/kubernetes/manifests/etcd.yaml": "kind: Pod\n",
    "etc/kubernetes/manifests/.etcd.yaml.tmp": "half a",
    "etc/kubernetes/pki/ca.crt": PEM,
    "etc/kubernetes/pki/ca.key": KEY,
    "etc/kubernetes/pki/etcd/ca.crt": PEM,
    "etc/kubernetes/kubelet.conf": KUBECONFIG,
    "etc/kubernetes/encryption.yaml": CANARY,
    "etc/kubernetes/a\nb": "line feed\n",
    "etc/kubernetes/back\\slash": "x\n",
    "etc/kubernetes/-rf": "x\n",
    "etc/kubelet.d/web.yaml": "kind: Pod\nmetadata: {name: web}\n",
    "etc/kubelet.d/.hidden": "x\n",
    "etc/kubelet.d/app.key": KEY,
    "etc/kc/10-x.conf": "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nstaticPodPath: /etc/kubelet.d\n",
    "etc/systemd/system/kubelet.service": "[Service]\nEnvironmentFile=-/etc/default/kubelet\nExecStart=/usr/bin/kubelet $ARGS\n",
    "etc/default/kubelet":
        "ARGS=--config=/var/lib/kubelet/config.yaml --config-dir=/etc/kc --kubeconfig=/etc/kubernetes/kubelet.conf\n",
    "etc/containerd/config.toml": "version = 3\n",
    "etc/passwd": "root:x:0:0::/root:/bin/sh\netcd:x:990:991::/:/usr/sbin/nologin\nme:x:1000:1000::/home/me:/bin/sh",
    "etc/group": "root:x:0:\nusers:x:100:me\n+:::\netcd:x:991:\nme:x:1000:",
    "etc/sysusers.d/kubernetes-etcd.conf": "g etcd 991\n",
    "var/lib/kubelet/config.yaml": "cgroupDriver: systemd\n",
    "var/lib/kubelet/pki/kubelet-client-2026.pem": PEM + KEY,
    "var/lib/etcd/member/snap/db": "data",
    "etc/cni/net.d/10-bridge.conflist": "{}",
    "etc/cni/net.d/calico/kubeconfig": CANARY,
    "var/lib/cni/networks/pods/10.244.0.2": "id\n",
    "var/log/pods/kube-system_etcd-{hostname}_0123/etcd/3.log": "x\n",
}


def _may_mount() -> bool:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    probe = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not _may_mount(), reason="no private mounts here")


def run(shell: tuple[str, ...], text: str, prefix: tuple[str, ...] = (), **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, *shell, "-s"], input=text, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **env}
    )


@pytest.fixture
def root(tmp_path: Path) -> tuple[str, ...]:
    """Command that runs another one on a host with FILES."""
    upper = tmp_path / "host"
    for name, content in FILES.items():
        path = upper / "upper" / name.format(hostname=socket.gethostname())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (upper / "upper/etc/kubernetes/pki/ca.key").chmod(0o600)
    os.mkfifo(upper / "upper/etc/kubernetes/pki/pipe.crt")
    (upper / "upper/etc/kubernetes/everything").symlink_to("/")
    (upper / "upper/var/lib/kubelet/pki/kubelet-client-current.pem").symlink_to("kubelet-client-2026.pem")
    (upper / "upper/var/lib/etcd").chmod(0o700)
    mounts = []
    for name in ("etc", "var"):
        (upper / f"work-{name}").mkdir()
        options = f"lowerdir=/{name},upperdir={upper}/upper/{name},workdir={upper}/work-{name}"
        mounts.append(f"mount -t overlay none -o {options} /{name}")
    return ("unshare", "-m", "sh", "-c", f'{" && ".join(mounts)} && exec "$@"', "--")


@pytest.mark.parametrize("shell", PRESENT.values(), ids=PRESENT)
def test_this_machine_can_be_read(shell: tuple[str, ...]) -> None:
    started = time.monotonic()
    done = run(shell, script(DATA_DIR))
    facts = parse("here", done.stdout, 0.5)
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - started < 10
    assert facts.hostname == socket.gethostname()
    assert facts.os.kernel == os.uname().release
    assert facts.cpus == len(os.sched_getaffinity(0))
    assert facts.memory_bytes > 1 << 20
    assert abs(facts.clock - time.time()) < 60
    assert facts.clock_skew_s == 0.5
    assert facts.cgroup.version in (0, 1, 2)
    assert {disk.path for disk in facts.disks} >= {DATA_DIR, PurePosixPath("/etc/kubernetes")}
    assert all(disk.free_bytes > 0 for disk in facts.disks)
    assert facts.commands["mount"].startswith("/")
    assert set(facts.ca_dirs) == {name for name in CA_DIRS if Path(name).is_dir()}


@pytest.mark.parametrize("shell", PRESENT.values(), ids=PRESENT)
@needs_mounts
def test_a_whole_host(shell: tuple[str, ...], root: tuple[str, ...]) -> None:
    done = run(shell, script(DATA_DIR, FURTHER_PATHS), root)
    facts = parse("cp1", done.stdout, 0.0)
    assert facts.accounts == AccountFacts(990, 991, (0, 100, 990, 991))
    assert CANARY not in _decoded(done.stdout)
    assert "c2VjcmV0LWNhbmFyeQ" not in _decoded(done.stdout)
    _check_paths(facts)
    _check_kubelet(facts)


def _check_paths(facts: Facts) -> None:
    owned = {str(path): seen for path, seen in facts.owned.items()}
    assert owned["/etc/kubernetes/pki/ca.crt"].content == PEM.encode()
    assert (owned["/etc/kubernetes/pki/ca.key"].mode, owned["/etc/kubernetes/pki/ca.key"].content) == (0o600, None)
    assert re.fullmatch(r"[0-9a-f]{64}", owned["/etc/kubernetes/pki/ca.key"].sha256)
    assert owned["/etc/kubernetes/pki/pipe.crt"].kind == "other"
    assert owned["/etc/kubernetes/everything"].target == "/"
    assert not any(name.startswith("/etc/kubernetes/everything/") for name in owned)
    assert owned["/etc/kubernetes/a\nb"].kind == "file"
    assert owned["/etc/kubernetes/back\\slash"].sha256
    assert owned["/etc/kubernetes/-rf"].sha256
    assert owned["/etc/kubernetes/manifests/etcd.yaml"].content == b"kind: Pod\n"
    assert owned["/etc/kubernetes/manifests/.etcd.yaml.tmp"].content is None
    assert owned["/etc/kubernetes/encryption.yaml"].content is None
    assert owned["/etc/kubelet.d/web.yaml"].content
    assert owned["/etc/kubelet.d/.hidden"].content is None
    assert owned["/etc/kubelet.d/app.key"].content is None
    assert owned["/var/lib/etcd"].mode == 0o700
    assert owned["/etc/sysusers.d/kubernetes-etcd.conf"].sha256
    assert owned["/var/lib/kubelet/pki/kubelet-client-current.pem"].target == "kubelet-client-2026.pem"
    assert owned["/var/lib/kubelet/pki/kubelet-client-current.pem"].content == PEM.encode()
    assert "/var/lib/etcd/member" not in owned


def _check_kubelet(facts: Facts) -> None:
    manifests = facts.kubelet.manifests
    assert (manifests.path, manifests.source) == (PurePosixPath("/etc/kubelet.d"), "config-dir /etc/kc/10-x.conf")
    assert manifests.listed
    assert facts.kubelet.cgroup_driver == "systemd"
    assert facts.etcd.has_member
    kubeconfig = facts.kubeconfigs[PurePosixPath("/etc/kubernetes/kubelet.conf")]
    assert (kubeconfig.server, kubeconfig.certificate_authority) == ("https://192.0.2.11:6443", PEM.encode())
    (log,) = facts.pod_logs
    assert (log.container, log.restarts) == ("etcd", 3)


@needs_mounts
def test_nothing_is_written(root: tuple[str, ...], tmp_path: Path) -> None:
    before = _tree(tmp_path / "host/upper")
    run(("sh",), script(DATA_DIR), root)
    assert _tree(tmp_path / "host/upper") == before


@needs_mounts
def test_too_many_files_are_said_and_do_not_take_for_ever(root: tuple[str, ...], tmp_path: Path) -> None:
    many = tmp_path / "host/upper/etc/kubernetes/tmp"
    many.mkdir()
    for number in range(2100):
        (many / str(number)).touch()
    with pytest.raises(Exception, match="more than 2000 files"):
        parse("cp1", run(("sh",), script(DATA_DIR), root).stdout, 0.0)


@needs_mounts
def test_a_file_that_is_too_big_is_said(root: tuple[str, ...], tmp_path: Path) -> None:
    with (tmp_path / "host/upper/etc/kubernetes/pki/huge.crt").open("wb") as file:
        file.truncate(64 << 20)
    answer = run(("sh",), script(DATA_DIR), root).stdout
    assert len(answer) < 16 << 20
    with pytest.raises(Exception, match="cut short"):
        parse("cp1", answer, 0.0)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can become somebody else")
def test_without_privileges_it_reads_what_it_may() -> None:
    prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    facts = parse("here", run(("sh",), script(DATA_DIR), prefix).stdout, 0.0)
    assert not facts.privileged
    assert facts.hostname == socket.gethostname()


def test_a_script_that_was_cut_does_nothing() -> None:
    text = script(DATA_DIR)
    for length in (len(text) // 3, len(text) // 2, text.rindex("\nmain ")):
        assert run(("sh",), text[:length]).stdout == ""


def test_parameters_are_quoted() -> None:
    directory = PurePosixPath("/var/lib/x'; echo pwned; '$(id)")
    facts = parse("here", run(("sh",), script(directory)).stdout, 0.0)
    assert facts.etcd.data_dir == directory


def test_an_odd_environment_changes_nothing() -> None:
    done = run(("sh",), script(DATA_DIR), IFS="/", QUOTING_STYLE="c", BLOCK_SIZE="human-readable", CDPATH="/tmp", TZ="Asia/Tokyo")
    assert parse("here", done.stdout, 0.0).disks[0].mount_point.startswith("/")


POLICY = "rules:\n- level: Metadata\n"
ENCRYPTION = f"""apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox: {{keys: [{{name: key1, secret: {CANARY}}}]}}
  - "aescbc":
      keys:
      - {{name: identity, secret: {CANARY}}}
      - name: aesgcm
        secret: |
          {CANARY}
  - identity: {{}}
- resources: [configmaps]
  providers:
  - kms: {{name: {CANARY}}}"""
ENCRYPTION_JSON = f'''{{
  "resources": [{{
    "providers": [
      {{"secretbox": {{"keys": [{{"secret": "{CANARY}"}}]}}}},
      {{"identity": {{}}}}
    ]
  }}]
}}'''


ENCRYPTIONS = {
    "yaml": (ENCRYPTION, (("secretbox", "aescbc", "identity"), ("kms",))),
    "json": (ENCRYPTION_JSON, (("secretbox", "identity"),)),
    "one-line": (f"providers: [{{secretbox: {CANARY}}}]", ((),)),
    "empty": ("", ()),
    "something-else": (CANARY, ()),
}  # fmt: skip


@pytest.mark.parametrize("shell", PRESENT.values(), ids=PRESENT)
@needs_mounts
def test_what_only_a_look_at_the_hardening_reads(shell: tuple[str, ...], root: tuple[str, ...], tmp_path: Path) -> None:
    texts = {"policy.yaml": POLICY, "proxy.conf": "metricsBindAddress: 0.0.0.0\n"}
    texts |= {name: text for name, (text, _) in ENCRYPTIONS.items()}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    with contextlib.ExitStack() as running:
        for name in ENCRYPTIONS:
            running.enter_context(
                pretending("kube-apiserver", f"--audit-policy-file={tmp_path}/policy.yaml", "--authentication-config=/nowhere",
                           f"--encryption-provider-config={tmp_path}/{name}")
            )  # fmt: skip
        proxy = running.enter_context(pretending("kube-proxy", f"--config={tmp_path}/proxy.conf"))
        done = run(shell, script(DATA_DIR, security=True), root)
    facts = parse("cp1", done.stdout, 0.0, security=True)
    assert CANARY not in _decoded(done.stdout)
    assert facts.security is not None
    assert facts.security.files == {PurePosixPath(tmp_path, "policy.yaml"): POLICY.encode()}
    assert facts.security.encryption == {PurePosixPath(tmp_path, name): found for name, (_, found) in ENCRYPTIONS.items()}
    (kube_proxy,) = [one for one in facts.security.kube_proxies if one.pid == proxy.pid]
    assert (kube_proxy.argv[0], kube_proxy.config) == ("kube-proxy", {"metricsBindAddress": "0.0.0.0"})
    for name in ("etc/cni/net.d/10-bridge.conflist", "etc/cni/net.d/calico/kubeconfig", "var/lib/cni/networks/pods/10.244.0.2"):
        seen = facts.owned[PurePosixPath("/", name)]
        assert (seen.mode, seen.content) == (0o644, None)


@needs_mounts
def test_other_commands_do_not_read_it(root: tuple[str, ...]) -> None:
    facts = parse("cp1", run(("sh",), script(DATA_DIR), root).stdout, 0.0)
    assert facts.security is None
    assert not any("cni" in str(path) for path in facts.owned)


@needs_mounts
def test_a_pod_network_with_thousands_of_files_is_cut_short(root: tuple[str, ...], tmp_path: Path) -> None:
    network = tmp_path / "host/upper/var/lib/cni/networks/pods"
    for number in range(3000):
        (network / f"10.244.{number // 250}.{number % 250}").touch()
    facts = parse("cp1", run(("sh",), script(DATA_DIR, security=True), root).stdout, 0.0, security=True)
    assert 400 < len([path for path in facts.owned if network.name in path.parts]) <= 500


@contextlib.contextmanager
def pretending(name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that calls itself so, and was started with those arguments."""
    code = f"import time; open('/proc/self/comm','w').write('{name}'); print('here', flush=True); time.sleep(600)"
    with subprocess.Popen([name, "-c", code, *arguments], executable=sys.executable, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture
def etcd() -> Iterator[subprocess.Popen[bytes]]:
    """A process that calls itself etcd, listens, and has a digest in its environment."""
    code = "import socket,time; open('/proc/self/comm','w').write('etcd'); s=socket.create_server(('127.0.0.1',0)); " \
        "print(s.getsockname()[1], flush=True); time.sleep(60)"
    argv = ["etcd", "-c", code, "--name=cp1"]
    env = {"BOOTSTRAP_DIGEST": "0123abcd", "TOKEN": CANARY}
    with subprocess.Popen(argv, executable=sys.executable, stdout=subprocess.PIPE, env=env) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("shell", PRESENT.values(), ids=PRESENT)
def test_a_process_with_its_digest_and_its_port(shell: tuple[str, ...], etcd: subprocess.Popen[bytes]) -> None:
    assert etcd.stdout is not None
    port = int(etcd.stdout.readline())
    done = run(shell, script(DATA_DIR))
    facts = parse("here", done.stdout, 0.0)
    (found,) = [one for one in facts.processes if one.pid == etcd.pid]
    assert (found.component, found.digest, found.argv[-1]) == ("etcd", "0123abcd", "--name=cp1")
    assert abs(found.start_time - time.time()) < 30
    (listener,) = [one for one in facts.listeners if one.port == port]
    assert (listener.address, listener.pid, listener.process, listener.in_static_pod) == ("127.0.0.1", etcd.pid, "etcd", False)
    assert CANARY not in _decoded(done.stdout)


def _decoded(answer: str) -> str:
    return base64.b64decode("".join(answer.splitlines()[1:-1])).decode(errors="replace")


def _tree(directory: Path) -> list[tuple[str, int, float]]:
    return sorted((str(path), path.lstat().st_mode, path.lstat().st_mtime) for path in directory.rglob("*"))
