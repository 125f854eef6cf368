"""What a raylet has and whom it gave it to: resources and placement group bundles. Pure.

A bundle goes through Ray's two phases: *prepared* takes its resources from the node,
*committed* offers them again under the group's own names (``CPU_group_0_<group>`` and
``CPU_group_<group>``, ``src/ray/common/bundle_spec.cc``). Both steps are idempotent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

BundleKey = tuple[bytes, int]
"""Placement group id and index of the bundle in it."""

Amounts = Mapping[str, float]
MARKER = "bundle"
MARKER_AMOUNT = 1000.0  # bundle_spec.cc: what each committed bundle offers under bundle_group_…
GROUPED = re.compile(r"^(?P<name>.+?)_group_(?:(?P<index>\d+)_)?(?P<group>[0-9a-f]{36})$")


class Pool:
    """Amounts that are taken and given back. Four decimals, as Ray's FixedPoint."""

    def __init__(self, total: Amounts) -> None:
        self.total: dict[str, float] = {name: float(amount) for name, amount in total.items()}
        self.free = dict(self.total)

    def fits(self, demand: Amounts) -> bool:
        return all(self.free.get(name, 0.0) >= amount for name, amount in demand.items())

    def take(self, demand: Amounts) -> bool:
        """Take all of ``demand`` or nothing; true if taken."""
        if not self.fits(demand):
            return False
        for name, amount in demand.items():
            self.free[name] = round(self.free.get(name, 0.0) - amount, 4)
        return True

    def resize(self, total: Amounts) -> None:
        """Change the totals; what is taken stays taken, so less than that leaves a debt."""
        for name in {*self.total, *total}:
            grown = float(total.get(name, 0.0)) - self.total.get(name, 0.0)
            self.free[name] = round(self.free.get(name, 0.0) + grown, 4)
        self.total = {name: float(amount) for name, amount in total.items()}

    def give(self, demand: Amounts) -> None:
        for name, amount in demand.items():
            self.free[name] = round(self.free.get(name, 0.0) + amount, 4)


@dataclass
class Bundle:
    """One bundle held here."""

    key: BundleKey
    pool: Pool
    committed: bool = False

    @property
    def state(self) -> str:
        return "committed" if self.committed else "prepared"


@dataclass
class Book:
    """All resources of one raylet: the node's own, and those set aside in bundles."""

    node: Pool
    bundles: dict[BundleKey, Bundle] = field(default_factory=dict)

    def prepare(self, wanted: Mapping[BundleKey, Amounts]) -> bool:
        """Set the bundles' resources aside, all or none; those already held count as done."""
        taken: list[BundleKey] = []
        for key, resources in wanted.items():
            if key in self.bundles:
                continue
            if not self.node.take(resources):
                self.release(taken)
                return False
            self.bundles[key] = Bundle(key, Pool(resources))
            taken.append(key)
        return True

    def commit(self, keys: Iterable[BundleKey]) -> list[BundleKey]:
        """Offer the bundles under their group's names; gives back the keys that are not held."""
        unknown = []
        for key in keys:
            if key in self.bundles:
                self.bundles[key].committed = True
            else:
                unknown.append(key)
        return unknown

    def release(self, keys: Iterable[BundleKey]) -> list[BundleKey]:
        """Give the bundles' resources back to the node; gives back the keys that were held."""
        held = [key for key in keys if key in self.bundles]
        for key in held:
            self.node.give(self.bundles.pop(key).pool.total)
        return held

    def release_all_but(self, keys: Iterable[BundleKey]) -> list[BundleKey]:
        """The sweep of ReleaseUnusedBundles; gives back the keys that were released."""
        kept = set(keys)
        return self.release([key for key in self.bundles if key not in kept])

    def find(self, group: bytes, index: int, demand: Amounts) -> Bundle | None:
        """The committed bundle of ``group`` that can hold ``demand``; index -1 means any."""
        for key, bundle in self.bundles.items():
            fits = bundle.committed and bundle.pool.fits(demand)
            if fits and key[0] == group and index in (-1, key[1]):
                return bundle
        return None

    def total(self) -> dict[str, float]:
        """What the node reports as its total: its own, and committed bundles by group name."""
        return self._view(lambda pool: pool.total)

    def available(self) -> dict[str, float]:
        """What the node reports as free, by the same names as :meth:`total`."""
        return self._view(lambda pool: pool.free)

    def _view(self, side: Callable[[Pool], dict[str, float]]) -> dict[str, float]:
        seen = dict(side(self.node))
        for (group, index), bundle in self.bundles.items():
            if not bundle.committed:
                continue
            for name, amount in {**side(bundle.pool), MARKER: MARKER_AMOUNT}.items():
                for label in (f"{name}_group_{index}_{group.hex()}", f"{name}_group_{group.hex()}"):
                    seen[label] = round(seen.get(label, 0.0) + amount, 4)
        return seen


@dataclass(frozen=True)
class Demand:
    """What a lease asks for: amounts by plain name, and the bundle they must come from."""

    amounts: Amounts
    group: bytes | None = None
    index: int = -1
    grouped: Amounts = field(default_factory=dict)
    """The same by the names under which a node with that bundle reports them."""


def demand_of(required: Amounts, group: bytes = b"", index: int = -1) -> Demand:
    """The demand behind ``required``, whose names may already be a group's (``CPU_group_0_…``)."""
    plain: dict[str, float] = {}
    for name, amount in required.items():
        found = GROUPED.match(name)
        if found is None:
            plain[name] = amount
            continue
        group = bytes.fromhex(found["group"])
        index = int(found["index"]) if found["index"] is not None else index
        if found["name"] != MARKER:
            plain[found["name"]] = amount
    if not group:
        return Demand(plain)
    suffix = f"{index}_{group.hex()}" if index >= 0 else group.hex()
    grouped = {f"{name}_group_{suffix}": amount for name, amount in plain.items()}
    return Demand(plain, group, index, grouped or {f"{MARKER}_group_{suffix}": 0.001})
