"""Framing of Redis' protocol: values, and the commands of a client. Replies: :mod:`harness.proxy.replies`.

Our own, because a proxy passes bytes on unchanged and must know where in them a command or a reply
ends: hiredis and redis-py parse values well, but tell of no frame's end. Protocol:
redis.io/docs/latest/develop/reference/protocol-spec.
"""

from __future__ import annotations

from typing import Any

LONGEST_HEADER = 64 * 1024  # as Redis: a line without an end is no line
MOST_BYTES = 1 << 31
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


class Unfinished:
    """The begin of a frame whose end is still to come."""

    def __init__(self) -> None:
        self.garbage = False
        """Whether something came that is no frame: :meth:`rest` begins with it."""
        self._parts: list[bytes] = []
        self._size = 0
        self._need = 0

    def _joined(self, data: bytes) -> bytes:
        """All that is there, with ``data`` at its end; empty (and kept) while that is too short for a frame."""
        self._parts.append(data)
        self._size += len(data)
        return self.rest() if self._size >= self._need else b""

    def _keep(self, rest: bytes, need: int) -> None:
        """``need``: how long the frame is at least; 0: not known."""
        self._parts, self._size, self._need = [rest], len(rest), need

    def rest(self) -> bytes:
        """The bytes that are part of no frame yet; they are not kept."""
        rest = b"".join(self._parts)
        self._parts.clear()
        return rest


class Commands(Unfinished):
    """Bytes of a client in, whole commands out. What is not an array of bulk strings is garbage."""

    def feed(self, data: bytes) -> tuple[bytes, list[Frame]]:
        """The bytes in which frames lie, and those that are whole now; value: the arguments, as list of bytes."""
        if self._parts:
            data = self._joined(data)
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
    end = data.find(b"\r\n", at, at + LONGEST_HEADER)
    if end < 0:
        if len(data) - at > LONGEST_HEADER or not _may_be_number(data[at + 1 : at + 32]):
            raise Garbage
        raise Short(len(data) - begin + 1)
    digits = data[at + 1 : end]
    if not digits.isdigit() and digits != b"-1":
        raise Garbage
    number = int(digits)
    if number > MOST_BYTES:
        raise Garbage
    return number, end + 2


def _may_be_number(said: bytes) -> bool:
    digits = said.removesuffix(b"\r").removeprefix(b"-")
    return not digits or digits.isdigit()
