"""The syncer's stream: one write at a time, and the last one tells of the last change."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from harness.raylet.scribe import Record, Scribe, Streams
from harness.raylet.sync import Syncer
from harness.wire import messages as m
from harness.wire.dialect import dialect


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


def test_changes_while_a_view_is_written_are_in_the_next_one() -> None:
    async def scene() -> Stream:
        stream, cpus = Stream(), [0.0]
        link = SimpleNamespace(dialect=SimpleNamespace(sync_batches=True), stream=lambda *_: stream)
        gcs: Any = SimpleNamespace(link=link, metadata=lambda *_: ())
        journal: Any = SimpleNamespace(write=lambda *_, **__: None, tally=lambda _: None)
        view = lambda: m.ResourceViewSyncMessage(resources_available={"CPU": cpus[0]})  # noqa: E731
        unwritten = Streams(Scribe(b"n" * 28, Record(), dialect()))
        syncer = Syncer(gcs, b"n" * 28, journal, unwritten, view, None)
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
