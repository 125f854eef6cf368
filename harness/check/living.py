"""Which workers and bundles a GCS must let live at a moment, by what the record shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.check.story import Story
from harness.check.survival import Order
from harness.history.event import Event

Row = Mapping[str, Any]


@dataclass
class Living:
    """What stands, told in the order of time by :meth:`take`.

    Only what is certain: an actor that somebody saw ALIVE in the very worker that still runs, and
    the committed bundles of a group that somebody saw CREATED.
    """

    at: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Living worker -> its node and actor."""
    bundles: dict[str, str] = field(default_factory=dict)
    """Committed bundle (``group:index``) -> its node."""
    actors: dict[str, str] = field(default_factory=dict)
    """Actor -> the worker in which it was last seen ALIVE; '' when it was seen otherwise since."""
    groups: dict[str, str] = field(default_factory=dict)
    """Group -> the state in which it was last seen."""

    def workers(self) -> dict[str, str]:
        """Worker -> node of what must live."""
        return {worker: node for worker, (node, actor) in self.at.items() if self.actors.get(actor) == worker}

    def created(self) -> dict[str, str]:
        """Bundle -> node of what must stay."""
        return {
            bundle: node
            for bundle, node in self.bundles.items()
            if self.groups.get(bundle.partition(":")[0]) == "CREATED"
        }

    def take(self, one: Event) -> None:
        """Go on to the next event."""
        facts = one.facts
        if one.kind == "worker" and one.what == "actor":
            self.at[facts["worker"]] = (one.who, facts["actor"])
        elif one.kind == "worker" and one.what == "exited":
            self.at.pop(facts["worker"], None)
        elif one.kind == "bundle":
            self._bundle(one)
        elif one.kind == "message" and facts.get("type") == "actor_message":
            self.actor(facts.get("key", ""), facts.get("payload", {}))
        elif one.kind == "look":
            self._look(facts.get("view", {}))

    def actor(self, actor: str, row: Row) -> None:
        """A row of an actor was seen in a message, a reply or the store."""
        alive = row.get("state") == "ALIVE"
        self.actors[actor] = row.get("address", {}).get("worker_id", "") if alive else ""

    def _bundle(self, one: Event) -> None:
        name = f"{one.facts['group']}:{one.facts['index']}"
        if one.what == "committed":
            self.bundles[name] = one.who
        elif one.what == "returned" and self.bundles.get(name) == one.who:
            del self.bundles[name]

    def _look(self, view: Row) -> None:
        for actor, row in view.get("actors", {}).items():
            self.actors[actor] = row["worker"] if row["state"] == "ALIVE" else ""
        for group, row in view.get("groups", {}).items():
            self.groups[group] = row["state"]


@dataclass(frozen=True)
class Seen:
    """What the end of a call, or the store, shows of one row at ``at``."""

    at: float
    table: str
    key: str
    row: Row

    def tell(self, living: Living) -> None:
        if self.table == "ACTOR":
            living.actor(self.key, self.row)
        else:
            living.groups[self.key] = self.row.get("state", "")


def seen(story: Story) -> list[Seen]:
    """What acknowledgements and the ledger show of actors and groups, in the order of time."""
    found = [*_acknowledged(story), *_stored(story)]
    return sorted(found, key=lambda one: one.at)


def _acknowledged(story: Story) -> Iterator[Seen]:
    for call in story.calls:
        if call.outcome != "ok" or call.end is None:
            continue
        if call.method == "CreateActor":
            creation = call.request.get("task_spec", {}).get("actor_creation_task_spec", {})
            row = {"state": "ALIVE", "address": call.reply.get("actor_address", {})}
            yield Seen(call.end, "ACTOR", creation.get("actor_id", ""), row)
        elif call.method == "WaitPlacementGroupUntilReady":
            group = call.request.get("placement_group_id", "")
            yield Seen(call.end, "PLACEMENT_GROUP", group, {"state": "CREATED"})


def _stored(story: Story) -> Iterator[Seen]:
    for write in story.writes:
        if write.table in ("ACTOR", "PLACEMENT_GROUP") and write.done is not None:
            yield Seen(write.done, write.table, write.key, write.row or {})


def order(one: Event) -> Order:
    """An event of kind order as the pure checks take it, with the ids that it names."""
    fields = one.facts.get("fields", {})
    named = {one.facts.get("worker", ""), fields.get("worker_id", ""), *fields.get("worker_ids_in_use", ())}
    named |= {fields.get("intended_actor_id", ""), fields.get("actor_id", "")}
    specs = [*fields.get("bundle_specs", ()), *fields.get("bundles_in_use", ())]
    specs += [fields["bundle_spec"]] if "bundle_spec" in fields else []
    for spec in specs:
        bundle = spec.get("bundle_id", {})
        named.add(f"{bundle.get('placement_group_id', '')}:{bundle.get('bundle_index', 0)}")
    return Order(one.at, one.who, one.what, frozenset(named - {""}))


def actor_of(one: Event) -> str:
    """The actor for which an order wants a worker or that it creates, or that a worker was given; '' for others."""
    if one.kind == "worker":
        return str(one.facts.get("actor", "")) if one.what == "actor" else ""
    if one.what not in ("RequestWorkerLease", "PushTask"):
        return ""
    fields = one.facts.get("fields", {})
    task = fields.get("task_spec") or fields.get("resource_spec") or {}
    named = task.get("actor_creation_task_spec", {}).get("actor_id", "")
    return str(named or fields.get("lease_spec", {}).get("actor_id", ""))
