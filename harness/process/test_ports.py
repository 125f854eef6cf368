"""Ports and addresses are nobody else's, and stay usable."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.process.ports import (
    Reservation,
    allocate_address,
    allocate_port,
    ephemeral_range,
    port_blocks,
    release_port,
)

ROOT = Path(__file__).parents[2]
OTHER = """
import json
from harness.process.ports import allocate_address, allocate_port
print(json.dumps([[allocate_port() for _ in range(150)], [allocate_address() for _ in range(300)]]), flush=True)
input()
"""


def test_parallel_processes_share_nothing() -> None:
    others = [
        subprocess.Popen(
            [sys.executable, "-c", OTHER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(3)
    ]
    ports = [allocate_port() for _ in range(150)]
    addresses = [allocate_address() for _ in range(300)]
    for other in others:
        assert other.stdout is not None
        theirs = json.loads(other.stdout.readline())
        ports += theirs[0]
        addresses += theirs[1]
    for other in others:
        other.communicate(b"\n")
    assert len(set(ports)) == len(ports)
    assert len(set(addresses)) == len(addresses)


def test_ports_lie_outside_the_ephemeral_range() -> None:
    first, last = ephemeral_range()
    assert not first <= allocate_port() <= last


@pytest.mark.parametrize("ephemeral", [(32768, 60999), (1024, 40000), (15000, 65535)])
def test_blocks_lie_outside_the_ephemeral_range(ephemeral: tuple[int, int]) -> None:
    first, last = ephemeral
    blocks = port_blocks(ephemeral)
    assert blocks
    assert all(block[-1] < first or block[0] > last for block in blocks)
    assert all(block[0] >= 10_000 and block[-1] <= 65_535 for block in blocks)


def test_a_machine_without_room_outside_still_gets_ports() -> None:
    assert port_blocks((1024, 65535))


def test_a_port_that_is_listened_on_is_passed_over() -> None:
    port = allocate_port()
    with socket.create_server(("127.0.0.1", port + 1)):
        assert allocate_port("127.0.0.9") not in (port, port + 1)


def test_a_port_given_back_is_used_again_last() -> None:
    for _ in range(200):  # over the end of a block of ports, wherever in it this process stands
        port = allocate_port()
        release_port(port)
        assert allocate_port() != port


def test_addresses_are_loopback() -> None:
    address = allocate_address()
    assert ipaddress.ip_address(address).is_loopback
    with socket.create_server((address, allocate_port(address))):
        pass


def test_a_reservation_ends_with_its_holder() -> None:
    mine, yours = Reservation(f"test-{os.getpid()}"), Reservation(f"test-{os.getpid()}")
    assert mine.take(1)
    assert not yours.take(1)
    mine.release()
    assert yours.take(1)
    yours.release()


def test_when_all_is_taken_it_says_so() -> None:
    one = Reservation(f"test-full-{os.getpid()}")
    one.take_one_of(1)
    with pytest.raises(RuntimeError, match="held by other runs"):
        one.take_one_of(1)
    one.release()
