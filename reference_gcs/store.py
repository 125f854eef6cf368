"""Rows in Redis.

**The fence (S4).** Only one GCS may write to a namespace. At its start a GCS puts a token of its
own under ``RAY<ns>@FENCE``: whoever came last owns the namespace. Writes go out in group commits::

    MULTI, <the writes that have gathered>, EXEC, WATCH fence, GET fence

and the next commit is sent only after that GET showed our token. EXEC fails if the fence changed
since the WATCH, so no write takes place once another GCS has claimed the namespace: Redis itself
decides, in one round trip, without a script. A real gcs_server never reads that key. WATCH needs a
key of its own: a field in the KV hash would make every KV write look like a change of the fence.
The heartbeat reads the fence too, so that a fenced-out GCS that has nothing to write leaves as well.

**Cluster mode.** Redis in cluster mode executes a transaction only within one hash slot, and each table
is a key of its own. CROSSSLOT tells: from then on a commit carries the leading writes on one key, and
the rest follows in further ones, in order and each behind its own WATCH.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from reference_gcs.core import effects as fx
from reference_gcs.core import layout
from reference_gcs.core.config import Config
from reference_gcs.redis_place import RedisPlace, StoreRefused
from reference_gcs.resp import Connection, RedisError

MAX_BATCH = 1000
Answered = Callable[[int, Any], None]
Lost = Callable[[str], None]
Write = tuple[int, fx.WriteCommand]


class Store(Protocol):
    """What the shell asks of a store. Answers never come before the call returns."""

    async def start(self) -> None: ...
    def write(self, op: int, command: fx.WriteCommand) -> None: ...
    def read(self, op: int, command: fx.ReadCommand) -> None: ...


class RedisStore:
    """Two connections: one for guarded writes, one for reads."""

    def __init__(self, place: RedisPlace, config: Config, answered: Answered, lost: Lost) -> None:
        self._place = place
        self._config = config
        self._answered = answered
        self._lost = lost
        self._fence = layout.redis_key(place.namespace, layout.FENCE)
        self._token = secrets.token_hex(16).encode()
        self._queue: deque[Write] = deque()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writer: Connection | None = None
        self._reader: Connection | None = None
        self._reader_lock = asyncio.Lock()
        self._key_by_key = False

    async def start(self) -> None:
        """Connect within the connect budget, claim the namespace. Raises StoreRefused."""
        attempts = int(self._config.get("redis_db_connect_retries"))
        pause = self._config.seconds("redis_db_connect_wait_milliseconds")
        for left in reversed(range(max(attempts, 1))):
            try:
                self._writer = await self._claim()
                break
            except (OSError, TimeoutError) as problem:
                if not left:
                    raise StoreRefused(f"could not connect to Redis: {problem}") from None
                await asyncio.sleep(pause)
        self._spawn(self._write_for_ever())

    async def _claim(self) -> Connection:
        """A connection over which the namespace was claimed. Once more does no harm: the token stays the same."""
        writer = await self._place.connect()
        replies = await self._place.ask(
            writer, (b"SET", self._fence, self._token), (b"WATCH", self._fence), (b"GET", self._fence)
        )
        for reply in replies:
            if isinstance(reply, RedisError):
                raise StoreRefused(f"Redis does not let this GCS claim its namespace: {reply}")
        return writer

    def write(self, op: int, command: fx.WriteCommand) -> None:
        self._queue.append((op, command))
        self._wake.set()

    def read(self, op: int, command: fx.ReadCommand) -> None:
        self._spawn(self._read(op, command))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except StoreRefused as problem:
            self._lost(str(problem))
        except Exception as problem:  # noqa: BLE001 - nobody restarts a GCS that neither serves nor ends
            self._lost(f"the store failed: {problem!r}")

    # -- connections -----------------------------------------------------------------------

    def _pauses(self) -> Iterator[float]:
        """Seconds before each retry of a request."""
        pause = self._config.seconds("redis_retry_base_ms")
        for _ in range(int(self._config.get("num_redis_request_retries"))):
            yield min(pause, self._config.seconds("redis_retry_max_ms"))
            pause *= float(self._config.get("redis_retry_multiplier"))

    # -- reads -----------------------------------------------------------------------------

    async def _read(self, op: int, command: fx.ReadCommand) -> None:
        pauses = self._pauses()
        while True:
            try:
                value = await self._read_once(command)
                break
            except (OSError, RedisError) as problem:
                pause = next(pauses, None)
                if pause is None:
                    raise StoreRefused(f"Redis failed a read: {problem}") from None
                await asyncio.sleep(pause)
        self._answered(op, value)

    async def _read_once(self, command: fx.ReadCommand) -> Any:
        async with self._reader_lock:
            if self._reader is None:
                self._reader = await self._place.connect()
        reader = self._reader
        try:
            return await self._read_on(reader, command)
        except (OSError, RedisError):
            if self._reader is reader:
                self._reader = None  # another Redis may lead by now
            raise

    async def _read_on(self, reader: Connection, command: fx.ReadCommand) -> Any:
        key = layout.redis_key(self._place.namespace, command.table)
        if isinstance(command, fx.Scan):
            return await self._scan(reader, key, command.prefix)
        if isinstance(command, fx.Get):
            words: tuple[bytes, ...] = (b"HGET", key, command.key)
        else:
            words = (b"HMGET", key, *command.keys)
        (reply,) = await self._place.ask(reader, words)
        return _or_raise(reply)

    async def _scan(self, reader: Connection, key: bytes, prefix: bytes) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        match = (b"MATCH", _glob(prefix) + b"*") if prefix else ()
        cursor = b"0"
        while True:
            (reply,) = await self._place.ask(reader, (b"HSCAN", key, cursor, *match, b"COUNT", b"1000"))
            cursor, flat = _or_raise(reply)
            found.update(zip(flat[::2], flat[1::2], strict=True))
            if cursor == b"0":
                return {field: value for field, value in found.items() if field.startswith(prefix)}

    # -- writes ----------------------------------------------------------------------------

    async def _write_for_ever(self) -> None:
        beat = self._config.seconds("gcs_redis_heartbeat_interval_milliseconds")
        while True:
            if not self._queue:
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wake.wait(), beat)
                except TimeoutError:
                    await self._commit([])
                    continue
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
            await self._commit(batch)

    async def _commit(self, batch: list[Write]) -> None:
        """Store ``batch`` in order, all that it takes; then answer. No batch: prove we may write."""
        pauses = self._pauses()
        while True:
            try:
                batch, problem = await self._commit_once(batch)
                if problem is None:
                    if not batch:
                        return
                    continue
            except (OSError, RedisError) as caught:
                problem = caught
            pause = next(pauses, None)
            if pause is None:
                raise StoreRefused(f"Redis failed a write: {problem}")
            await asyncio.sleep(pause)

    async def _commit_once(self, batch: list[Write]) -> tuple[list[Write], Exception | None]:
        """One round trip. Gives back the commands still to be stored, and the error if there was one."""
        writer = await self._proven()
        if not batch:
            await self._prove(writer)
            return [], None
        sent, rest = self._split(batch)
        words = [self._words(command) for _op, command in sent]
        try:
            replies = await self._place.ask(
                writer, (b"MULTI",), *words, (b"EXEC",), (b"WATCH", self._fence), (b"GET", self._fence)
            )
        except OSError:
            self._writer = None
            raise
        *queued, outcome, watch, token = replies
        problem: RedisError | None
        if outcome is None:
            raise StoreRefused("another GCS has taken over this namespace")
        if isinstance(outcome, RedisError) and str(outcome).startswith("CROSSSLOT"):
            self._key_by_key = True
            refused, problem = sent, None
        elif isinstance(outcome, RedisError):
            # It says why where it was asked to queue. Another Redis may lead by now.
            refused = sent
            problem = next((one for one in queued if isinstance(one, RedisError)), outcome)
            self._leave(writer)
        else:
            refused, problem = self._answer(sent, outcome)
        if isinstance(watch, RedisError) or isinstance(token, RedisError):
            self._leave(writer)  # the next commit proves anew that it may be one
        else:
            self._check(token)  # also after an aborted EXEC: the next one relies on it
        return refused + rest, problem

    def _split(self, batch: list[Write]) -> tuple[list[Write], list[Write]]:
        """What goes into the next transaction, and what comes after it."""
        if not self._key_by_key:
            return batch, []
        table = batch[0][1].table
        leading = list(itertools.takewhile(lambda write: write[1].table == table, batch))
        return leading, batch[len(leading) :]

    def _answer(self, batch: list[Write], outcome: list[Any]) -> tuple[list[Write], RedisError | None]:
        refused, problem = [], None
        for (op, command), reply in zip(batch, outcome, strict=True):
            if isinstance(reply, RedisError):
                refused.append((op, command))
                problem = problem or reply
            else:
                self._answered(op, bool(reply) if isinstance(command, fx.Put | fx.PutIfAbsent) else reply)
        return refused, problem

    async def _proven(self) -> Connection:
        """The connection for writes, on which the fence is watched; a new one where it was lost."""
        if self._writer is None:
            writer = await self._place.connect()
            await self._prove(writer)
            self._writer = writer
        return self._writer

    async def _prove(self, writer: Connection) -> None:
        """The fence is ours, and watched from now on."""
        try:
            replies = await self._place.ask(writer, (b"WATCH", self._fence), (b"GET", self._fence))
        except OSError:
            self._writer = None
            raise
        for reply in replies:
            if isinstance(reply, RedisError):
                self._leave(writer)
                raise reply
        self._check(replies[-1])

    def _leave(self, writer: Connection) -> None:
        writer.close()
        self._writer = None

    def _check(self, token: Any) -> None:
        if token != self._token:
            raise StoreRefused("another GCS has taken over this namespace, or Redis has lost it")

    def _words(self, command: fx.WriteCommand) -> tuple[bytes, ...]:
        key = layout.redis_key(self._place.namespace, command.table)
        if isinstance(command, fx.Put):
            return (b"HSET", key, command.key, command.value)
        if isinstance(command, fx.PutIfAbsent):
            return (b"HSETNX", key, command.key, command.value)
        if isinstance(command, fx.Delete):
            return (b"HDEL", key, *command.keys)
        return (b"INCRBY", key, b"1")


def _or_raise(reply: Any) -> Any:
    if isinstance(reply, RedisError):
        raise reply
    return reply


def _glob(prefix: bytes) -> bytes:
    """``prefix`` with the characters escaped that mean something in a MATCH pattern."""
    return b"".join(b"\\" + bytes([one]) if one in b"*?[]\\^-" else bytes([one]) for one in prefix)
