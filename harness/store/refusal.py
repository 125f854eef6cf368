"""Why a Redis that the user runs cannot be used, in one short sentence."""

from __future__ import annotations

import os
import socket
import ssl

import redis

from harness.store.base import StoreSettings

_TLS_SECONDS = 2.0
_TLS = "it speaks TLS, and a store by URL is reached without"


def shown(settings: StoreSettings) -> str:
    """The server as a URL, without what may be a password."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"redis://{host}:{settings.port}"


def why_unusable(settings: StoreSettings, problem: redis.RedisError, command: str, within: float) -> str:
    """What ``problem`` means, with which ``command`` ended after at most ``within`` seconds; it may knock once more."""
    said = _refused(settings, problem, command) or _unanswered(settings, problem, within)
    return said or f"it answers {command} with an error: {_line(problem)}"


def _refused(settings: StoreSettings, problem: redis.RedisError, command: str) -> str:
    """What the server itself has against us; '' when it is something else."""
    who = f"user {settings.username!r}" if settings.username else "the default user"
    if isinstance(problem, redis.AuthenticationError):
        if not settings.password:
            return f"it wants a password, as in redis://:PASSWORD@{shown(settings).removeprefix('redis://')}"
        return f"it does not let {who} in with this password"
    if isinstance(problem, redis.exceptions.NoPermissionError):
        return f"{who} may not run {command}, which a run needs"
    if isinstance(problem, redis.BusyLoadingError):
        return "it is still loading its data; try again when it has"
    return ""


def _unanswered(settings: StoreSettings, problem: redis.RedisError, within: float) -> str:
    """What befell the connection; '' when it bore an answer."""
    if isinstance(problem, redis.TimeoutError):
        return f"it does not answer within {within:g} s"
    system = _system_error(problem)
    if system is not None and not isinstance(system, ConnectionResetError):
        return f"it cannot be reached: {os.strerror(system.errno or 0)}"
    if isinstance(problem, redis.InvalidResponse):
        return _TLS if _speaks_tls(settings) else "what answers there is no Redis"
    if isinstance(problem, redis.ConnectionError) and (system is not None or "closed" in str(problem)):
        return _TLS if _speaks_tls(settings) else "it closes the connection without an answer"
    return ""


def _system_error(problem: BaseException) -> OSError | None:
    """The system's error from which ``problem`` came; None when there is none."""
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _speaks_tls(settings: StoreSettings) -> bool:
    """Whether a TLS handshake gets anywhere; one that ends with a demand for a certificate does."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((settings.host, settings.port), _TLS_SECONDS) as link:
            context.wrap_socket(link).close()
    except ssl.SSLError as problem:
        return "ALERT" in str(problem.reason)
    except OSError:
        return False
    return True


def _line(problem: BaseException) -> str:
    """The first of its words."""
    return str(problem).partition("\n")[0].partition(". ")[0][:120]
