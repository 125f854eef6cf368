"""What befalls raylets, written into the history of their case as it happens; the host's own pen.

The kinds and facts of events: :mod:`harness.history.event`. Not written, because nobody would read
it: orders that come each second (:data:`ROUTINE`) unless a script bends them, and of the syncer's
streams all but what is new (:class:`Streams`). A raylet that only counts what it hears
(``watch=False``) writes no messages, polls or streams, and of the tables that it reads only their
size: a thousand of them would write for minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError, Message

from harness.history.outcomes import about, outcome
from harness.history.recorder import Recorder
from harness.raylet.books import BundleKey
from harness.wire import messages as m
from harness.wire.dialect import Dialect
from harness.wire.plain import LARGEST_MESSAGE, plain, shown
from harness.wire.rpc import method

ROUTINE = frozenset({"GetResourceLoad", "Check"})
"""What a GCS asks of every raylet every few seconds: the load and the health."""
POLL = "GcsSubscriberPoll"


class Record:
    """Where all raylets of a host write: nowhere, until :meth:`turn` names a case."""

    def __init__(self) -> None:
        self.recorder = Recorder()
        self._where: tuple[Path, str, int, str] | None = None
        self.case = 0
        """Which case this is, counted from the host's start; ids are those of one case."""

    def turn(self, directory: str, case: str, cluster: int, writer: str) -> None:
        """Write for this case from now on. The same one again changes nothing; an earlier one must
        not come back under the same ``writer``, or its ids would be given twice."""
        wanted = (Path(directory), case, cluster, writer)
        if wanted == self._where:
            return
        last, self.recorder, self._where = self.recorder, Recorder(*wanted), wanted
        self.case += 1
        last.close()


@dataclass(frozen=True, slots=True)
class Sent:
    """A call whose end is still to be written: its event's id, in which case, and ``Service.Method``."""

    id: str
    case: int
    name: str


