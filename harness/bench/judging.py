"""How long judging takes: a long history, and the search for an order on legal and illegal ones.

The histories are those that the tests of the checks use.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

from harness.check.models import key_value, settled_puts
from harness.check.registry import judge
from harness.check.story import Story
from harness.check.test_speed import long_story
from harness.check.test_wgl import simulated, spoilt
from harness.check.wgl import Operation, search

ROUNDS = 910  # of eleven events each
SEEDS = range(5)
UNKNOWN = 0.1


def judging() -> dict[str, float]:
    """Processor seconds for all checks over 10,000 events, and for a search in 500 operations of 8 clients (medians)."""
    told = long_story(ROUNDS)
    histories = [simulated(seed, UNKNOWN) for seed in SEEDS]
    illegal = [spoilt(one) for one in histories]
    return {
        "events": float(len(told.events)),
        "ledger entries": float(len(told.ledger)),
        # A fresh story each time: what one check has worked out, the next finds.
        "all checks": _median([lambda: judge(Story(told.events, told.ledger))] * 3),
        "search, legal": _median([partial(_searched, one) for one in histories]),
        "search, illegal": _median([partial(_searched, one) for one in illegal]),
    }


def _searched(operations: list[Operation]) -> object:
    return search(settled_puts(operations), key_value())


def _median(works: list[Callable[[], object]]) -> float:
    took = []
    for work in works:
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return statistics.median(took)
