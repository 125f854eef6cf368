"""TLS on both sides of a proxy, so that it still reads what passes."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tls:
    """PEM files: the authority that both sides trust, and what the proxy shows to both as its own.

    ``clients``: whether a client must show a certificate of that authority, as Redis' tls-auth-clients.
    """

    ca: Path
    cert: Path
    key: Path
    clients: bool = True

    def for_clients(self) -> ssl.SSLContext:
        """OSError when a file cannot be used."""
        context = self._with_files(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED if self.clients else ssl.CERT_NONE
        return context

    def for_backend(self) -> ssl.SSLContext:
        """OSError when a file cannot be used."""
        context = self._with_files(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # as hiredis: whoever shows a certificate of the authority is trusted
        return context

    def _with_files(self, side: int) -> ssl.SSLContext:
        context = ssl.SSLContext(side)
        context.load_verify_locations(self.ca)
        context.load_cert_chain(self.cert, self.key)
        return context
