"""Once all is quiet the store, the GCS and the raylets' books say the same of actors, bundles and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from typing import Any

from harness.check.agreement_store import loads, store_disagrees
from harness.check.cause import HEAD_AGAIN
from harness.check.endings import heads_again
from harness.check.rows import UNKNOWN, Rows
from harness.check.ruling import About, Finding, Ruling, Violation, rule
from harness.check.story import Look, Story
from harness.check.survival import KILLS, RELEASES
from harness.history.outcomes import about

Row = Mapping[str, Any]
Table = Mapping[str, Row]

ON_A_DEAD_NODE = "a CREATED group has a bundle on a node that is DEAD"
ALIVE_ON_A_DEAD_NODE = "an ALIVE actor is on a node that is DEAD"
NO_TABLES: Mapping[str, Table] = {}
TINY = 1e-6
REST_S = 0.3
"""For how long nothing may have changed before a look, in seconds, if a disagreement is to count."""
SWEEPS = frozenset({"ReleaseUnusedActorWorkers", "ReleaseUnusedBundles"})
# Deviations by which a raylet does not do what it is told, or does it later.
DISOBEDIENT = frozenset({"fail", "refuse", "mute", "stall", "delay"})
LATE = frozenset({"stall", "delay"})


def complaints(view: Row, books: Table, stored: Mapping[str, Table] | None) -> list[Violation]:
    """Where the three disagree. Empty: they agree.

    ``view``: a :class:`harness.check.view.View` as a dict; with ``available`` (node id -> amounts,
    as the GCS sees them) resources are compared too. ``books``: node id -> ``workers`` (living
    ones: worker id -> actor id or ''), ``bundles`` (``group:index``), ``available``, ``state``, ``syncing``.
    ``stored``: table -> key in hex -> row as ``plain`` shows it; of ``KV`` the key is the whole
    field in hex, and the row ``{"value": shown(value)}``. None: nobody could read the store.

    Judged are only raylets that are connected, whose nodes the GCS calls ALIVE, and at whose port no
    other node was registered: of any other the GCS cannot know what it does.
    """
    nodes = view.get("nodes", {})
    doors = Counter((row.get("address"), row.get("port")) for row in nodes.values() if row.get("port"))
    heard = {
        node: book
        for node, book in books.items()
        if book.get("state", "connected") == "connected"
        and (row := nodes.get(node, {})).get("state") == "ALIVE"
        and doors[row.get("address"), row.get("port")] <= 1
    }
    found = [*_workers(view, heard), *_bundles(view, heard), *_resources(view, heard)]
    if stored is not None:
        found += store_disagrees(view, stored)
    return found


def agreement(story: Story) -> Ruling:
    """The closing look, if everything had come to rest by then; without rest there is nothing to judge."""
    look = story.closing
    if look is None or (why := _unfit(story, look)):
        return Ruling("agreement", Finding.UNKNOWN, "no GCS to look at in the end" if look is None else why)
    disobeyed = {
        one.who
        for one in story.of("order")
        if one.facts.get("script") in DISOBEDIENT and one.what in KILLS | RELEASES | SWEEPS
    }
    disobeyed |= _prepared_late(story)
    books = {node: book for node, book in look.books.items() if node not in disobeyed}
    rows = Rows(story)
    dead = {node for node, row in look.view.get("nodes", {}).items() if row.get("state") == "DEAD"}
    heads = heads_again(story) & dead
    found = [
        replace(one, events=(look.id,), about=traced(one, rows, heads, look.stored or {}))
        for one in complaints(look.view, books, look.stored)
    ]
    found += _uncommitted(story, look, books)
    if found and _moves(story, look):
        return Ruling("agreement", Finding.UNKNOWN, "things still moved when it was looked at")
    tables = ("nodes", "jobs", "actors", "groups", "kv")
    return rule("agreement", found, len(books) + sum(len(look.view.get(one, {})) for one in tables))


def traced(
    found: Violation, rows: Rows, heads: Set[str] = frozenset(), stored: Mapping[str, Table] = NO_TABLES
) -> About:
    """What a violation is about, with the state in which its group was stored when it lost the node.

    Nothing is added where that was CREATED, or where no row tells. Whatever is wrong with one of ``heads``, which
    registered more than once, is one cause. Of an actor whose row in ``stored`` no GCS loads, that it does not.
    """
    if not heads.isdisjoint(found.about.keys):
        return replace(found.about, condition=HEAD_AGAIN, kind="NODE", state="", origin="")
    if found.signature == ALIVE_ON_A_DEAD_NODE:
        actor = found.about.keys[0]
        row = stored.get("ACTOR", {}).get(actor)
        left = row is not None and not loads(actor, row, stored)
        return replace(found.about, origin="its row is not loaded" if left else "")
    if found.signature != ON_A_DEAD_NODE:
        return found.about
    group, node = found.about.keys
    deaths = [one.entry.at for one in rows.writes("NODE", node) if one.row and one.row.get("state") == "DEAD"]
    if not deaths:
        return found.about
    row = rows.possible("PLACEMENT_GROUP", group, deaths[0])[0]
    if row is None or row is UNKNOWN or row.get("state") in ("CREATED", None):
        return found.about
    had = any(one.get("node_id") == node for one in row.get("bundles", ()))
    how = "lost its node" if had else "was put on it"
    return replace(found.about, origin=f"{how} while {row['state']}")


def _prepared_late(story: Story) -> set[str]:
    """The raylets that may have prepared a bundle for a GCS that was dead by then, behind the sweep of the next one."""
    return {
        one.who
        for one in story.of("order")
        if one.what == "PrepareBundleResources"
        and one.facts.get("script") in LATE
        and any(one.at < life.started for life in story.lives)
    }


def _moves(story: Story, look: Look) -> bool:
    """Whether anything changed shortly before the look or while it was taken, so that its parts may not fit."""
    over = next((one.at for one in story.of("cluster") if one.what == "closing"), story.ended)
    moves = [one for kind in ("worker", "bundle", "raylet", "gcs", "store") for one in story.of(kind)]
    moves += [one for one in story.of("return") if about(one.what).changes]
    return any(look.at - REST_S < one.at < over for one in moves)


def _unfit(story: Story, look: Look) -> str:
    """Why the look cannot be judged; empty when it can."""
    if not look.quiet:
        facts = next(one.facts for one in story.of("look") if one.id == look.id)
        return str(facts.get("why") or "it had not come to rest")
    if story.store_lost is not None:
        return "the store was altered behind the GCS's back"
    if any(life.who != "gcs" for life in story.lives):
        return "two GCS wrote to one store"
    return ""


# --- the GCS and the raylets ---------------------------------------------------------------------


def _workers(view: Row, books: Table) -> Iterator[Violation]:
    actors, nodes = view.get("actors", {}), view.get("nodes", {})
    holders: dict[str, list[tuple[str, str]]] = {}
    for node, book in books.items():
        for worker, actor in book.get("workers", {}).items():
            if actor:
                holders.setdefault(actor, []).append((node, worker))
    for actor, held in holders.items():
        yield from _zombies(actor, actors.get(actor), held)
    for actor, row in actors.items():
        if row["state"] == "ALIVE":
            yield from _alive(actor, row, holders.get(actor, []), nodes, books)


def _zombies(actor: str, row: Row | None, held: list[tuple[str, str]]) -> Iterator[Violation]:
    for node, worker in held:
        where = f"worker {worker} on node {node} holds actor {actor}"
        about_it = About(kind="ACTOR", state=row["state"] if row else "", keys=(actor, node))
        if row is None:
            yield Violation("a worker holds an actor that the GCS does not know", where, about=about_it)
        elif row["state"] == "DEAD":
            yield Violation("a worker holds an actor that is DEAD", where, about=about_it)


def _alive(
    actor: str, row: Row, held: list[tuple[str, str]], nodes: Table, books: Table
) -> Iterator[Violation]:
    place = (row["node"], row["worker"])
    about_it = About(kind="ACTOR", state="ALIVE", keys=(actor, row["node"], row["worker"]))
    said = f"actor {actor} is ALIVE in worker {row['worker']} on node {row['node']}"
    if nodes.get(row["node"], {}).get("state") == "DEAD":
        yield Violation(ALIVE_ON_A_DEAD_NODE, said, about=about_it)
    elif not held and row["node"] in books:
        yield Violation("an ALIVE actor has no worker", said, about=about_it)
    elif held and place not in held:
        said_too = f"{said}; held by {_listed(held)}"
        yield Violation("an ALIVE actor is not where the GCS says", said_too, about=about_it)
    if len(held) > 1:
        said_too = f"{said}; held by {_listed(held)}"
        yield Violation("an ALIVE actor has two workers", said_too, about=about_it)


def _listed(held: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"worker {worker} on node {node}" for node, worker in held)


def _bundles(view: Row, books: Table) -> Iterator[Violation]:
    groups = view.get("groups", {})
    for node, book in books.items():
        for bundle in book.get("bundles", ()):
            yield from _held(bundle, node, groups)
    for group, row in groups.items():
        if row["state"] in ("CREATED", "RESCHEDULING"):
            yield from _placed(group, row, view.get("nodes", {}), books)


def _held(bundle: str, node: str, groups: Table) -> Iterator[Violation]:
    group, _, index = bundle.partition(":")
    row, where = groups.get(group), f"node {node} holds bundle {bundle}"
    about_it = About(kind="PLACEMENT_GROUP", state=row["state"] if row else "", keys=(group, node))
    if row is None:
        yield Violation("a bundle of a group that the GCS does not know is held", where, about=about_it)
    elif row["state"] in ("REMOVED", "PENDING"):
        yield Violation(f"a bundle of a {row['state']} group is held", where, about=about_it)
    elif row["state"] == "CREATED":
        places = row["nodes"]
        said = places[int(index)] if int(index) < len(places) else "none"
        if said != node:
            yield Violation(
                "a bundle of a CREATED group is held by another node than the GCS says",
                f"{where}; the GCS says {said}",
                about=about_it,
            )


def _placed(group: str, row: Row, nodes: Table, books: Table) -> Iterator[Violation]:
    for index, node in enumerate(row["nodes"]):
        bundle = f"{group}:{index}"
        about_it = About(kind="PLACEMENT_GROUP", state=row["state"], keys=(group, node))
        if node in books and bundle not in books[node].get("bundles", ()):
            # A group being rescheduled keeps the nodes of those bundles that it did not lose.
            said = f"bundle {bundle} is not on node {node}"
            yield Violation(f"a bundle of a {row['state']} group is not held", said, about=about_it)
        if row["state"] == "CREATED" and nodes.get(node, {}).get("state") == "DEAD":
            yield Violation(ON_A_DEAD_NODE, f"bundle {bundle} on node {node}", about=about_it)


def _uncommitted(story: Story, look: Look, books: Table) -> Iterator[Violation]:
    """Bundles of CREATED groups that a raylet has set aside, and was never told to offer."""
    last = {
        (one.who, f"{one.facts['group']}:{one.facts['index']}"): one
        for one in story.of("bundle")
        if one.at <= look.at
    }
    for (node, bundle), one in last.items():
        group, _, index = bundle.partition(":")
        row = look.view.get("groups", {}).get(group, {})
        placed = row.get("state") == "CREATED" and row["nodes"][int(index) : int(index) + 1] == [node]
        if one.what == "prepared" and placed and bundle in books.get(node, {}).get("bundles", ()):
            said = f"bundle {bundle} on node {node}"
            about_it = About(kind="PLACEMENT_GROUP", state="CREATED", keys=(group, node))
            yield Violation("a bundle of a CREATED group is not committed", said, (one.id, look.id), about_it)


def _resources(view: Row, books: Table) -> Iterator[Violation]:
    seen = view.get("available")
    if seen is None:
        return
    for node, book in books.items():
        if not book.get("syncing", True):
            continue  # what the GCS sees comes by the syncer's stream
        sees, has = seen.get(node, {}), book.get("available", {})
        for kind in sorted({*sees, *has}):  # a resource that is used up may be absent
            if abs(sees.get(kind, 0.0) - has.get(kind, 0.0)) > TINY:
                yield Violation(
                    "the GCS sees other resources free than the raylet has",
                    f"{kind} of node {node}: sees {sees.get(kind, 0.0):g}, has {has.get(kind, 0.0):g}",
                    about=About(kind="NODE", keys=(node,)),
                )
