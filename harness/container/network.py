"""The run's own bridge network: a subnet that nothing on this machine uses, and fixed addresses in it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool
from testcontainers.core.network import Network as Bridge

from harness.container.engine import Engine, asking, engine
from harness.errors import EnvironmentProblem

_RANGES = ("10.231.0.0/16", "172.29.0.0/16", "192.168.0.0/16")
"""Private; the next is for machines on which the ones before it are routed elsewhere."""
_OVERLAP = "overlaps"
_NOT_CONNECTED = "is not connected to"
_CONNECTED = "already exists in network"


class Network:
    """One per process: get it with :func:`network`. Threads may share it."""

    def __init__(self) -> None:
        self._engine: Engine = engine()
        self._bridge, subnet = _made(self._engine)
        assert self._bridge.id is not None
        self._id = self._bridge.id
        hosts = [str(address) for address in subnet.hosts()]
        self.name = self._bridge.name
        self.gateway = hosts[0]
        """Our own address on it: there, containers reach what listens on this machine."""
        self._lock = threading.Lock()
        self._fresh = iter(hosts[1:])
        self._returned: deque[str] = deque()
        self._inside = _ourselves(self._engine)
        if self._inside is not None:
            self.connect(self._inside, self.address())

    def address(self) -> str:
        """An IP that nothing has: a fresh one, and when there is none, the one given back longest ago.

        EnvironmentProblem if all are taken.
        """
        with self._lock:
            for address in self._fresh:
                return address
            if self._returned:
                return self._returned.popleft()
        raise EnvironmentProblem(f"every address of the network {self.name} is taken")

    def give_back(self, address: str) -> None:
        """Nothing will be at ``address`` any more."""
        with self._lock:
            self._returned.append(address)

    def connect(self, container_id: str, address: str, aliases: Sequence[str] = ()) -> None:
        """Give a container ``address`` and names in DNS; nothing happens when it is on the network already."""
        with asking(f"connect a container at {address}"), _but_for(_CONNECTED):
            self._engine.client.api.connect_container_to_network(
                container_id, self._id, ipv4_address=address, aliases=list(aliases)
            )

    def disconnect(self, container_id: str) -> None:
        """Take a container off, whether it runs or not; nothing happens when it is not on the network."""
        with asking("disconnect a container"), _but_for(_NOT_CONNECTED):
            self._engine.client.api.disconnect_container_from_network(container_id, self._id, force=True)

    def close(self) -> None:
        """Remove it, when its containers are gone. May be called twice."""
        global _NETWORK
        with _LOCK:
            if _NETWORK is self:
                _NETWORK = None
        with asking(f"remove the network {self.name}"), contextlib.suppress(NotFound):
            if self._inside is not None:
                self.disconnect(self._inside)
            self._bridge.remove()


_LOCK = threading.Lock()
_NETWORK: Network | None = None


def network() -> Network:
    """The network of this process, made on first use. EnvironmentProblem if there can be none."""
    global _NETWORK
    with _LOCK:
        if _NETWORK is None:
            _NETWORK = Network()
        return _NETWORK


def _forget() -> None:
    global _NETWORK, _LOCK
    _NETWORK, _LOCK = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)


@contextlib.contextmanager
def _but_for(answer: str) -> Iterator[None]:
    try:
        yield
    except APIError as refusal:
        if answer not in str(refusal.explanation):
            raise


def _made(on: Engine) -> tuple[Bridge, IPv4Network]:
    """Other processes choose a subnet at the same time: the engine says who was first."""
    with asking("list its networks"):
        used = [*_routed(), *_of_engine(on)]
    for subnet in _candidates():
        if not any(subnet.overlaps(other) for other in used):
            bridge = Bridge(
                docker_network_kw={
                    "driver": "bridge",
                    "labels": on.labels(),
                    "ipam": IPAMConfig(
                        pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(next(subnet.hosts())))]
                    ),
                }
            )
            bridge.name = on.name("network")
            with asking(f"make a network of {subnet}"), _but_for(_OVERLAP):
                bridge.create()
                return bridge, subnet
    raise EnvironmentProblem(f"no subnet is free for a network of containers in {', '.join(_RANGES)}")


def _candidates() -> Iterator[IPv4Network]:
    """Each process begins elsewhere, so that few of them meet."""
    for whole in _RANGES:
        subnets = list(ipaddress.IPv4Network(whole).subnets(new_prefix=24))
        begin = os.getpid() % len(subnets)
        yield from subnets[begin:] + subnets[:begin]


def _of_engine(on: Engine) -> Iterator[IPv4Network]:
    for one in on.client.api.networks():
        for pool in one["IPAM"]["Config"] or []:
            with contextlib.suppress(ValueError):  # IPv6
                yield ipaddress.IPv4Network(pool["Subnet"])


def _routed(table: Path = Path("/proc/net/route")) -> Iterator[IPv4Network]:
    """What this machine has an interface or a route to, but for the default."""
    for line in table.read_text().splitlines()[1:]:
        destination, mask = (int(line.split()[field], 16).to_bytes(4, sys.byteorder) for field in (1, 7))
        if any(mask):
            yield ipaddress.IPv4Network((destination, str(ipaddress.IPv4Address(mask))))


def _ourselves(on: Engine) -> str | None:
    """The id of the container in which we run, if it is one of this engine with a network of its own."""
    found = re.search(r"/containers/([0-9a-f]{64})/hostname ", Path("/proc/self/mountinfo").read_text())
    if found is None:
        return None
    try:
        mode = on.client.api.inspect_container(found[1])["HostConfig"]["NetworkMode"]
    except NotFound:
        return None
    return None if mode == "host" else found[1]
