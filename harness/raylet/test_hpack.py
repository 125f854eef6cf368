"""Header compression against the examples of RFC 7541, appendix C."""

from __future__ import annotations

import pytest

from harness.raylet.hpack import Decoder, HpackError, encode


def test_requests_with_huffman_and_a_table_that_grows() -> None:
    decoder = Decoder()
    first = decoder.decode(bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff"))
    assert first == {
        ":method": "GET", ":scheme": "http", ":path": "/", ":authority": "www.example.com"
    }  # fmt: skip
    second = decoder.decode(bytes.fromhex("828684be5886a8eb10649cbf"))
    assert second[":authority"] == "www.example.com"
    assert second["cache-control"] == "no-cache"
    third = decoder.decode(bytes.fromhex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"))
    assert third["custom-key"] == "custom-value"
    assert third[":path"] == "/index.html"


def test_old_entries_leave_a_small_table() -> None:
    decoder = Decoder()
    decoder.decode(bytes.fromhex("3f21"))  # at most 64 bytes
    decoder.decode(encode_kept("a", "1") + encode_kept("b", "2"))
    assert decoder.decode(b"\xbe") == {"b": "2"}
    with pytest.raises(HpackError):
        decoder.decode(b"\xc0")


def encode_kept(name: str, value: str) -> bytes:
    return bytes([0x40, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def test_what_is_encoded_is_decoded() -> None:
    headers = [(":status", "200"), ("grpc-message", "x" * 300), ("grpc-status", "14")]
    assert Decoder().decode(encode(headers)) == dict(headers)


@pytest.mark.parametrize("garbage", ["80", "ff", "40", "0082ffff01ff", "0084ffffffff00", "7fffffffffffff00"])
def test_garbage_is_refused(garbage: str) -> None:
    with pytest.raises(HpackError):
        Decoder().decode(bytes.fromhex(garbage))
