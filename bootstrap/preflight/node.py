"""Checks of the kubelet and the container runtime of one host."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from shlex import quote

from bootstrap import constants as k
from bootstrap import etcd_user, proxies
from bootstrap.preflight.finding import Finding, error, path_name, warning
from bootstrap.preflight.subject import DEFAULT_CGROUP_DRIVER, Fleet, Subject, parsed
from bootstrap.versions import Version, kubelet_skew_problem

# From these on a runtime tells the kubelet its cgroup driver (CRI RuntimeConfig), and the kubelet follows.
_TELLS_ITS_DRIVER = {"containerd": Version(2, 0, 0), "cri-o": Version(1, 28, 0)}


def kubelet(subject: Subject) -> Iterator[Finding]:
    found = subject.facts.kubelet
    if found.binary is None:
        yield error("FileExisting-kubelet", subject.name, "no kubelet is installed",
                    f"install the package kubelet, {subject.cluster.kubernetes_version}")
        return
    version = subject.kubelet_version
    if version is None:
        yield error("KubeletVersion", subject.name, f"{found.binary} --version gave no version")
        return
    problem = kubelet_skew_problem(version, Version.parse(subject.cluster.kubernetes_version))
    if problem:
        yield error("KubeletVersion", subject.name, problem, "install a kubelet of the control plane's minor")


def kubelet_service(subject: Subject) -> Iterator[Finding]:
    """Only that there is one: enabling and starting it is our own doing."""
    if not subject.facts.systemd:
        yield error("Service-Kubelet", subject.name, "systemd is not the init system of this host")
        return
    service = subject.facts.services.get("kubelet.service")
    state = "" if service is None else service.load_state
    if state == "masked":
        yield error("Service-Kubelet", subject.name, "kubelet.service is masked", "systemctl unmask kubelet")
    elif state != "loaded" and subject.facts.kubelet.binary is not None:
        yield error("Service-Kubelet", subject.name, f"there is no kubelet.service ({state or 'systemctl did not say'})",
                    "install the kubelet's package, or put its unit into /etc/systemd/system/kubelet.service")
    if service is not None and service.active_state == "activating" and service.sub_state != "auto-restart":
        yield warning("KubeletActivating", subject.name, "the kubelet is just being started: manifests written now may run twice",
                      "wait some seconds and run the command again")


def drop_ins(subject: Subject) -> Iterator[Finding]:
    """A drop-in that sorts after ours and sets ExecStart takes the whole command line away."""
    for path, seen in subject.facts.owned.items():
        if (path.parent.name == k.KUBELET_DROP_IN.parent.name and path.suffix == ".conf" and path.name > k.KUBELET_DROP_IN.name
                and b"ExecStart=" in (seen.content or b"")):
            yield error("KubeletDropIns", subject.name, f"{path} sets ExecStart and is read after {k.KUBELET_DROP_IN.name}",
                        f"its flags belong into spec.kubelet.extraArgs: rm {quote(str(path))}")


def static_pod_path(subject: Subject) -> Iterator[Finding]:
    found = subject.facts.kubelet
    if found.problem:
        yield error("KubeletConfiguration", subject.name,
                    f"where this kubelet reads static pods cannot be found out: {found.problem}")
    if found.manifests.is_file:
        yield error("StaticPodPath", subject.name,
                    f"the kubelet's static pod path, {found.manifests.path}, is a single file ({found.manifests.source})",
                    "make it a directory: staticPodPath: /etc/kubernetes/manifests")
    elif not found.manifests.listed:
        yield error("StaticPodPath", subject.name,
                    f"{found.manifests.source} names {found.manifests.path} in a way that the script cannot read",
                    "write it on one line: `staticPodPath: /etc/kubernetes/manifests`")


def foreign_kubelet(subject: Subject) -> Iterator[Finding]:
    """A kubelet.conf that leads to another cluster: its server is none of ours, or its CA is not this host's."""
    path = subject.facts.kubelet.kubeconfig or str(k.KUBERNETES_DIR / "kubelet.conf")
    found = next((one for one in subject.facts.kubeconfigs.values() if str(one.path) == path), None)
    if found is None:
        return
    port = subject.cluster.api_server.bind_port
    names = {host.address for host in subject.cluster.hosts} | {host.name for host in subject.cluster.hosts}
    names |= {host.secondary_address for host in subject.cluster.hosts if host.secondary_address}
    servers = {f"{f'[{name}]' if ':' in name else name}:{port}" for name in (*names, "127.0.0.1", "localhost", "::1")}
    endpoint = subject.cluster.control_plane_endpoint
    servers |= {endpoint, f"{endpoint}:{port}"} if endpoint else set()
    servers |= {one.removesuffix(":443") for one in servers}
    ca = subject.facts.owned.get(k.PKI_DIR / "ca.crt")
    name, hint = path_name("FileAvailable", path), "reset the host first, or take it out of the inventory"
    state = "a kubelet runs here" if subject.facts.kubelet.argv else "there is a kubelet.conf"
    if found.server and found.server.removeprefix("https://").rstrip("/") not in servers:
        yield error(name, subject.name, f"{state} that belongs to another cluster: its server is {found.server}", hint)
    elif found.certificate_authority and ca is not None and ca.content is not None:
        known = b"".join(ca.content.split())
        if b"".join(found.certificate_authority.split()) not in known:
            yield error(name, subject.name, f"{state} whose CA is not {k.PKI_DIR / 'ca.crt'}", hint)


