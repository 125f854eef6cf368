"""Frames are found wherever the packets end."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.proxy.replies import Replies
from harness.proxy.resp import Commands, Error, Items, Push, Status

ARGUMENTS = st.lists(st.binary(max_size=40), max_size=5)


def command(arguments: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%b\r\n" % (len(one), one) for one in arguments)


def fed(parser: Commands | Replies, packets: list[bytes]) -> tuple[list[Any], list[bytes]]:
    """The values, and the bytes of their frames."""
    values, raws = [], []
    for packet in packets:
        buffer, frames = parser.feed(packet)
        values += [value for value, _, _ in frames]
        raws += [buffer[start:end] for _, start, end in frames]
    return values, raws


def split(data: bytes, places: list[int]) -> list[bytes]:
    cuts = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[begin:end] for begin, end in itertools.pairwise(cuts)]


@given(st.lists(ARGUMENTS, min_size=1, max_size=5), st.lists(st.integers(0, 10_000), max_size=8))
def test_commands_come_out_as_they_went_in(sent: list[list[bytes]], places: list[int]) -> None:
    frames = [command(one) for one in sent]
    parser = Commands()
    assert fed(parser, split(b"".join(frames), places)) == (sent, frames)
    assert not parser.garbage
    assert parser.rest() == b""


REPLIES: list[tuple[bytes, Any]] = [
    (b"+OK\r\n", Status("OK")),
    (b"-ERR no\r\n", Error("ERR no")),
    (b":-12\r\n", -12),
    (b"$-1\r\n", None),
    (b"*-1\r\n", None),
    (b"$0\r\n\r\n", b""),
    (b"$4\r\n\r\n\r\n\r\n", b"\r\n\r\n"),
    (b"*0\r\n", Items()),
    (b"*2\r\n*1\r\n:1\r\n$1\r\na\r\n", Items([Items([1]), b"a"])),
    (b"*2\r\n*0\r\n*2\r\n*0\r\n$-1\r\n", Items([Items(), Items([Items(), None])])),
    (b"%1\r\n+a\r\n:1\r\n", Items(["a", 1])),
    (b"~1\r\n#t\r\n", Items([True])),
    (b"_\r\n", None),
    (b",1.5\r\n", Status("1.5")),
    (b"(123456789012345678901234567890\r\n", 123456789012345678901234567890),
    (b"=5\r\ntxt:a\r\n", b"txt:a"),
    (b"!5\r\nERR a\r\n", Error("ERR a")),
    (b">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n", Push(["invalidate", Items([b"a"])])),
    (b"|1\r\n+ttl\r\n:1\r\n*1\r\n|1\r\n+b\r\n*1\r\n:0\r\n:7\r\n", Items([7])),
]


@pytest.mark.parametrize(("raw", "value"), REPLIES, ids=[repr(raw) for raw, _ in REPLIES])
def test_a_reply_cut_at_every_byte(raw: bytes, value: Any) -> None:
    for cut in range(len(raw) + 1):
        assert fed(Replies(), [raw[:cut], raw[cut:]] if 0 < cut < len(raw) else [raw]) == ([value], [raw])
    parser = Replies()
    assert fed(parser, [raw[place : place + 1] for place in range(len(raw))]) == ([value], [raw])
    assert not parser.garbage


@given(st.lists(st.sampled_from(REPLIES), min_size=1, max_size=8), st.lists(st.integers(0, 1000), max_size=8))
def test_replies_come_out_as_they_went_in(sent: list[tuple[bytes, Any]], places: list[int]) -> None:
    data = b"".join(raw for raw, _ in sent)
    assert fed(Replies(), split(data, places)) == ([value for _, value in sent], [raw for raw, _ in sent])


@pytest.mark.parametrize(
    "garbage",
    [b"PING\r\n", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"*x", b"*1\r\n:1\r\n", b"*1\r\n$-1\r\n",
     b"*1\r\n$1\r\nabc", b"*99999999999\r\n", b"*1\r\n$1_0\r\n", b"*" + b"1" * 70_000],
)  # fmt: skip
def test_garbage_is_seen_behind_what_was_good(garbage: bytes) -> None:
    parser = Commands()
    good = command([b"PING"])
    assert fed(parser, [good + garbage]) == ([[b"PING"]], [good])
    assert parser.garbage
    assert parser.rest() == garbage


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 200 OK\r\n", b":x\r\n", b"$3\r\nabcde", b"*1\r\n" * 100])
def test_garbage_of_a_server_is_seen(garbage: bytes) -> None:
    parser = Replies()
    assert fed(parser, [b"+OK\r\n" + garbage])[0] == ["OK"]
    assert parser.garbage
    assert parser.rest() == garbage


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=5))
def test_no_byte_is_lost_whatever_comes(packets: list[bytes]) -> None:
    for parser in (Commands(), Replies()):
        passed = b""
        for packet in packets:
            if parser.garbage:
                passed += parser.rest() + packet
                continue
            buffer, frames = parser.feed(packet)
            passed += b"".join(buffer[start:end] for _, start, end in frames)
        assert passed + parser.rest() == b"".join(packets)


def test_a_large_value_costs_no_more_than_its_bytes() -> None:
    big = command([b"SET", b"key", b"x" * (16 << 20)])
    long = b"*200000\r\n" + b"$3\r\nabc\r\n" * 200_000
    for parser, data in ((Commands(), big), (Replies(), long)):
        packets = [data[place : place + 65536] for place in range(0, len(data), 65536)]
        began = time.process_time()
        _, raws = fed(parser, packets)
        assert raws == [data]
        assert time.process_time() - began < 2  # quadratic, it would be a minute
