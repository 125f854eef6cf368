"""Our own connections to a Redis, whatever guards it."""

from __future__ import annotations

import contextlib
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from harness.store.base import Login, StoreSettings


def client_of(settings: StoreSettings, decode: bool = False, timeout: float = 10.0) -> redis.Redis:
    """A new client for Redis ``settings``, for the caller to close; one of the primary, behind a sentinel.

    It retries nothing, and waits ``timeout`` seconds for an answer. It may do everything.
    """
    login = settings.owner or Login(settings.username, settings.password)
    options: dict[str, Any] = {
        "username": login.username or None,
        "password": login.password or None,
        "decode_responses": decode,
        # Nothing is far away: a refusal is a fact, and only a hung server is slow. No retries, and a bound.
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout,
    }
    if settings.sentinel:
        asked = {"socket_timeout": timeout, "retry": Retry(NoBackoff(), 0)}
        made: Any = Sentinel  # it has no annotations
        place = (settings.host, settings.port)
        primary: redis.Redis = made([place], sentinel_kwargs=asked).master_for(settings.sentinel, **options)
        return primary
    if settings.tls is not None:
        options |= {
            "ssl": True,
            "ssl_ca_certs": str(settings.tls.ca),
            "ssl_certfile": str(settings.tls.certificate),
            "ssl_keyfile": str(settings.tls.key),
        }
    return redis.Redis(host=settings.host, port=settings.port, **options)


def answers(settings: StoreSettings) -> bool:
    """Whether an authenticated PING is answered.

    To a stranger a server says that it wants a password while it still loads its data.
    """
    with contextlib.closing(client_of(settings, timeout=1.0)) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
