"""Loopback ports and addresses that nobody else on this machine takes.

Ports lie outside the range from which the kernel takes ports for outgoing connections: there, a
restart on the same port would fail now and then. Every process reserves whole blocks by binding a
Unix socket in the abstract namespace: the kernel keeps those unique in exactly the scope in which
ports are (a network namespace), between users too, and frees them however the holder dies.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

_FIRST_PORT = 10_000
_LAST_PORT = 65_535
_PORTS_PER_BLOCK = 100
_NETWORKS = 16_384  # 127.64.0.0 to 127.127.255.0, 254 addresses each


def ephemeral_range() -> tuple[int, int]:
    """First and last port that the kernel may give to an outgoing connection."""
    try:
        first, last = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    except (OSError, ValueError):
        return 32_768, 60_999
    return int(first), int(last)


def port_blocks(ephemeral: tuple[int, int]) -> list[range]:
    """Blocks of ports outside ``ephemeral``; where it leaves no block, those of Linux's default range."""

    def blocks(first: int, last: int) -> list[range]:
        starts = range(first, last - _PORTS_PER_BLOCK + 2, _PORTS_PER_BLOCK)
        return [range(start, start + _PORTS_PER_BLOCK) for start in starts]

    outside = blocks(_FIRST_PORT, ephemeral[0] - 1) + blocks(max(_FIRST_PORT, ephemeral[1] + 1), _LAST_PORT)
    return outside or blocks(_FIRST_PORT, 32_767)


class Reservation:
    """Names in the abstract socket namespace that this process holds."""

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose
        self._held: list[socket.socket] = []

    def take(self, number: int) -> bool:
        """Hold ``number``; False when another process (or this one) does already."""
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            holder.bind(f"\0gauntlet-{self._purpose}-{number}")
        except OSError:
            holder.close()
            return False
        self._held.append(holder)
        return True

    def take_one_of(self, count: int) -> int:
        """Hold some number below ``count``, the search beginning at a place of this process's own."""
        begin = os.getpid() % count
        for step in range(count):
            number = (begin + step) % count
            if self.take(number):
                return number
        raise RuntimeError(f"no {self._purpose} is free: {count} are held by other runs on this machine")

    def release(self) -> None:
        for holder in self._held:
            holder.close()
        self._held.clear()


class Ports:
    """Ports and addresses of this process. Use the functions below."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = port_blocks(ephemeral_range())
        self._port_blocks = Reservation("port-block")
        self._networks = Reservation("network")
        self._free: deque[int] = deque()
        self._addresses: Iterator[str] = iter(())

    def port(self, address: str = "127.0.0.1") -> int:
        """A port that nobody listens on, neither at ``address`` nor at any other."""
        with self._lock:
            while True:
                if not self._free:
                    self._take_block()
                port = self._free.popleft()
                if _unused(address, port):
                    return port

    def _take_block(self) -> None:
        self._free.extend(self._blocks[self._port_blocks.take_one_of(len(self._blocks))])

    def give_back(self, port: int) -> None:
        """``port`` may be allocated again, when all others have been."""
        with self._lock:
            if not self._free:
                self._take_block()
            self._free.append(port)

    def address(self) -> str:
        """An address in 127.64.0.0/10 that was never given before and is nobody else's."""
        with self._lock:
            for address in self._addresses:
                return address
            number = self._networks.take_one_of(_NETWORKS)
            network = f"127.{64 + number // 256}.{number % 256}"
            self._addresses = (f"{network}.{last}" for last in range(1, 255))
            return str(next(self._addresses))

    def release(self) -> None:
        """Give everything back, as the end of the process does."""
        self._port_blocks.release()
        self._networks.release()
        self.__init__()  # type: ignore[misc]


def _unused(address: str, port: int) -> bool:
    """Whether both TCP and UDP can be bound everywhere: a real gcs_server listens on 0.0.0.0."""
    for host in ("0.0.0.0", address):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                if kind == socket.SOCK_STREAM:  # else a connection in TIME_WAIT would count as a user
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError:
                    return False
    return True


_PORTS = Ports()
os.register_at_fork(after_in_child=_PORTS.release)


def allocate_port(address: str = "127.0.0.1") -> int:
    """A TCP and UDP port, ours until the process ends or :func:`release_port`. RuntimeError if none is left."""
    return _PORTS.port(address)


def release_port(port: int) -> None:
    """Let ``port`` be allocated again; only when nothing is to be restarted on it."""
    _PORTS.give_back(port)


def allocate_address() -> str:
    """A loopback address (``127.x.y.z``) that no one else uses. RuntimeError if none is left."""
    return _PORTS.address()
