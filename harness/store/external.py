"""A Redis server that the user runs: it is used, never broken."""

from __future__ import annotations

import contextlib
import ipaddress
from urllib.parse import unquote, urlsplit

import redis

from harness.errors import EnvironmentProblem
from harness.store import health
from harness.store.base import EXTERNAL, StoreSettings
from harness.store.dump import erase
from harness.store.redis_client import client_of
from harness.store.refusal import shown, why_unusable
from harness.store.unbreakable import Unbreakable

_ANSWER_SECONDS = 5.0
_FORM = "redis://[user:password@]host:port, the host being a loopback one"


class ExternalRedis(Unbreakable):
    """``redis://[user:password@]host:port``. Only the run's own namespaces are written and removed."""

    def __init__(self, url: str) -> None:
        self._settings = parse_url(url)
        self._name = shown(self._settings)
        self._why_not = f"{self._name} is not ours"

    @property
    def settings(self) -> StoreSettings:
        return self._settings

    @property
    def durable(self) -> bool:
        return True

    @property
    def persistence(self) -> str:
        return EXTERNAL

    @property
    def faults(self) -> frozenset[str]:
        return frozenset()

    def client(self, decode: bool = False) -> redis.Redis:
        """A new client, for the caller to close; ``decode`` gives str instead of bytes."""
        return client_of(self._settings, decode)

    def start(self) -> None:
        """See that it can be used; EnvironmentProblem, in one sentence, when it cannot."""
        command = "PING"
        with contextlib.closing(client_of(self._settings, timeout=_ANSWER_SECONDS)) as client:
            try:
                client.ping()
                command = "SCAN"
                client.scan(count=1)
            except redis.RedisError as problem:
                why = why_unusable(self._settings, problem, command, _ANSWER_SECONDS)
                raise EnvironmentProblem(f"{self._name} cannot be used: {why}") from problem

    def caution(self) -> str:
        """What its user should know before a run; '' where all is well, or nobody answers."""
        with contextlib.closing(self.client()) as client:
            try:
                client.ping()
            except redis.RedisError:
                return ""
            return health.caution(self._name, health.read(client))

    def stop(self) -> None:
        """Nothing: it was not ours to start."""

    def forget(self, namespace: str) -> None:
        with contextlib.closing(self.client()) as client:
            erase(client, namespace)


def parse_url(url: str) -> StoreSettings:
    """The settings of a Redis URL; EnvironmentProblem with what was expected when it is wrong."""
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError as problem:
        raise EnvironmentProblem(f"{_shown(url)} is no store: {problem}; expected {_FORM}") from problem
    if parts.scheme != "redis" or not parts.hostname or parts.path not in ("", "/", "/0") or parts.query:
        raise EnvironmentProblem(f"{_shown(url)} is no store: expected {_FORM}")
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise EnvironmentProblem(
            f"{_shown(url)}: {host} is no loopback address; a run must not touch another machine"
        )
    return StoreSettings("redis", host, port, unquote(parts.username or ""), unquote(parts.password or ""))


def _shown(url: str) -> str:
    """The URL for a message, without what may be a password."""
    scheme, separator, rest = url.partition("://")
    return repr(f"{scheme}{separator}{rest.rpartition('@')[2]}")
