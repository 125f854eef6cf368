"""Framing of Redis' replies, of RESP2 and RESP3; why it is ours: :mod:`harness.proxy.resp`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.proxy.resp import (
    LONGEST_HEADER,
    MOST_BYTES,
    Error,
    Frame,
    Garbage,
    Items,
    Push,
    Short,
    Status,
    Unfinished,
)

_DEEPEST = 64


class Replies(Unfinished):
    """Bytes of a server in, whole replies out. A long array is read once, however many packets it takes."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        """Up to where the unfinished frame has been read."""
        self._open: list[_Open] = []

    def feed(self, data: bytes) -> tuple[bytes, list[Frame]]:
        """The bytes in which frames lie, and those that are whole now.

        Values: int, bool, bytes, None, :class:`Status`, :class:`Error`, :class:`Items`, :class:`Push`.
        """
        if self._parts:
            data = self._joined(data)
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
            self._keep(data[begin:], need)
        return data, frames

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
        if len(data) - at > LONGEST_HEADER:
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
    if number > MOST_BYTES:
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
