"""Cipher suites of TLS 1.2; those of TLS 1.3 are all good, and Go does not let them be chosen."""

from __future__ import annotations

# Forward secrecy and authenticated encryption, for servers with ECDSA and with RSA keys. HTTP/2 needs AES_128_GCM. Go chooses the
# order by itself. CHACHA20 is named as the CIS benchmark has it (1.2.29, 4.2.12), without `_SHA256`; both names are known to
# Kubernetes (component-base cli/flag/ciphersuites_flag.go, v1.36.3) and etcd (client/pkg/tlsutil/cipher_suites.go, 3.6, 3.7).
CIPHER_SUITES = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
)
MIN_VERSION = "VersionTLS12"
