"""What a Redis of our own is told, in the words of its configuration file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.store.base import Login, StoreSettings

PERSISTENCE = {
    "none": ('save ""', "appendonly no"),
    "rdb": ("save 1 1", "appendonly no", "stop-writes-on-bgsave-error no"),
    # Whatever was acknowledged is on the disk, so that killing store and GCS together loses nothing.
    "aof": ('save ""', "appendonly yes", "appendfsync always", "auto-aof-rewrite-percentage 0"),
}
ALL_RIGHTS = "~* &* +@all"


def config(
    settings: StoreSettings, bind: str, data: Path, persistence: str, rights: Sequence[str] = ()
) -> list[str]:
    """The lines for a server that is reached as ``settings`` say, listens at ``bind`` and keeps its files in ``data``.

    ``rights``: lines for users who may do less than all.
    """
    return [
        f"bind {bind}",
        f'dir "{data}"',
        "protected-mode no",  # nothing but this machine reaches it
        "daemonize no",
        *PERSISTENCE[persistence],
        *_listening(settings),
        *_users(settings, rights),
    ]


def _listening(settings: StoreSettings) -> list[str]:
    if settings.tls is None:
        return [f"port {settings.port}"]
    return [
        "port 0",
        f"tls-port {settings.port}",
        f'tls-ca-cert-file "{settings.tls.ca}"',
        f'tls-cert-file "{settings.tls.certificate}"',
        f'tls-key-file "{settings.tls.key}"',
        "tls-auth-clients yes",
    ]


def _users(settings: StoreSettings, rights: Sequence[str]) -> list[str]:
    """Whoever ``settings`` name has all rights, unless ``rights`` say otherwise, and strangers have none."""
    if settings.password and not settings.username:
        return [f'requirepass "{settings.password}"']
    login = settings.owner or Login(settings.username, settings.password)
    if not login.username:
        return []
    # The default user is off and yet has rights: it is as this one that a server reads its own log again, and
    # of a transaction that it may not execute it keeps nothing (Redis 7.0 and 8.2; Valkey 9 keeps it).
    nobody = f"user default off {ALL_RIGHTS}"
    lines = [f"user {login.username} on >{login.password} {ALL_RIGHTS}", nobody, *rights]
    # A user may be spoken of once.
    return list({line.split()[1]: line for line in lines}.values())
