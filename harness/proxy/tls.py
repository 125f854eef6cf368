"""TLS on both sides of a proxy, so that it still reads what passes."""

from __future__ import annotations

import ssl

from harness.store.base import Tls


def for_clients(tls: Tls) -> ssl.SSLContext:
    """A client must show a certificate of the authority, as Redis asks it to. OSError when a file cannot be used."""
    context = _with_files(tls, ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def for_backend(tls: Tls) -> ssl.SSLContext:
    """OSError when a file cannot be used."""
    context = _with_files(tls, ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # as hiredis: whoever shows a certificate of the authority is trusted
    return context


def _with_files(tls: Tls, side: int) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.load_verify_locations(tls.ca)
    context.load_cert_chain(tls.certificate, tls.key)
    return context
