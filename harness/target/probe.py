"""Asking a GCS whether it serves."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import grpc
import psutil

from harness.wire import messages as m
from harness.wire.dialect import Dialect
from harness.wire.rpc import multicallable

_CONNECT_SECONDS = 0.25
# A subchannel pool of its own: otherwise the backoff of an earlier failure is inherited.
_CHANNEL_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))
# A GCS that wants a token, or that is another cluster's, does serve.
_ANSWERS = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})
_SLOW = frozenset({grpc.StatusCode.DEADLINE_EXCEEDED})


@dataclass(frozen=True)
class Answer:
    """``answered``: CheckAlive was. ``foreign``: what listens is no GCS (garbage, another service)."""

    answered: bool
    foreign: bool = False
    said: str = ""


class Probe:
    """Asks at one address, in one dialect."""

    def __init__(self, host: str, port: int, dialect: Dialect) -> None:
        self._host, self._port, self._dialect = host, port, dialect

    @property
    def address(self) -> str:
        return f"{self._host}:{self._port}"

    def connects(self) -> bool:
        """Whether the port takes a TCP connection; costs about 0.1 ms when nobody listens."""
        try:
            socket.create_connection((self._host, self._port), _CONNECT_SECONDS).close()
        except OSError:
            return False
        return True

    def call(self, within: float) -> Answer:
        """One CheckAlive on a channel of its own, with a deadline of ``within`` seconds."""
        with grpc.insecure_channel(self.address, _CHANNEL_OPTIONS) as channel:
            check_alive = multicallable(channel, "NodeInfoGcsService.CheckAlive", self._dialect)
            try:
                check_alive(m.CheckAliveRequest(), timeout=within)
            except grpc.RpcError as problem:
                code, details = problem.code(), problem.details()
                if code in _ANSWERS:
                    return Answer(True)
                return Answer(False, code not in _SLOW, f"{code.name} ({details})")
        return Answer(True)


def listener_on(port: int) -> str | None:
    """Who listens on ``port`` at any address, in words; None when nobody does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return _name(port)
    return None


def _name(port: int) -> str:
    try:
        listeners = psutil.net_connections("tcp")
    except psutil.Error:
        return "another process"
    for one in listeners:
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr[1] == port and one.pid:
            try:
                return f"process {one.pid} ({psutil.Process(one.pid).name()})"
            except psutil.Error:
                break
    return "another process"
