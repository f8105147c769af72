"""Names: of hosts, clusters, labels, flags, variables, images."""

from __future__ import annotations

import re
from ipaddress import ip_address

from bootstrap.syntax import Mistake, named, one_line, quoted

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
LABEL_PATTERN = rf"^{LABEL}$"
SUBDOMAIN_PATTERN = rf"^{LABEL}(\.{LABEL})*$"
VERSION_PATTERN = r"^v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$"
FLAG_PATTERN = r"^[a-z0-9]([-a-z0-9_.]*[a-z0-9])?$"
ENV_PATTERN = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"

HOST_NAME_LIMIT = 63  # the kubelet puts it into the label kubernetes.io/hostname
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
# Source: kubeadm app/features/features.go (v1.36.3).
_KUBEADMS_GATES = ("NodeLocalCRISocket", "PublicKeysECDSA", "RootlessControlPlane")
_TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_KUBELET_OWN = (
    "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
)  # fmt: skip
_ALLOWED_LABELS = (
    "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "node.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region", "beta.kubernetes.io/instance-type",
)  # fmt: skip


def label(text: str) -> str:
    """An RFC 1123 label: at most 63 lower case letters, digits and dashes."""
    if len(text) > 63:
        raise Mistake(f"is {len(text)} characters long", "at most 63")
    return _rfc1123(text, LABEL_PATTERN, "lower case letters, digits and dashes, such as demo-1")


def subdomain(text: str) -> str:
    """An RFC 1123 subdomain: labels joined by dots, at most 253 characters."""
    if len(text) > 253:
        raise Mistake(f"is {len(text)} characters long", "at most 253")
    if any(len(part) > 63 for part in text.split(".")):
        raise Mistake("has a part of more than 63 characters between its dots", "at most 63 each")
    return _rfc1123(text, SUBDOMAIN_PATTERN, "lower case letters, digits, dashes and dots, such as cp1.example.com")


def host_name(text: str) -> str:
    """A node's name: an RFC 1123 subdomain that also fits into the label kubernetes.io/hostname."""
    subdomain(text)
    if len(text) > HOST_NAME_LIMIT:
        raise Mistake(
            f"is {len(text)} characters long",
            f"at most {HOST_NAME_LIMIT}: the kubelet puts it into the label kubernetes.io/hostname",
        )
    hint = "the host's own name, as `hostname` prints it on the host"
    if _is_address(text) or ("." in text and is_numeric(text)):
        raise Mistake(f"{quoted(text)} is an address, not a name", hint)
    if is_localhost(text):
        raise Mistake(f"{quoted(text)} is every machine's own name for itself", hint)
    return text


def is_localhost(name: str) -> bool:
    """Whether a name means whoever asks. Source: RFC 6761, section 6.3; the second is in the /etc/hosts of Red Hat and SUSE."""
    return name == "localhost" or name.endswith(".localhost") or name in ("localhost.localdomain", "localhost6.localdomain6")


def is_numeric(name: str) -> bool:
    """Whether resolvers take a name for an IPv4 address, in whatever form: 192.0.2.010, 3221225985, 0xc0000201 (inet_aton(3))."""
    return re.fullmatch(r"(0[xX][0-9a-fA-F]*|[0-9]+)(\.(0[xX][0-9a-fA-F]*|[0-9]+))*\.?", name) is not None


def cluster_name(text: str) -> str:
    """kubeadm's clusterName; it ends up in kubeconfig contexts and in a flag. Empty: the inventory's name."""
    if text and (len(text) > 63 or not _QUALIFIED.fullmatch(text)):
        raise Mistake(f"{quoted(text)} is not a cluster name", "at most 63 letters, digits, dashes, dots and underscores")
    return text


