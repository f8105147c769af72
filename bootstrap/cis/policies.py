"""3: who people are to the cluster, and what is written down about what they do."""

from __future__ import annotations

from bootstrap.cis.audit_policy import gaps
from bootstrap.cis.flags import flags_of, value_of
from bootstrap.cis.model import Check, Verdict, for_a_person, manual
from bootstrap.cis.yaml_files import read
from bootstrap.constants import API_SERVER, KUBERNETES_DIR
from bootstrap.facts import Facts

FLAG = f"{API_SERVER} --audit-policy-file"
AUDIT = "spec.hardening.audit.enabled: true"
OIDC = "oidc-* flags, or authentication-config, in spec.apiServer.extraArgs"


def _kubeconfigs(facts: Facts) -> str:
    names = [path.name for path in sorted(facts.kubeconfigs) if path.parent == KUBERNETES_DIR and "admin" in path.name]
    return f"on this host {', '.join(names)}" if names else "no administrator's kubeconfig on this host"


def _people(facts: Facts) -> str:
    flags = flags_of(facts, API_SERVER) or {}
    known = sorted(name for name in flags if name in ("oidc-issuer-url", "authentication-config"))
    return f"--{', --'.join(known)}" if known else "no OpenID Connect"


def _bootstrap_tokens(facts: Facts) -> str:
    said = value_of(flags_of(facts, API_SERVER) or {}, "enable-bootstrap-token-auth")
    return f"--enable-bootstrap-token-auth={said}" if said else "no bootstrap tokens"


def _policy(facts: Facts) -> Verdict:
    path = value_of(flags_of(facts, API_SERVER) or {}, "audit-policy-file")
    return Verdict(bool(path), FLAG, path or "not set", "set")


def _coverage(facts: Facts) -> Verdict:
    wanted = "Secrets at Metadata; changes of pods and deployments; exec, portforward and proxy"
    path = value_of(flags_of(facts, API_SERVER) or {}, "audit-policy-file")
    policy = read(facts, path) if path else None
    if policy is None:
        return Verdict(False, FLAG, f"{path} cannot be read" if path else "not set", wanted)
    missing = gaps(policy)
    return Verdict(not missing, str(path), "; ".join(missing) or "all of it", wanted)


CHECKS: tuple[Check, ...] = (
    manual("3.1.1", "people have no client certificates",
           for_a_person("who holds a kubeconfig", _kubeconfigs), OIDC),
    manual("3.1.2", "people have no service account tokens",
           for_a_person("who holds a token", _people), OIDC),
    manual("3.1.3", "people have no bootstrap tokens",
           for_a_person("who holds a token", _bootstrap_tokens),
           "kubectl -n kube-system get secrets --field-selector type=bootstrap.kubernetes.io/token"),
    manual("3.2.1", "there is an audit policy", _policy, AUDIT),
    manual("3.2.2", "the audit policy covers what matters", _coverage, "spec.hardening.audit.policyFile"),
)  # fmt: skip
