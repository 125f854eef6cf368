"""What clients ask for in one flow, what each of them is told, and how they ask again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
from google.protobuf.message import Message

from harness.cluster import Cluster
from harness.driver.client import GcsClient, Refused
from harness.driver.pending import Pending
from harness.errors import TimedOut
from harness.history.outcomes import outcome
from harness.wait import until
from harness.wire import messages as m

OK, REFUSED, UNKNOWN, UNANSWERED = "ok", "refused", "unknown", "unanswered"
PATIENCE_SECONDS = 10.0
"""How long an answer may take once the GCS is back."""

Ask = Callable[[], str]
"""Asks the cluster whether something is so: '' when it is, else what is so instead."""


def always() -> bool:
    return True


def nothing_to_see() -> str:
    return ""


class Act(Protocol):
    """One use of a flow, prepared. The GCS may die at any moment after ``start``."""

    def start(self) -> None:
        """Let it begin, in the background."""

    def repeat(self) -> None:
        """Send again what has no answer yet, through other connections; nothing where no client asks."""

    def told(self) -> list[str]:
        """What each client has been told so far: ok, refused, unknown, or unanswered."""

    def answered(self) -> bool:
        """Whether no client waits any longer."""

    def noticed(self) -> bool:
        """Whether each client knows that the GCS which it had asked is dead, as far as it ever says so."""

    def finish(self) -> None:
        """Send again, as a retrying client does, what got no answer; TimedOut unless all get one."""

    def rested(self) -> bool:
        """Whether the raylets have done their part. Asks no GCS, so that it causes no store command."""

    def complete(self) -> str:
        """'' once the flow has come to its right end, else what is so instead. Asks the GCS."""


@dataclass
class Sending:
    """One request of one client, each time that it was sent."""

    method: str
    request: Message
    client: GcsClient
    futures: list[Any] = field(default_factory=list)

    def send(self, client: GcsClient | None = None) -> None:
        """Send it once, without a deadline; what was sent before is told of as the same request."""
        last = getattr(self.futures[-1], "id", None) if self.futures else None
        self.futures.append(
            (client or self.client).begin(
                self.method, self.request, within=None, wait_for_ready=True, again=last
            )
        )

    @property
    def answered(self) -> bool:
        """Whether the GCS has said anything to it, if only that nobody knows what became of it."""
        return any(one.done() and one.code() is grpc.StatusCode.OK for one in self.futures) or (
            self.told() == REFUSED
        )

    def told(self) -> str:
        """The best that any sending was told: an answer to one is an answer to the client."""
        found = [_told(self.method, future) for future in self.futures]
        return next((one for one in (OK, REFUSED, UNANSWERED) if one in found), UNKNOWN)


def _told(method: str, future: Any) -> str:
    if not future.done():
        return UNANSWERED
    if future.code() is not grpc.StatusCode.OK:
        return outcome(method, future.code().name, said=future.details() or "").value
    status = future.result().status
    return outcome(method, "OK", status.code, status.message).value


class Requests:
    """Bare requests, one after the other at once, each through a connection of its own.

    A client is told exactly what the wire told it; :meth:`finish` is the retrying client's next step.
    """

    def __init__(
        self,
        cluster: Cluster,
        asked: Sequence[tuple[str, Message]],
        complete: Ask = nothing_to_see,
        rested: Callable[[], bool] = always,
    ) -> None:
        self._cluster = cluster
        self.sendings = [Sending(method, request, self._client()) for method, request in asked]
        self._complete, self._rested = complete, rested

    def _client(self) -> GcsClient:
        client = self._cluster.client()
        client.cluster_id = self._cluster.driver.gcs.cluster_id
        return client

    def start(self) -> None:
        """One after the other, over connections that stand: else the quicker to connect would be first."""
        for sending in self.sendings[1:] and self.sendings:
            sending.client.call("CheckAlive", m.CheckAliveRequest(), wait_for_ready=True)
        for sending in self.sendings:
            sending.send()

    def repeat(self) -> None:
        for sending in self.sendings:
            if sending.told() == UNANSWERED:
                sending.send(self._client())

    def told(self) -> list[str]:
        return [sending.told() for sending in self.sendings]

    def answered(self) -> bool:
        return UNANSWERED not in self.told()

    noticed = answered

    def finish(self) -> None:
        """A request that may rightly wait for another's effect is not waited for before that is sent."""
        unanswered = [one for one in self.sendings if not one.answered]
        for sending in unanswered:
            sending.send()
        for sending in unanswered:
            until(
                f"{sending.method}, sent again, is answered",
                lambda sending=sending: sending.answered,  # type: ignore[misc]
                PATIENCE_SECONDS,
                every=0.002,
                evidence=self._cluster.gcs.log_tail,
            )

    def rested(self) -> bool:
        return self._rested()

    def complete(self) -> str:
        return self._complete()


class Control:
    """A control call of the driver: it parks and re-sends by itself, as Ray's client does."""

    def __init__(
        self,
        cluster: Cluster,
        call: Callable[[], object],
        complete: Ask,
        rested: Callable[[], bool] = always,
    ) -> None:
        self._cluster, self._call = cluster, call
        self._pending: list[Pending[object]] = []
        self._complete, self._rested = complete, rested

    def start(self) -> None:
        self._pending.append(self._cluster.driver.begin(self._call))

    def repeat(self) -> None:
        if not self.answered():
            self.start()

    def told(self) -> list[str]:
        found = [_ended(one) for one in self._pending]
        return [next((one for one in (OK, REFUSED) if one in found), UNANSWERED)]

    def answered(self) -> bool:
        return all(one.done() for one in self._pending)

    def noticed(self) -> bool:
        """It parks, and says nothing."""
        return True

    def finish(self) -> None:
        for one in self._pending:
            try:
                one.result(PATIENCE_SECONDS)
            except Refused:  # an answer; whether it is right, the record decides
                continue

    def rested(self) -> bool:
        return self._rested()

    def complete(self) -> str:
        return self._complete()


def _ended(pending: Pending[object]) -> str:
    if not pending.done():
        return UNANSWERED
    try:
        pending.result()
    except (Refused, grpc.RpcError, TimedOut):
        return REFUSED
    return OK


class Happening:
    """Something that befalls the cluster, and of which raylets tell the GCS: no client asks for it."""

    def __init__(self, happen: Callable[[], object], complete: Ask, rested: Callable[[], bool]) -> None:
        self._happen, self._complete, self._rested = happen, complete, rested

    def start(self) -> None:
        self._happen()

    def repeat(self) -> None:
        """Nobody asks."""

    def told(self) -> list[str]:
        return []

    def answered(self) -> bool:
        return True

    noticed = answered

    def finish(self) -> None:
        """Nobody asks."""

    def rested(self) -> bool:
        return self._rested()

    def complete(self) -> str:
        return self._complete()
