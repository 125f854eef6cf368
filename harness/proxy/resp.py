"""Framing of Redis' protocol: RESP2, and the replies of RESP3.

Our own, because a proxy passes bytes on unchanged and must know where in them a command or a reply
ends: hiredis and redis-py parse values well, but tell of no frame's end. Protocol:
redis.io/docs/latest/develop/reference/protocol-spec.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LONGEST_HEADER = 64 * 1024  # as Redis: a line without an end is no line
_DEEPEST = 64
_MOST_BYTES = 1 << 31
_STAR, _DOLLAR = ord("*"), ord("$")
_LEAST_ARGUMENT = len(b"$0\r\n\r\n")


class Garbage(Exception):
    """These bytes are no frame of the protocol."""


class Short(Exception):
    """The frame goes on. ``args[0]``: bytes that it takes at least, from its begin; 0: not known."""


class Status(str):
    """A simple string (``+OK``)."""

    __slots__ = ()


class Error(str):
    """An error reply, without its ``-``."""

    __slots__ = ()


class Items(list[Any]):
    """An array, set or map (keys and values in turn)."""

    __slots__ = ()


class Push(Items):
    """RESP3's out-of-band message: it answers no command."""

    __slots__ = ()


Frame = tuple[Any, int, int]
"""What it says, where it begins and where it ends in the bytes that came with it."""


class Commands:
    """Bytes of a client in, whole commands out. What is not an array of bulk strings is garbage."""

    def __init__(self) -> None:
        self.garbage = False
        """Whether something came that is no command: :meth:`rest` begins with it."""
        self._parts: list[bytes] = []
        self._size = 0
        self._need = 0

    def feed(self, data: bytes) -> tuple[bytes, list[Frame]]:
        """The bytes in which frames lie, and those that are whole now; value: the arguments, as list of bytes."""
        if self._parts:
            self._parts.append(data)
            self._size += len(data)
            if self._size < self._need:
                return b"", []
            data = b"".join(self._parts)
            self._parts.clear()
        frames: list[Frame] = []
        position, end = 0, len(data)
        try:
            while position < end:
                arguments, after = _command(data, position)
                frames.append((arguments, position, after))
                position = after
        except Short as short:
            self._keep(data[position:], short.args[0])
        except Garbage:
            self.garbage = True
            self._keep(data[position:], 0)
        return data, frames

    def _keep(self, rest: bytes, need: int) -> None:
        self._parts, self._size, self._need = [rest], len(rest), need

    def rest(self) -> bytes:
        """The bytes that are part of no frame yet; they are not kept."""
        rest = b"".join(self._parts)
        self._parts.clear()
        return rest


def _command(data: bytes, begin: int) -> tuple[list[bytes], int]:
    if data[begin] != _STAR:
        raise Garbage
    count, at = _header(data, begin, begin)
    arguments: list[bytes] = []
    size = len(data)
    for left in range(count, 0, -1):
        if at >= size:
            raise Short(at - begin + left * _LEAST_ARGUMENT)
        if data[at] != _DOLLAR:
            raise Garbage
        length, at = _header(data, at, begin)
        stop = at + length
        if length < 0:
            raise Garbage
        if size < stop + 2:
            raise Short(stop + 2 - begin + (left - 1) * _LEAST_ARGUMENT)
        if data[stop : stop + 2] != b"\r\n":
            raise Garbage
        arguments.append(data[at:stop])
        at = stop + 2
    return arguments, at


def _header(data: bytes, at: int, begin: int) -> tuple[int, int]:
    """The number behind the type byte at ``at``, and where its line ends."""
    end = data.find(b"\r\n", at, at + _LONGEST_HEADER)
    if end < 0:
        if len(data) - at > _LONGEST_HEADER or not _may_be_number(data[at + 1 : at + 32]):
            raise Garbage
        raise Short(len(data) - begin + 1)
    digits = data[at + 1 : end]
    if not digits.isdigit() and digits != b"-1":
        raise Garbage
    number = int(digits)
    if number > _MOST_BYTES:
        raise Garbage
    return number, end + 2


def _may_be_number(said: bytes) -> bool:
    digits = said.removesuffix(b"\r").removeprefix(b"-")
    return not digits or digits.isdigit()


