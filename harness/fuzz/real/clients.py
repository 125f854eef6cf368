"""A plan's clients on a real cluster: they ask in the plan's order, and see each call through in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import grpc

from harness.driver.client import GcsClient
from harness.fuzz.asking import Ask, poll, subscription
from harness.fuzz.names import made_up
from harness.fuzz.operations import Subscribe
from harness.wire import ids
from harness.wire import messages as m

ANSWER_SECONDS = 20.0
"""How long a call is seen through before it is given up: longer than a GCS of a plan is away."""
ANOTHER_CLUSTER = b"\xc0" * ids.UNIQUE
# A closed channel, a message that has no encoding in this release.
_UNSENT = (grpc.RpcError, grpc.FutureCancelledError, ValueError)


class Asker:
    """One client. What it asks at once is sent in that order, by the caller; answers are awaited in ``pool``."""

    def __init__(self, gcs: GcsClient, pool: ThreadPoolExecutor) -> None:
        self.gcs, self._pool = gcs, pool

    def ask(self, asks: Sequence[Ask], times: int = 1, answered: Callable[[], None] = lambda: None) -> None:
        """Make the calls one after the other, as long as they are acknowledged; each ``times`` times at once.

        ``answered``: called when the first answer is there.
        """
        if not asks:
            return
        (name, request), *rest = asks
        with suppress(*_UNSENT):
            seen_through = self.gcs.begin_control(name, request, ANSWER_SECONDS, times)
            self._submit(self._go_on, seen_through, rest, times, answered)

    def intrude(self, ask: Ask) -> None:
        """Make that call once, as a caller of another cluster."""
        name, request = ask
        future = self.gcs.begin(name, request, ANSWER_SECONDS, cluster_id=ANOTHER_CLUSTER)
        self._submit(self._see_refused, future)

    @staticmethod
    def _see_refused(future: Any) -> None:
        with suppress(*_UNSENT):
            future.result()

    def _go_on(
        self, see_through: Callable[[], Any], rest: Sequence[Ask], times: int, answered: Callable[[], None]
    ) -> None:
        with suppress(*_UNSENT):
            reply = see_through()
            answered()
            if not refusal(reply):
                self.ask(rest, times)

    def _submit(self, call: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the plan has come to its end meanwhile
            self._pool.submit(call, *arguments)


class Subscription:
    """A subscriber with a client of its own, which subscribes again whenever its connection broke."""

    def __init__(self, gcs: GcsClient, what: Subscribe, number: int, pool: ThreadPoolExecutor) -> None:
        self._gcs, self._what = gcs, what
        self._id = made_up("listener", number, ids.UNIQUE)
        self._publisher, self._processed = b"", 0
        pool.submit(self._listen)

    def _listen(self) -> None:
        with suppress(*_UNSENT):
            while True:
                name, request = subscription(self._what, self._id)
                self._gcs.control(name, request, ANSWER_SECONDS)
                self._poll_on()

    def _poll_on(self) -> None:
        """Poll until the connection breaks."""
        while True:
            name, request = poll(self._what, self._id, self._publisher, self._processed)
            try:
                reply = self._gcs.begin(name, request, None).result()
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                return
            if reply.publisher_id != self._publisher:
                self._publisher, self._processed = reply.publisher_id, 0
            self._processed = max([self._processed, *(one.sequence_id for one in reply.pub_messages)])


def refusal(reply: Any) -> int:
    """The Ray error code of a reply; 0 for one that has none."""
    status = getattr(reply, "status", None)
    return status.code if isinstance(status, m.GcsStatus) else 0
