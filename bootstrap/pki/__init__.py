"""Certificates and keys of a cluster: values in, values out; the clock is passed in, no file or host is touched.

The way through it: `found_on` each control plane host, `gather` the authorities, ask `pki_due` per host; if anything is
due read `keys_to_read` and gather again; then `pki_files` per host.
"""

from __future__ import annotations

from bootstrap.pki.authority import Authorities, Authority, ServiceAccountKeys
from bootstrap.pki.check import problem_with, problem_with_authority
from bootstrap.pki.etcd_copies import etcd_copies, keys_due
from bootstrap.pki.gather import MEND, Found, conflicts, found_in, found_on, gather, keys_to_read
from bootstrap.pki.host import HostFiles, Kept, Renewal, pki_due, pki_files
from bootstrap.pki.issue import Issued, issue, new_authority, new_service_account_keys
from bootstrap.pki.names import AltNames
from bootstrap.pki.table import AUTHORITIES, CERTIFICATES, AuthorityEntry, CertificateEntry, Usage, Wanted

__all__ = [
    "AUTHORITIES",
    "CERTIFICATES",
    "MEND",
    "AltNames",
    "Authorities",
    "Authority",
    "AuthorityEntry",
    "CertificateEntry",
    "Found",
    "HostFiles",
    "Issued",
    "Kept",
    "Renewal",
    "ServiceAccountKeys",
    "Usage",
    "Wanted",
    "conflicts",
    "etcd_copies",
    "found_in",
    "found_on",
    "gather",
    "issue",
    "keys_due",
    "keys_to_read",
    "new_authority",
    "new_service_account_keys",
    "pki_due",
    "pki_files",
    "problem_with",
    "problem_with_authority",
]