def version(text: str) -> str:
    """A Kubernetes release, `vMAJOR.MINOR.PATCH`; a missing v is put in front."""
    if re.match(VERSION_PATTERN, text, re.ASCII) and len(text) < 32 and not text.endswith("\n"):
        return text if text.startswith("v") else f"v{text}"
    if re.fullmatch(r"v?[0-9]+\.[0-9]+", text):
        raise Mistake(f"{quoted(text)} names no patch release", f"such as v{text.removeprefix('v')}.3")
    if re.match(r"v?[0-9]+\.[0-9]+\.[0-9]+[-+]", text):
        raise Mistake(f"{quoted(text)} is not a final release", "a release without suffix, such as v1.36.3")
    raise Mistake(f"{quoted(text)} is not a Kubernetes release", "vMAJOR.MINOR.PATCH, such as v1.36.3")


def qualified_name(text: str) -> str:
    """The key of a label or taint: `name` or `prefix/name`."""
    prefix, slash, name = text.rpartition("/")
    if not name or len(name) > 63 or not _QUALIFIED.fullmatch(name):
        raise Mistake(
            f"{quoted(text)} is not a key",
            "at most 63 letters, digits, dashes, dots and underscores, with or without prefix/ in front",
        )
    if slash:
        try:
            subdomain(prefix)
        except Mistake as error:
            raise Mistake(f"{quoted(text)} has a prefix that is not a DNS name", "such as example.com/disk") from error
    return text


def label_key(text: str) -> str:
    """The key of a node label that an inventory may set: not those of the kubelet, nor of Kubernetes' own namespaces.

    Source: kubelet/pkg/apis/well_known_labels.go (v1.36), plus node-role.kubernetes.io/, which an administrator may set.
    """
    qualified_name(text)
    if text in _KUBELET_OWN:
        raise Mistake(f"{quoted(text)} is set by the kubelet itself", "leave it out")
    if text == "node-role.kubernetes.io/control-plane":
        raise Mistake(f"{quoted(text)} follows from the host's role", "leave it out")
    namespace = text.rpartition("/")[0]
    reserved = any(namespace == name or namespace.endswith("." + name) for name in ("kubernetes.io", "k8s.io"))
    allowed = namespace == "node-role.kubernetes.io" or any(
        namespace == name or namespace.endswith("." + name) for name in ("kubelet.kubernetes.io", "node.kubernetes.io")
    )
    if reserved and not allowed and text not in _ALLOWED_LABELS:
        raise Mistake(f"{quoted(text)} is in a namespace of Kubernetes", "a prefix of your own, such as example.com/")
    return text


def label_value(text: str) -> str:
    """The value of a label or taint; it may be empty."""
    if text and (len(text) > 63 or not _QUALIFIED.fullmatch(text)):
        raise Mistake(
            f"{quoted(text)} is not a label value",
            "at most 63 letters, digits, dashes, dots and underscores, beginning and ending with a letter or digit",
        )
    return text


def taint_effect(text: str) -> str:
    if text not in _TAINT_EFFECTS:
        raise Mistake(f"{quoted(text)} is not an effect", "one of " + ", ".join(_TAINT_EFFECTS))
    return text


def flag_name(text: str) -> str:
    """A flag as kubeadm's extraArgs have it: no dashes in front, no value."""
    if text.startswith("-"):
        raise Mistake(f"{quoted(text)} begins with a dash", f"without the dashes: {quoted(text.lstrip('-').partition('=')[0])}")
    if "=" in text:
        raise Mistake(f"{quoted(text)} holds a value", "only the flag's name here; its value goes into `value`")
    if text != text.lower() and re.fullmatch(FLAG_PATTERN, text.lower(), re.ASCII):
        raise Mistake(f"{quoted(text)} has upper case letters, which no flag has", f"in lower case: {text.lower()}")
    if not re.fullmatch(FLAG_PATTERN, text, re.ASCII) or text.endswith("\n"):
        raise Mistake(f"{quoted(text)} is not a flag's name", "letters, digits, dashes and dots, such as audit-log-maxage")
    return text


