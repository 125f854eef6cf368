"""What a key-value, the job counter and an actor's name may do, one step at a time. Pure.

Inputs and outputs are tuples of plain values; those that a model does not list are not for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from harness.check.wgl import Model, Operation

ABSENT = None
ANY = ("any",)
"""The state of what was there, or not, before the history began."""
SOME = ("some",)
"""A value that is there, and that nobody knows."""
LOST = ("lost",)
"""Input of an operation that empties everything: a GCS that keeps its tables in memory dies."""


def _put(state: Any, value: str, overwrite: bool, added: bool | None) -> Iterable[Any]:
    if state == ANY:
        after = value if overwrite or added else SOME
        return (after,) if overwrite or added is not None else (value, SOME)
    if added is not None and added != (state is ABSENT):
        return ()
    return (value,) if overwrite or state is ABSENT else (state,)


def _get(state: Any, found: str | None) -> Iterable[Any]:
    if state == ANY or (state == SOME and found is not None):
        return (found,)
    return (state,) if state == found else ()


def _exists(state: Any, there: bool) -> Iterable[Any]:
    if state == ANY:
        return (SOME if there else ABSENT,)
    return (state,) if (state is not ABSENT) == there else ()


def _delete(state: Any, count: int | None) -> Iterable[Any]:
    if state == ANY or count is None or count == (state is not ABSENT):
        return (ABSENT,)
    return ()


def key_value_step(state: Any, operation: Operation) -> Iterable[Any]:
    """States: ABSENT, a value, SOME, ANY. Inputs, with their outputs (None: nobody knows):

    ``("put", value, overwrite)`` added; ``("get",)`` ``(value,)`` or ``(None,)``; ``("exists",)``
    there; ``("del",)`` count; ``("sweep",)`` and ``("may sweep",)`` by prefix: deletes it; perhaps; LOST.
    """
    verb, output = operation.input[0], operation.output
    if verb == "put":
        _, value, overwrite = operation.input
        return _put(state, value, overwrite, output)
    if verb == "get":
        return _get(state, output[0])
    if verb == "exists":
        return _exists(state, output)
    if verb == "del":
        return _delete(state, output)
    return (ABSENT, state) if verb == "may sweep" else (ABSENT,)


def key_value(initial: Any = ABSENT) -> Model:
    """One key: what was put, or nothing."""
    return Model(initial, key_value_step)


def settled_puts(operations: Sequence[Operation], initial: Any = ABSENT) -> list[Operation]:
    """``operations`` of one key, with what its reads tell of the puts whose outcome nobody knows.

    A value that one put alone can have written, and that was read, was written before the first
    such read ended. Values that nobody ever read are one value: so are the puts of them.
    """
    written = Counter([initial, *(one.input[1] for one in operations if one.input[0] == "put")])
    read: dict[str, float] = {}
    for one in operations:
        if one.input == ("get",) and one.output[0] is not None:
            read[one.output[0]] = min(one.end, read.get(one.output[0], inf))
    found = []
    for one in operations:
        if one.optional and one.input[0] == "put":
            _, value, overwrite = one.input
            if value not in read:
                one = replace(one, input=("put", "?", overwrite))
            elif written[value] == 1 and initial not in (ANY, SOME) and read[value] >= one.start:
                one = replace(one, end=read[value])
        found.append(one)
    return found


def counter_step(state: Any, operation: Operation) -> Iterable[Any]:
    """State: the last number given. Input ``("next",)``, output the number; or LOST."""
    if operation.input == LOST:
        return (0,)
    return (operation.output,) if operation.output > state else ()


COUNTER = Model(0, counter_step)
"""Job ids: each is larger than all before it. Gaps are allowed."""


def name_step(state: Any, operation: Operation) -> Iterable[Any]:
    """A name: None, ANY, or ``(actor, firm)``; not ``firm``: its registration may never have become durable.

    ``("register", actor)``: output True for ok, False for a refusal because the name is taken;
    ``("register again", actor)``: after it had been acknowledged; ``("look",)``: ``(actor,)`` or ``(None,)``;
    ``("free", actor)``: it may have died; LOST. An actor is never refused for a name that it may hold
    itself: other checks speak of repetitions. One that is dead may be acknowledged again, and not have the name.
    """
    verb, output = operation.input[0], operation.output
    if verb == "register":
        return _register(state, operation.input[1], output)
    if verb == "register again":
        after = _register(state, operation.input[1], output)
        return after if output is False else (state, *after)
    if verb == "look":
        return _look(state, output[0])
    if verb == "free":
        dead = operation.input[1]
        return (None,) if state == ANY or (state is not None and state[0] == dead) else (state,)
    return (None,)


def _register(state: Any, actor: str, taken: bool | None) -> Iterable[Any]:
    if taken is False:
        return () if state is None else (state,)
    open_ = state is None or state == ANY or state[0] == actor or not state[1]
    if not open_:
        return ()
    firm = taken is True or state == (actor, True)
    return ((actor, firm),)


def _look(state: Any, actor: str | None) -> Iterable[Any]:
    if state == ANY:
        return (None if actor is None else (actor, False),)
    if actor is None:
        return (None,) if state is None or not state[1] else ()
    return (state,) if state is not None and state[0] == actor else ()


def name(initial: Any = None) -> Model:
    """One name in one namespace: at most one living actor has it."""
    return Model(initial, name_step)
