"""Header compression of HTTP/2 (RFC 7541), as far as a gRPC server needs it. Pure.

Decodes everything; encodes as literals without a table, which any peer must understand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

DEFAULT_TABLE_BYTES = 4096
ENTRY_OVERHEAD = 32  # RFC 7541, 4.1

# RFC 7541, appendix B: the code is canonical, so the lengths of symbols 0 to 256 give it all.
_LENGTHS = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c060a0a0c0d06080b0a0a080b08060606"
    "0505050606060606060607080f060c0a0d06070707070707070707070707070707070707070707070807080d130d0e06"
    "0f05060506050606060507070606060506070605050607070707070f0b0e0d1c14161414161616141617171717171817"
    "1818161718171717171516171617171816151416161717151716161815161817171515161517161717141616161716171"
    "71a1a1413161716191a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b14181415161515171616191918181a17"
    "1a1b1a1a1b1b1b1b1b1c1b1b1b1b1b1a1e"
)
# RFC 7541, appendix A: "name value|…", in order from index 1.
_STATIC = [
    (name, value)
    for name, _, value in (
        entry.partition(" ")
        for entry in [
            ":authority",
            ":method GET",
            ":method POST",
            ":path /",
            ":path /index.html",
            ":scheme http",
            ":scheme https",
            ":status 200",
            ":status 204",
            ":status 206",
            ":status 304",
            ":status 400",
            ":status 404",
            ":status 500",
            "accept-charset",
            "accept-encoding gzip, deflate",
            "accept-language",
            "accept-ranges",
            "accept",
            "access-control-allow-origin",
            "age",
            "allow",
            "authorization",
            "cache-control",
            "content-disposition",
            "content-encoding",
            "content-language",
            "content-length",
            "content-location",
            "content-range",
            "content-type",
            "cookie",
            "date",
            "etag",
            "expect",
            "expires",
            "from",
            "host",
            "if-match",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "if-unmodified-since",
            "last-modified",
            "link",
            "location",
            "max-forwards",
            "proxy-authenticate",
            "proxy-authorization",
            "range",
            "referer",
            "refresh",
            "retry-after",
            "server",
            "set-cookie",
            "strict-transport-security",
            "transfer-encoding",
            "user-agent",
            "vary",
            "via",
            "www-authenticate",
        ]
    )
]


class HpackError(ValueError):
    """The peer's header block makes no sense: the connection cannot go on."""


def _codes() -> dict[tuple[int, int], int]:
    found, code, before = {}, 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(_LENGTHS)):
        code <<= length - before
        before = length
        found[(length, code)] = symbol
        code += 1
    return found


_CODES = _codes()


class Decoder:
    """One direction of one connection: the dynamic table lives as long as it does."""

    def __init__(self) -> None:
        self._table: deque[tuple[str, str]] = deque()
        self._size = 0
        self._limit = DEFAULT_TABLE_BYTES

    def decode(self, block: bytes) -> dict[str, str]:
        """The headers of a block; of a repeated name the last. :class:`HpackError` on garbage."""
        headers: dict[str, str] = {}
        at = 0
        try:
            while at < len(block):
                first = block[at]
                if first & 0xE0 == 0x20:
                    self._limit, at = _integer(block, at, 5)
                    self._evict()
                    continue
                name, value, at = self._field(block, at, first)
                headers[name] = value
        except IndexError:
            raise HpackError("a header block ends too early, or names an entry that is not there") from None
        return headers

    def _field(self, block: bytes, at: int, first: int) -> tuple[str, str, int]:
        if first & 0x80:
            index, at = _integer(block, at, 7)
            return *self._entry(index), at
        kept = bool(first & 0x40)
        index, at = _integer(block, at, 6 if kept else 4)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        if kept:
            self._table.appendleft((name, value))
            self._size += len(name) + len(value) + ENTRY_OVERHEAD
            self._evict()
        return name, value, at

    def _entry(self, index: int) -> tuple[str, str]:
        if index == 0:
            raise HpackError("index 0 names nothing")
        if index <= len(_STATIC):
            return _STATIC[index - 1]
        return self._table[index - len(_STATIC) - 1]

    def _evict(self) -> None:
        while self._size > self._limit and self._table:
            name, value = self._table.pop()
            self._size -= len(name) + len(value) + ENTRY_OVERHEAD


def encode(headers: Iterable[tuple[str, str]]) -> bytes:
    """A header block of literals that no table remembers; names are lower case, all is latin-1."""
    block = bytearray()
    for name, value in headers:
        block.append(0)
        for text in (name, value):
            raw = text.encode("latin-1")
            block += _length(len(raw))
            block += raw
    return bytes(block)


def _length(value: int) -> bytes:
    if value < 127:
        return bytes([value])
    out, value = bytearray([127]), value - 127
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    top = (1 << bits) - 1
    value = block[at] & top
    at += 1
    if value < top:
        return value, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        value += (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 35:
            raise HpackError("an integer without end")


def _string(block: bytes, at: int) -> tuple[str, int]:
    coded = block[at] & 0x80
    size, at = _integer(block, at, 7)
    raw = block[at : at + size]
    if len(raw) < size:
        raise HpackError("a string runs past the end")
    return (_unhuffman(raw) if coded else raw).decode("latin-1"), at + size


def _unhuffman(raw: bytes) -> bytes:
    out, code, length = bytearray(), 0, 0
    for byte in raw:
        for bit in range(7, -1, -1):
            code, length = code << 1 | byte >> bit & 1, length + 1
            symbol = _CODES.get((length, code))
            if symbol is not None:
                if symbol == 256:
                    raise HpackError("an end of string within a string")
                out.append(symbol)
                code, length = 0, 0
    if length > 7 or code != (1 << length) - 1:
        raise HpackError("a string does not end in padding")
    return bytes(out)
