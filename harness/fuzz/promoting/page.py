"""A scenario while it is written: its lines, what they import, and the helpers that they call. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

WIDTH, COMPLEX = 110, 10
"""The longest line, and the most branches of a function, as pyproject.toml has them."""
NOTICED = 0.005
"""Shorter rests, in seconds, are left out: a line of Python takes about as long."""
REPEATED = 40
"""Text longer than this, of one letter alone, is written as a product."""
_STANDARD = frozenset({"time", "collections.abc", "contextlib"})


class Page:
    """Lines of one test function, and what stands above it."""

    def __init__(self) -> None:
        self.helpers: dict[str, str] = {}
        """Name -> source of a function that the scenario needs."""
        self._lines: list[str] = []
        self._depth = 1
        self._imports: dict[str, set[str]] = {}
        self._owed = 0.0

    def use(self, module: str, name: str = "") -> None:
        """Import ``name`` from ``module``; without a name, the module itself."""
        self._imports.setdefault(module, set()).add(name)

    def rest(self, seconds: float) -> None:
        """Let so much time pass before the next line."""
        self._owed += max(0.0, seconds)

    def say(self, line: str) -> None:
        self._sleep()
        self._lines.append("    " * self._depth + line if line else "")

    def _sleep(self) -> None:
        owed = round(self._owed, 3)
        if owed >= NOTICED:
            self._owed = 0.0
            self.use("time")
            self.say(f"time.sleep({number(owed)})")

    def call(self, function: str, arguments: Sequence[str] = (), kept: str = "") -> None:
        """A call, over several lines where it is long; ``kept``: the name that its result gets."""
        head = f"{kept} = {function}" if kept else function
        for line in _wrapped(head, arguments, 4 * self._depth):
            self.say(line)

    def lay(self, statement: str) -> None:
        """A statement, over several lines where it is a call that is long."""
        parts = _parts(statement)
        if parts is None or 4 * self._depth + len(statement) <= WIDTH:
            self.say(statement)
        else:
            self.call(parts[0], parts[2])

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Lines below ``header``, one level deeper; ``pass`` when there are none."""
        self.open(header)
        yield
        self.close()

    def open(self, header: str) -> None:
        self.say(f"{header}:")
        self._depth += 1

    def close(self) -> None:
        """End the block that was opened last, with the time that passes in it."""
        self._sleep()
        if self._lines[-1].endswith(":"):
            self.say("pass")
        self._depth -= 1

    def text(self, about: str, decorators: Sequence[str], signature: str, docstring: str) -> str:
        """The whole file."""
        parts = [f'"""{about}"""', "from __future__ import annotations", *self._import_blocks()]
        branches = sum(one.strip().startswith(("for ", "if ")) for one in self._lines)
        noted = "  # noqa: C901" if branches >= COMPLEX else ""
        function = [*decorators, f"{signature}:{noted}", f'    """{docstring}"""', *self._lines]
        body = "\n\n\n".join([*self.helpers.values(), "\n".join(function)])
        return "\n\n".join(parts) + "\n\n\n" + body + "\n"

    def _import_blocks(self) -> Iterator[str]:
        ours = {one for one in self._imports if one.partition(".")[0] == "harness"}
        theirs = set(self._imports) - ours - _STANDARD
        for modules in (set(self._imports) & _STANDARD, theirs, ours):
            whole = [f"import {one}" for one in sorted(modules) if "" in self._imports[one]]
            parts = [one for one in sorted(modules) if self._imports[one] - {""}]
            named = [line for one in parts for line in _from(one, self._imports[one])]
            if whole or named:
                yield "\n".join([*whole, *named])


def _from(module: str, names: set[str]) -> Iterator[str]:
    plain = sorted((one for one in names if one and " " not in one), key=_rank)
    if plain:
        yield f"from {module} import {', '.join(plain)}"
    yield from (f"from {module} import {one}" for one in sorted(names) if " " in one)


def _rank(name: str) -> tuple[int, str]:
    """The order in which imported names stand: constants, classes, functions."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2, name)


def _wrapped(head: str, arguments: Sequence[str], indent: int) -> list[str]:
    """The lines of a call, as a formatter lays them out."""
    return _laid_out(head, arguments, "()", indent, "")


def _laid_out(head: str, arguments: Sequence[str], brackets: str, indent: int, end: str) -> list[str]:
    left, right = brackets[0], brackets[1]
    together = ", ".join(arguments)
    line = f"{head}{left}{together}{right}{end}"
    if indent + len(line) <= WIDTH or not arguments:
        return [line]
    if indent + 4 + len(together) <= WIDTH:
        return [f"{head}{left}", f"    {together}", f"{right}{end}"]
    inner = [f"    {line}" for one in arguments for line in _argument(one, indent + 4)]
    return [f"{head}{left}", *inner, f"{right}{end}"]


def _argument(text: str, indent: int) -> list[str]:
    """An argument with its comma, on lines of its own."""
    parts = _parts(text)
    if indent + len(text) < WIDTH or parts is None:
        return [f"{text},"]
    head, brackets, inner = parts
    return _laid_out(head, inner, brackets, indent, ",")


def _parts(text: str) -> tuple[str, str, list[str]] | None:
    """What stands before the first bracket, the pair, and what is in it; None unless that is all there is."""
    inner: list[str] = []
    head, depth, begin, inside = "", 0, 0, False
    for place, one in enumerate(text):
        if one == '"' and text[place - 1] != "\\":
            inside = not inside
        if inside:
            continue
        if one in "([{":
            depth += 1
            begin = place + 1 if depth == 1 else begin
            head = text[:place] if depth == 1 else head
        elif one in ")]}":
            depth -= 1
        if (one == "," and depth == 1) or (one in ")]}" and depth == 0):
            inner.append(text[begin:place].strip())
            begin = place + 1
    pair = {")": "()", "]": "[]", "}": "{}"}.get(text[-1:])
    return (head, pair, [one for one in inner if one]) if pair and inner and depth == 0 else None


def quoted(text: str) -> str:
    """``text`` as a literal."""
    if len(text) > REPEATED and len(set(text)) == 1:
        return f"{quoted(text[0])} * {len(text)}"
    return '"' + "".join(_letter(one) for one in text) + '"'


def octets(text: str, copies: int = 1) -> str:
    """The UTF-8 of ``text``, so many times over, as an expression."""
    if not text or not copies:
        return 'b""'
    if copies == 1 and len(text) > REPEATED and len(set(text)) == 1:
        text, copies = text[0], len(text)
    one = f"b{quoted(text)}" if text.isascii() else f"{quoted(text)}.encode()"
    return one if copies == 1 else f"{one} * {copies}"


def _letter(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one.isprintable():
        return one
    code = ord(one)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def number(value: float) -> str:
    """As a person writes it."""
    return f"{round(value, 4)}"
