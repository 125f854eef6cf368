"""The shell: feeds the core with what happens, and carries out what it asks for, in order."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from harness.wire.dialect import dialect
from reference_gcs.clock import Clock
from reference_gcs.core import effects as fx
from reference_gcs.core import events as ev
from reference_gcs.core.config import Config
from reference_gcs.core.step import fresh, step
from reference_gcs.outbound import Outbound
from reference_gcs.server import Server
from reference_gcs.store import Store


class Shell:
    """One GCS process. Everything runs on one event loop."""

    def __init__(self, config: Config, ip: str, port: int) -> None:
        self._gcs = fresh(config, secrets.randbits(64))
        self._ip, self._port = ip, port
        self._timers: dict[int, asyncio.TimerHandle] = {}
        spoken = dialect()
        self.server = Server(spoken, self.feed)
        self._outbound = Outbound(spoken, self.feed)
        self._clock = Clock()
        self._opening: asyncio.Task[None] | None = None
        self._duties = self._all_duties()
        self.store: Store
        self.opened: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def boot(self) -> None:
        self.feed(ev.Boot(os.getpid()))

    def feed(self, event: ev.Event) -> None:
        """Give the core an event and obey its effects."""
        self._gcs, effects = step(self._gcs, event, self._clock.now())
        for effect in effects:
            self._obey(effect)

    def store_answered(self, op: int, value: object) -> None:
        self.feed(ev.StoreAnswered(op, value))

    def _obey(self, effect: fx.Effect) -> None:
        self._duties[type(effect)](effect)

    def _all_duties(self) -> dict[type[Any], Callable[[Any], None]]:
        """What to do for each kind of effect."""
        return {
            fx.StoreWrite: lambda effect: self.store.write(effect.op, effect.command),
            fx.StoreRead: lambda effect: self.store.read(effect.op, effect.command),
            fx.Reply: self.server.reply,
            fx.Reject: self.server.reject,
            fx.Send: self._outbound.send,
            fx.CancelSend: lambda effect: self._outbound.cancel(effect.send),
            fx.Disconnect: lambda effect: self._outbound.disconnect(effect.ip, effect.port),
            fx.SetTimer: self._set_timer,
            fx.CancelTimer: self._cancel_timer,
            fx.StreamSend: self.server.syncer.send,
            fx.StreamClose: self.server.syncer.close,
            fx.OpenPort: self._start_opening,
            fx.Log: lambda effect: log(effect.text),
            fx.Exit: lambda effect: leave(effect.code, effect.why),
        }

    def _set_timer(self, effect: fx.SetTimer) -> None:
        loop = asyncio.get_running_loop()
        self._timers[effect.timer] = loop.call_later(effect.after, self._fire, effect.timer)

    def _cancel_timer(self, effect: fx.CancelTimer) -> None:
        timer = self._timers.pop(effect.timer, None)
        if timer is not None:
            timer.cancel()

    def _start_opening(self, _effect: fx.OpenPort) -> None:
        self._opening = asyncio.get_running_loop().create_task(self._open())

    def _fire(self, timer: int) -> None:
        self._timers.pop(timer, None)
        self.feed(ev.TimerFired(timer))

    async def _open(self) -> None:
        # The recovery calls were started before; let them reach the wire first.
        await asyncio.sleep(0)
        try:
            self.opened.set_result(await self.server.open(self._ip, self._port))
        except RuntimeError as problem:
            leave(1, f"could not listen on {self._ip}:{self._port}: {problem}")


def log(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} reference_gcs: {text}", file=sys.stderr, flush=True)


def leave(code: int, why: str) -> NoReturn:
    """End the process at once: nothing that is still queued may happen."""
    log(f"exit {code}: {why}")
    os._exit(code)