def env_name(text: str) -> str:
    """The name of an environment variable in a container."""
    if not re.fullmatch(ENV_PATTERN, text, re.ASCII) or text in (".", "..") or text.startswith("../"):
        raise Mistake(f"{quoted(text)} is not the name of a variable", "letters, digits and underscores, such as GODEBUG")
    if text.startswith("BOOTSTRAP_"):
        raise Mistake(f"{quoted(text)} is one of this tool's own variables", "a name that does not begin with BOOTSTRAP_")
    return text


def local_env_name(text: str) -> str:
    """The name of an environment variable on the operator's machine."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        # the value is not shown: it may be the secret itself
        raise Mistake("is not the name of a variable", "the variable's name, not the secret itself: SUDO_PASSWORD")
    return text


def image_repository(text: str) -> str:
    """Where images come from: `host[:port][/path]`, no scheme, no tag. Empty where it is inherited."""
    part = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
    label = r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
    host = rf"{label}(\.{label})*(:(?P<port>[1-9][0-9]{{0,4}}))?"
    if "://" in text:
        raise Mistake(f"{quoted(text)} is a URL", "without scheme: registry.example.com/k8s")
    found = re.fullmatch(rf"{host}(/{part})*", text)
    if text and (len(text) > 200 or found is None or int(found["port"] or 1) > 65535):
        hint = "host[:port][/path] without image name and tag, such as registry.k8s.io"
        raise Mistake(f"{quoted(text)} is not an image repository", hint)
    return text


def main_image_repository(text: str) -> str:
    """A repository that has a default: leaving it empty would mean nothing."""
    if not text:
        raise Mistake("is empty", "such as registry.k8s.io; leave the line out for the default")
    return image_repository(text)


def image_tag(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9_][-A-Za-z0-9_.]{0,127}", text):
        raise Mistake(f"{quoted(text)} is not an image tag", "such as 3.6.8-0")
    return text


def required_image_tag(text: str) -> str:
    """A tag that nothing stands in for."""
    if not text:
        raise Mistake("is empty", "the image's tag, such as 2.0.20")
    return image_tag(text)


def interface(text: str) -> str:
    """A network interface's name, of those that need no quotes anywhere. Source: Linux, dev_valid_name (15 bytes)."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", text):
        raise Mistake(f"{quoted(text)} is not the name of a network interface", "such as eth0: ip -brief address")
    return text


def install(text: str) -> str:
    """Who installs kubelet and runtime."""
    if text != "none":
        raise Mistake(f"{quoted(text)} is not supported", "none: bootstrap installs nothing, kubelet and runtime must be there")
    return text


def feature_gate(text: str) -> str:
    """A feature gate of Kubernetes' components."""
    if text in _KUBEADMS_GATES:
        raise Mistake(f"{quoted(text)} is a gate of kubeadm itself", "leave it out: it says nothing here")
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", text):
        raise Mistake(f"{quoted(text)} is not the name of a feature gate", "a name such as AllBeta: true or false")
    return text


def flag_value(text: str) -> str:
    """The value of a flag: one line that can be printed, for it may stand in a unit file too (`render.systemd_word`)."""
    hidden = next((c for c in one_line(text) if not c.isprintable()), "")
    if hidden:
        raise Mistake(f"holds {named(hidden)}, which cannot be printed", "remove it, or type the text again by hand")
    return text


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _rfc1123(text: str, pattern: str, hint: str) -> str:
    if not text:
        raise Mistake("is empty", hint)
    if re.fullmatch(pattern, text, re.ASCII) and not text.endswith("\n"):
        return text
    if re.fullmatch(pattern, text.lower(), re.ASCII):
        raise Mistake(f"{quoted(text)} has upper case letters", f"in lower case: {text.lower()}")
    if text[0] in "-." or text[-1] in "-.":
        raise Mistake(f"{quoted(text)} begins or ends with a dash or dot", hint)
    raise Mistake(f"{quoted(text)} is not a valid name (RFC 1123)", hint)