def runtime(subject: Subject) -> Iterator[Finding]:
    found = subject.facts.runtime
    unit = "crio" if found.name == "cri-o" else found.name or "containerd"
    service = subject.facts.services.get(f"{unit}.service")
    if not found.socket:
        yield error("CRI", subject.name, "no container runtime was found", "install containerd or CRI-O")
    elif not found.socket_exists:
        yield error("CRI", subject.name, f"the container runtime does not run: there is no socket {found.socket}",
                    f"systemctl enable --now {unit}")
    elif subject.asked and not subject.answers.images and service is not None and service.active_state in ("inactive", "failed"):
        # A runtime that was killed leaves its socket behind. One that lists its images runs, whatever started it.
        yield error("CRI", subject.name, f"the container runtime does not run: {unit}.service is {service.active_state}",
                    f"systemctl enable --now {unit}; systemctl status {unit}")


def cgroup_driver(subject: Subject) -> Iterator[Finding]:
    found = subject.facts.runtime
    wanted = str(subject.kubelet_config.get("cgroupDriver", DEFAULT_CGROUP_DRIVER))
    since, version = _TELLS_ITS_DRIVER.get(found.name), parsed(_release(found.version))
    if since is None or version is None or version >= since:
        return
    if found.cgroup_driver and found.cgroup_driver != wanted:
        yield error(
            "ContainerRuntimeVersion", subject.name,
            f"the kubelet will use the cgroup driver {wanted}, {found.name} {found.version} uses {found.cgroup_driver}",
            f"set SystemdCgroup = {str(wanted == 'systemd').lower()} in /etc/containerd/config.toml and restart it; "
            f"or cgroupDriver: {found.cgroup_driver} in spec.kubelet.config",
        )
    else:
        yield warning("ContainerRuntimeVersion", subject.name,
                      f"{found.name} {found.version} cannot tell the kubelet its cgroup driver; kubelets from 1.38 on want that",
                      f"update it to {since.major}.{since.minor} or later")


def etcds_user(subject: Subject) -> Iterator[Finding]:
    """Whether etcd can run as the user that the inventory says, on the data that is there."""
    found = etcd_user.problem(subject.facts, wanted=subject.cluster.hardening.etcd_user) if subject.is_control_plane else None
    if found is not None:
        yield error("EtcdUser", subject.name, *found)


def proxy(subject: Subject) -> Iterator[Finding]:
    """The kubelet talks to its own API server; with a proxy in between it would not."""
    environment = subject.facts.kubelet.proxies
    address = subject.host.address
    if ("HTTPS_PROXY" in environment) and not _excepted(environment.get("NO_PROXY", ""), address):
        yield warning("HTTPProxy", subject.name,
                      f"the kubelet would reach https://{address} through the proxy {environment['HTTPS_PROXY']}",
                      f"add {address} to NO_PROXY of kubelet.service")


def proxy_of_pods(fleet: Fleet) -> Iterator[Finding]:
    given = (*proxies.variables(fleet.cluster), *fleet.cluster.api_server.extra_envs)
    environment = {env.name.upper(): env.value for env in given}
    if "HTTPS_PROXY" not in environment:
        return
    networking = fleet.cluster.networking
    for subnet in (*networking.service_subnet.split(","), *networking.pod_subnet.split(",")):
        first = str(next(ip_network(subnet).hosts()))
        if not _excepted(environment.get("NO_PROXY", ""), first):
            yield warning("HTTPProxyCIDR", None, f"the API server would reach {subnet} through a proxy",
                          f"add {subnet} to NO_PROXY in spec.apiServer.extraEnvs")


def _excepted(no_proxy: str, address: str) -> bool:
    """As Go's httpproxy: addresses, subnets, `*`."""
    for entry in (part.strip() for part in no_proxy.split(",")):
        try:
            if entry == "*" or ip_address(address) in ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False


def _release(version: str) -> str:
    """`1.6.20~ds1` and `2.1.0-1ubuntu1` without what a distribution adds."""
    return version.partition("~")[0].partition("-")[0].partition("+")[0]