class Replies:
    """Bytes of a server in, whole replies out. A long array is read once, however many packets it takes."""

    def __init__(self) -> None:
        self.garbage = False
        """Whether something came that is no reply: :meth:`rest` begins with it."""
        self._parts: list[bytes] = []
        self._size = 0
        self._need = 0
        self._at = 0
        """Up to where the unfinished frame has been read."""
        self._open: list[_Open] = []

    def feed(self, data: bytes) -> tuple[bytes, list[Frame]]:
        """The bytes in which frames lie, and those that are whole now.

        Values: int, bool, bytes, None, :class:`Status`, :class:`Error`, :class:`Items`, :class:`Push`.
        """
        if self._parts:
            self._parts.append(data)
            self._size += len(data)
            if self._size < self._need:
                return b"", []
            data = b"".join(self._parts)
            self._parts.clear()
        frames: list[Frame] = []
        begin, at, end = 0, self._at, len(data)
        try:
            while at < end:
                value, at = _element(data, at)
                if self._placed(value):
                    frames.append((self._value, begin, at))
                    begin = at
            need = 0
        except Short as short:
            need = short.args[0] - begin if short.args[0] else 0
        except Garbage:
            self.garbage = True
            need = 0
        self._at = at - begin
        if begin < end:
            self._parts, self._size, self._need = [data[begin:]], end - begin, need
        return data, frames

    def rest(self) -> bytes:
        """The bytes that are part of no frame yet; they are not kept."""
        rest = b"".join(self._parts)
        self._parts.clear()
        return rest

    def _placed(self, value: Any) -> bool:
        """Put an element where it belongs; True when that completes a frame, whose value is ``_value``."""
        if type(value) is _Open and value.left:
            if len(self._open) >= _DEEPEST:
                raise Garbage
            self._open.append(value)
            return False
        while True:
            if type(value) is _Open:
                if value.attribute:  # it goes before a reply and is none
                    return False
                value = value.items
            if not self._open:
                self._value = value
                return True
            above = self._open[-1]
            above.items.append(value)
            above.left -= 1
            if above.left:
                return False
            value = self._open.pop()


class _Open:
    """An array whose elements are still to come."""

    __slots__ = ("attribute", "items", "left")

    def __init__(self, kind: int, left: int) -> None:
        self.items = Push() if kind == ord(">") else Items()
        self.left = left
        self.attribute = kind == ord("|")


def _element(data: bytes, at: int) -> tuple[Any, int]:
    end = data.find(b"\r\n", at)
    read = _READ.get(data[at])
    if read is None:
        raise Garbage
    if end < 0:
        if len(data) - at > _LONGEST_HEADER:
            raise Garbage
        raise Short(0)
    return read(data, at, end)


def _bulk(data: bytes, at: int, end: int) -> tuple[Any, int]:
    length = _int(data[at + 1 : end])
    if length < 0:
        return None, end + 2
    stop = end + 2 + length
    if len(data) < stop + 2:
        raise Short(stop + 2)
    if data[stop : stop + 2] != b"\r\n":
        raise Garbage
    value = data[end + 2 : stop]
    return (Error(_text(value)) if data[at] == ord("!") else value), stop + 2


def _array(data: bytes, at: int, end: int) -> tuple[Any, int]:
    count = _int(data[at + 1 : end])
    kind = data[at]
    if count < 0:
        return None, end + 2
    return _Open(kind, 2 * count if kind in b"%|" else count), end + 2


def _int(digits: bytes) -> int:
    try:
        number = int(digits)
    except ValueError:
        raise Garbage from None
    if number > _MOST_BYTES:
        raise Garbage
    return number


def _number(data: bytes, at: int, end: int) -> tuple[Any, int]:
    try:
        return int(data[at + 1 : end]), end + 2
    except ValueError:
        raise Garbage from None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


_READ: dict[int, Callable[[bytes, int, int], tuple[Any, int]]] = {
    ord("$"): _bulk,
    ord("="): _bulk,
    ord("!"): _bulk,
    ord(":"): _number,
    ord("("): _number,
    ord("+"): lambda data, at, end: (Status(_text(data[at + 1 : end])), end + 2),
    ord("-"): lambda data, at, end: (Error(_text(data[at + 1 : end])), end + 2),
    ord(","): lambda data, at, end: (Status(_text(data[at + 1 : end])), end + 2),
    ord("#"): lambda data, at, end: (data[at + 1 : end] == b"t", end + 2),
    ord("_"): lambda data, at, end: (None, end + 2),
    **dict.fromkeys(b"*~>%|", _array),
}
