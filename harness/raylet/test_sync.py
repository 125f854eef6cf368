"""The syncer's stream: one write at a time, and the last one tells of the last change."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from harness.raylet.raylet import Options
from harness.raylet.scribe import Record, Scribe, Streams
from harness.raylet.sync import REPORT_S, Syncer
from harness.wire import messages as m
from harness.wire.dialect import dialect

PERIOD = 0.3
"""Seconds: longer than the changes of a test take."""


async def turns(number: int) -> None:
    """Let the loop turn so often."""
    for _ in range(number):
        await asyncio.sleep(0)


class Stream:
    """A call that gRPC would end at a second write before the first is done."""

    def __init__(self) -> None:
        self.frames: list[m.RaySyncMessageBatch] = []
        self.clashes = 0
        self._busy = False
        self._ended = asyncio.Event()

    async def write(self, frame: bytes) -> None:
        self.clashes += self._busy
        self._busy = True
        await turns(20)
        self._busy = False
        self.frames.append(m.RaySyncMessageBatch.FromString(frame))

    async def read(self) -> object:
        await self._ended.wait()
        return None

    def cancel(self) -> None:
        self._ended.set()


def told(frame: m.RaySyncMessageBatch) -> float:
    [message] = frame.messages
    return m.ResourceViewSyncMessage.FromString(message.sync_message).resources_available["CPU"]


def syncing(stream: Stream, cpus: list[float], report_s: float) -> Syncer:
    """A syncer on ``stream`` that tells the CPUs as they are."""
    link = SimpleNamespace(dialect=SimpleNamespace(sync_batches=True), stream=lambda *_: stream)
    gcs: Any = SimpleNamespace(link=link, metadata=lambda *_: ())
    journal: Any = SimpleNamespace(write=lambda *_, **__: None, tally=lambda _: None)
    unwritten = Streams(Scribe(b"n" * 28, Record(), dialect()))
    view = lambda: m.ResourceViewSyncMessage(resources_available={"CPU": cpus[0]})  # noqa: E731
    return Syncer(gcs, b"n" * 28, journal, unwritten, view, None, report_s=report_s)


def test_changes_while_a_view_is_written_are_in_the_next_one() -> None:
    async def scene() -> Stream:
        stream, cpus = Stream(), [0.0]
        syncer = syncing(stream, cpus, 0.0)
        syncer.start()
        for number in range(1, 6):
            cpus[0] = number
            syncer.changed()
            await turns(6)
        async with asyncio.timeout(5):
            while not stream.frames or told(stream.frames[-1]) < 5:
                await asyncio.sleep(0.001)
        await syncer.stop()
        return stream

    stream = asyncio.run(scene())
    assert not stream.clashes
    assert told(stream.frames[-1]) == 5
    versions = [frame.messages[0].version for frame in stream.frames]
    assert versions == sorted(set(versions))


def test_changes_are_told_at_the_next_tick_and_once_for_all() -> None:
    async def scene() -> list[float]:
        stream, cpus = Stream(), [0.0]
        syncer = syncing(stream, cpus, PERIOD)
        syncer.start()
        async with asyncio.timeout(5):
            while not stream.frames:
                await asyncio.sleep(0.001)
        for number in range(1, 6):
            cpus[0] = number
            syncer.changed()
            await turns(30)
        async with asyncio.timeout(5):
            while len(stream.frames) < 2:
                await asyncio.sleep(0.001)
        await syncer.stop()
        return [told(frame) for frame in stream.frames]

    assert asyncio.run(scene()) == [0.0, 5.0]


def test_a_raylet_looks_as_often_as_rays_do() -> None:
    assert REPORT_S == Options("127.0.0.1").sync_report == 0.1
