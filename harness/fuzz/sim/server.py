"""The GCS of a simulated cluster, over all its lives: it is fed, obeyed, and killed between two effects."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from google.protobuf.message import Message

from harness.fuzz.plan import Plan
from harness.fuzz.sim.channel import Attempt, Channel, Network
from harness.fuzz.sim.clock import Entry
from harness.fuzz.sim.post import Post
from harness.fuzz.sim.record import Record
from harness.fuzz.sim.store import Store
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.core import step as core
from reference_gcs.core.config import settle

WALL = 1_700_000_000.0
"""What is added to virtual seconds to make unix seconds."""
TOKEN = "the right one"
SETTINGS: Mapping[str, object] = {"gcs_pull_resource_loads_period_milliseconds": 20000}
"""Of every GCS: seldom what is asked of every raylet once a second and is of no consequence."""
CONNECTING = 0.02
"""Seconds, at the most, until those who wait for a GCS find that it serves."""


class Stream(Protocol):
    """A raylet's end of a syncer stream."""

    def frame(self, message: Message) -> None: ...
    def closed(self) -> None: ...


class Server:
    """``alive``: there is a process; ``open``: it serves; ``hung``: it is there and does nothing.

    ``died``: told of each end that it brought about itself.
    """

    def __init__(self, network: Network, record: Record, store: Store, plan: Plan) -> None:
        self.token = TOKEN if plan.token else None
        self._config = settle(json.dumps({**SETTINGS, **plan.health.settings()}), {}, self.token)
        self.network, self.record, self.store = network, record, store
        self.life = -1
        self.alive = self.open = self.hung = False
        self.post = Post(self)
        self.tags: dict[int, int] = {}
        self.doomed_tag: int | None = None
        self.budget: int | None = None
        """Effects (of the doomed tag, or of this life) until it dies."""
        self.struck: Callable[[int], None] = lambda _tag: None
        self.died: Callable[[str], None] = lambda _why: None
        self.opened: Callable[[], None] = lambda: None
        self.ready: list[Callable[[], None]] = []
        """Called once it serves."""
        self._seed = plan.seed
        self._calls: dict[int, Attempt] = {}
        self._next_call = 0
        self._timers: dict[int, Entry] = {}
        self._streams: dict[int, Stream] = {}
        self._next_stream = 0
        self._events: deque[tuple[ev.Event, int]] = deque()
        self._feeding = False
        store.answered = lambda op, value: self.feed(ev.StoreAnswered(op, value), op)
        store.failed = lambda op, why: self.feed(ev.StoreFailed(op, why), op)

    # -- lives -----------------------------------------------------------------------------

    def start(self) -> None:
        self.life += 1
        self.alive = True
        self.record.write("gcs", "started", {"life": self.life, "pid": 1000 + self.life}, "gcs")
        self.store.connect()
        self._gcs = core.fresh(self._config, self._seed * 1000 + self.life)
        self.feed(ev.Boot(1000 + self.life))

    def kill(self, applied: int) -> int:
        """It is gone, with all that it had not done yet. How many writes were on their way to the store."""
        self.record.write("gcs", "killed", {"life": self.life}, "gcs")
        return self._end(applied)

    def _end(self, applied: int) -> int:
        self.alive = self.open = self.hung = False
        self.doomed_tag = self.budget = None
        self._events.clear()
        self.tags.clear()
        for timer in self._timers.values():
            self.network.clock.cancel(timer)
        self._timers.clear()
        left = self.store.cut(applied)
        self.post.drop()
        calls, self._calls = self._calls, {}
        for attempt in calls.values():
            attempt.channel.fail_soon(attempt, "UNAVAILABLE", "Socket closed")
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            self.network.clock.after(self.network.travel(), stream.closed)
        return left

    def hang(self) -> bool:
        """Do nothing until :meth:`go_on`; False, when there is no process that could hang."""
        if not self.alive or self.hung:
            return False
        self.hung = True
        self.record.write("gcs", "paused", {"life": self.life}, "gcs")
        return True

    def go_on(self) -> bool:
        """All that has arrived meanwhile, in its order; False, when it did not hang."""
        if not self.hung:
            return False
        self.hung = False
        self.record.write("gcs", "resumed", {"life": self.life}, "gcs")
        self._work()
        return True

    # -- what arrives ----------------------------------------------------------------------

    def receive(self, attempt: Attempt) -> None:
        """A call arrives."""
        if attempt.ended:
            return
        if not self.open:
            if attempt.ready:
                self.ready.append(lambda: self.receive(attempt))
            else:
                attempt.channel.fail(attempt, "UNAVAILABLE", "failed to connect to all addresses")
            return
        self._next_call += 1
        attempt.number = number = self._next_call
        self._calls[number] = attempt
        message = type(attempt.message)()
        message.CopyFrom(attempt.message)
        claimed, bearer = attempt.channel.cluster_id, attempt.channel.authorization
        self._feed_as(attempt.tag, ev.Request(number, attempt.method.full_name, message, claimed, bearer))

    def cancel(self, attempt: Attempt) -> None:
        """The caller no longer waits."""
        if attempt.number and self._calls.pop(attempt.number, None) is not None:
            self._feed_as(0, ev.RequestCancelled(attempt.number))

    def stream(self, node_id: bytes, channel: Channel, end: Stream) -> int:
        """A raylet opens a stream; its number, 0 when nobody is there."""
        if not self.open:
            return 0
        self._next_stream += 1
        number = self._next_stream
        self._streams[number] = end
        self._feed_as(0, ev.StreamOpened(number, node_id, channel.cluster_id, channel.authorization))
        return number

    def stream_frame(self, number: int, message: Message) -> None:
        if number in self._streams:
            self._feed_as(0, ev.StreamMessage(number, message))

    def hang_up(self, number: int) -> None:
        """The raylet closes its stream."""
        if self._streams.pop(number, None) is not None:
            self._feed_as(0, ev.StreamClosed(number))

    # -- the core --------------------------------------------------------------------------

    def feed(self, event: ev.Event, number: int = 0) -> None:
        """An event that answers the effect ``number``, of the same tag as that."""
        self._feed_as(self.tags.pop(number, 0), event)

    def _feed_as(self, tag: int, event: ev.Event) -> None:
        self._events.append((event, tag))
        self._work()

    def _work(self) -> None:
        if self._feeding:
            return
        self._feeding = True
        try:
            while self._events and self.alive and not self.hung:
                event, tag = self._events.popleft()
                for effect in core.step(self._gcs, event, WALL + self.network.clock.now)[1]:
                    if self.budget is not None and self._dies_at(self.budget, tag):
                        self.struck(tag)
                        break
                    _DUTIES[type(effect)](self, effect, tag)
                    if not self.alive:
                        break
        finally:
            self._feeding = False

    def _dies_at(self, budget: int, tag: int) -> bool:
        if self.doomed_tag is not None and tag != self.doomed_tag:
            return False
        self.budget = budget - 1
        return budget <= 0

    # -- effects ---------------------------------------------------------------------------

    def _store(self, effect: fx.StoreWrite | fx.StoreRead, tag: int) -> None:
        self.tags[effect.op] = tag
        self.store.ask(effect.op, effect.command)

    def _reply(self, effect: fx.Reply, _tag: int) -> None:
        attempt = self._calls.pop(effect.call, None)
        if attempt is not None:
            attempt.channel.answer(attempt, effect.message)

    def _reject(self, effect: fx.Reject, _tag: int) -> None:
        attempt = self._calls.pop(effect.call, None)
        if attempt is not None:
            attempt.channel.fail_soon(attempt, effect.code, effect.details)

    def _send(self, effect: fx.Send, tag: int) -> None:
        self.post.send(effect, tag)

    def _cancel_send(self, effect: fx.CancelSend, _tag: int) -> None:
        self.post.cancel(effect.send)

    def _set_timer(self, effect: fx.SetTimer, tag: int) -> None:
        self.tags[effect.timer] = tag
        self._timers[effect.timer] = self.network.clock.after(effect.after, self._fire, effect.timer)

    def _fire(self, timer: int) -> None:
        self._timers.pop(timer, None)
        self.feed(ev.TimerFired(timer), timer)

    def _cancel_timer(self, effect: fx.CancelTimer, _tag: int) -> None:
        self.network.clock.cancel(self._timers.pop(effect.timer, None))
        self.tags.pop(effect.timer, None)

    def _stream_send(self, effect: fx.StreamSend, _tag: int) -> None:
        stream = self._streams.get(effect.stream)
        if stream is not None:
            self.network.clock.after(self.network.travel(), stream.frame, effect.message)

    def _stream_close(self, effect: fx.StreamClose, _tag: int) -> None:
        stream = self._streams.pop(effect.stream, None)
        if stream is not None:
            self.network.clock.after(self.network.travel(), stream.closed)

    def _open_port(self, _effect: fx.OpenPort, _tag: int) -> None:
        self.open = True
        self.record.write("gcs", "serving", {"life": self.life}, "gcs")
        waiting, self.ready = self.ready, []
        for one in waiting:
            self.network.clock.after(self.network.random.random() * CONNECTING, one)
        self.opened()

    def _exit(self, effect: fx.Exit, _tag: int) -> None:
        self.record.write("gcs", "ended", {"life": self.life, "exit": effect.code}, "gcs")
        self._end(0)
        self.died(effect.why)

    def _nothing(self, _effect: fx.Effect, _tag: int) -> None:
        """Logs are read by people, and channels are nothing here."""


_DUTIES: dict[type[Any], Callable[[Server, Any, int], None]] = {
    fx.StoreWrite: Server._store,
    fx.StoreRead: Server._store,
    fx.Reply: Server._reply,
    fx.Reject: Server._reject,
    fx.Send: Server._send,
    fx.CancelSend: Server._cancel_send,
    fx.Disconnect: Server._nothing,
    fx.SetTimer: Server._set_timer,
    fx.CancelTimer: Server._cancel_timer,
    fx.StreamSend: Server._stream_send,
    fx.StreamClose: Server._stream_close,
    fx.OpenPort: Server._open_port,
    fx.Log: Server._nothing,
    fx.Exit: Server._exit,
}