class Scribe:
    """One raylet's events. Each method returns at once, having computed nothing, when nobody records."""

    def __init__(self, node_id: bytes, record: Record, speaks: Dialect, watch: bool = True) -> None:
        self._who = node_id.hex()
        self._record = record
        self._speaks = speaks
        self._watch = watch

    # --- the raylet and what it holds -----------------------------------------------------

    def raylet(self, what: str, **facts: Any) -> None:
        """``joins`` and the like."""
        self._write("raylet", what, facts)

    def note(self, what: str, **facts: Any) -> None:
        """What a scenario does to what lives here, such as ``owner left`` or ``ref dropped``."""
        self._write("note", what, facts)

    def transition(self, entry: Mapping[str, Any]) -> None:
        """An entry of the journal of transitions: connected, waiting, gone, exit or refused."""
        facts = {key: value for key, value in entry.items() if key not in ("seq", "time", "kind")}
        self._write("raylet", str(entry["kind"]), facts, entry["time"])

    def worker(self, what: str, worker: bytes, pid: int, actor: bytes = b"", **facts: Any) -> None:
        """``started``, ``actor`` (its creation was pushed there) or ``exited``."""
        self._write("worker", what, {"worker": worker.hex(), "pid": pid, "actor": actor.hex(), **facts})

    def bundles(self, what: str, keys: Iterable[BundleKey]) -> None:
        """``prepared``, ``committed`` or ``returned``, of bundles whose state that changed."""
        for group, index in keys:
            self._write("bundle", what, {"group": group.hex(), "index": index})

    def drain(self, request: m.DrainRayletRequest, reply: m.DrainRayletReply) -> None:
        """What it answered to a drain: kind ``drain``, ``accepted`` or ``refused``."""
        facts = {**plain(request), "why": reply.rejection_reason_message}
        self._write("drain", "accepted" if reply.is_accepted else "refused", facts)

    # --- orders ---------------------------------------------------------------------------

    def order(self, entry: Mapping[str, Any], request: Message) -> None:
        """An order came in; ``entry`` is the one in the journal of orders."""
        if not self._tells(entry):
            return
        facts = {
            "seq": entry["seq"],
            "outcome": entry["outcome"],
            "fields": plain(request),
            "worker": entry.get("worker_id", b"").hex(),
            "script": entry.get("script", ""),
            "connection": entry["connection"],
        }
        self._write("order", entry["kind"], facts, entry["time"])

    def order_ended(self, entry: Mapping[str, Any]) -> None:
        """It was not answered: refused, or its caller went away. Of an answered one nothing more is written."""
        if self._tells(entry):
            self._write("order", entry["kind"], {"seq": entry["seq"], "outcome": entry["outcome"]})

    def _tells(self, entry: Mapping[str, Any]) -> bool:
        return self._record.recorder.on and (entry["kind"] not in ROUTINE or "script" in entry)

    # --- calls to the GCS -----------------------------------------------------------------

    def call(self, name: str, data: bytes, deadline: float | None, last: Sent | None = None) -> Sent | None:
        """A try of ``Service.Method`` with ``data`` goes out; ``last`` is the try before it.

        ``deadline``: its seconds. None when nothing is written of it.
        """
        if not self._record.recorder.on:
            return None
        kind = method(name)
        if kind.name == POLL and not self._watch:
            return None
        request, _, _ = self._read(kind.request, data)
        facts: dict[str, Any] = {"request": request, "deadline": deadline}
        if last is not None and last.case == self._record.case:
            facts["again"] = last.id
        return Sent(self._write("call", kind.name, facts), self._record.case, name)

    def answered(self, sent: Sent | None, data: bytes) -> None:
        """The GCS replied with ``data``."""
        if sent is None or sent.case != self._record.case:
            return
        kind = method(sent.name)
        if not self._watch and not about(kind.name).changes:
            self._returned(sent, "OK", reply={"$cut": len(data)})
            return
        reply, code, said = self._read(kind.reply, data)
        self._returned(sent, "OK", code, said, reply)

    def failed(self, sent: Sent | None, status: str, said: str) -> None:
        """It ended with gRPC status ``status`` (``UNAVAILABLE``) and its details."""
        if sent is not None and sent.case == self._record.case:
            self._returned(sent, status, said=said)

    def _returned(
        self, sent: Sent, status: str, code: int = 0, said: str = "", reply: Mapping[str, Any] | None = None
    ) -> None:
        what = method(sent.name).name
        facts = {
            "call": sent.id,
            "outcome": outcome(what, status, code, said).value,
            "grpc": status,
            "code": code,
            "said": said,
            "reply": reply,
        }
        self._write("return", what, facts)

    def _read(self, kind: type[Message], data: bytes) -> tuple[dict[str, Any], int, str]:
        """``data`` in this release's bytes as plain values, with the code and text of its status."""
        if len(data) > LARGEST_MESSAGE and kind is not m.GcsSubscriberPollReply:
            return {"$cut": len(data)}, 0, ""
        try:
            message = self._speaks.decode(kind, data)
        except DecodeError:
            return {"$undecodable": len(data)}, 0, ""
        if isinstance(message, m.GcsSubscriberPollReply):
            message.ClearField("pub_messages")  # each is an event of its own
        status = getattr(message, "status", None)
        told = (status.code, status.message) if isinstance(status, m.GcsStatus) else (0, "")
        return (plain(message), *told)

    # --- messages -------------------------------------------------------------------------

    def message(self, publisher: bytes, message: m.PubMessage, again: bool) -> None:
        """A message of a poll's reply; ``again``: this very poll had said that it is taken."""
        if not self._record.recorder.on:
            return
        which = message.WhichOneof("inner_message")
        facts: dict[str, Any] = {
            "publisher": publisher.hex(),
            "sequence": message.sequence_id,
            "key": shown(message.key_id),
            "type": which or "",
            "payload": plain(getattr(message, which)) if which else {},
        }
        if again:
            facts["again"] = True
        known = m.ChannelType.DESCRIPTOR.values_by_number.get(message.channel_type)
        self._write("message", known.name if known else str(message.channel_type), facts)

    # --- the syncer's streams -------------------------------------------------------------

    def sync(self, what: str, **facts: Any) -> None:
        """``open``, ``view`` or ``closed``, of a stream."""
        if self._watch:
            self._write("sync", what, facts)

    def _write(self, kind: str, what: str, facts: Mapping[str, Any], at: float | None = None) -> str:
        recorder = self._record.recorder
        return recorder.write(kind, what, facts, self._who, at) if recorder.on else ""


class Streams:
    """One raylet's syncer streams in the history: opened, whose views came, ended.

    A view comes for each change of any node. Written is the first of each node in each stream: no check asks for
    more, and raylets without news write nothing.
    """

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe
        self._number = 0
        self._open = False
        self._heard: set[bytes] = set()

    def opened(self) -> None:
        """The next stream took its first frame."""
        self._number += 1
        self._open = True
        self._heard.clear()
        self._scribe.sync("open", stream=self._number)

    def views(self, node_ids: Iterable[bytes]) -> None:
        """The views of a frame came, of these nodes."""
        if new := set(node_ids) - self._heard:
            self._heard |= new
            self._scribe.sync("view", stream=self._number, of=sorted(one.hex() for one in new))

    def closed(self, status: str, why: str) -> None:
        """It ended, not by our will. ``status``: the name of gRPC's; '' where nobody knows."""
        if self._open:
            self._open = False
            self._scribe.sync("closed", stream=self._number, grpc=status, why=why)
