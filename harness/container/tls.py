"""A private authority for one Redis behind TLS, and the one certificate that all sides show."""

from __future__ import annotations

import trustme

from harness.store.base import Tls


def certify(tls: Tls, *names: str) -> None:
    """Write the files of ``tls``, unless they are there: a certificate for ``names``, which are IPs or host names."""
    if tls.ca.exists():
        return
    authority = trustme.CA()
    issued = authority.issue_cert(*names)
    for file in (tls.ca, tls.certificate, tls.key):
        file.parent.mkdir(parents=True, exist_ok=True)
    authority.cert_pem.write_to_path(str(tls.ca))
    tls.certificate.write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(tls.key))
    # A GCS in an image of its own may be any user; the key is good for this run alone.
    tls.key.chmod(0o644)
