"""What is forgotten at a start, table by table, and a port that opens too early or too late."""

from __future__ import annotations

from typing import Any

from reference_gcs.core import effects as fx
from reference_gcs.core import layout, pubsub, recovery, recovery_actors
from reference_gcs.core.state import Gcs, then
from reference_gcs.mutants.registry import SCENARIO, Mutant, Original, enter, mutant
from reference_gcs.shell import Shell

RELOAD = "test_reload.py::test_everything_is_the_same_after_a_kill"
LOST = "test_durability.py::test_acknowledged_is_durable[{}]"
FORGOTTEN = (
    ("jobs", layout.JOB, "D3 D9", ("durable", "agreement", "survival", SCENARIO), [RELOAD]),
    ("nodes", layout.NODE, "D1", ("agreement", SCENARIO), [RELOAD]),
    ("actors", layout.ACTOR, "D4 D5 A1", ("durable", "agreement", "survival", SCENARIO), [RELOAD]),
    ("task specs", layout.ACTOR_TASK_SPEC, "D4 D5 A1 A4", ("survival", SCENARIO), [RELOAD]),
    ("placement groups", layout.PLACEMENT_GROUP, "D6 P1", ("agreement", "survival", SCENARIO), [RELOAD]),
    ("workers", layout.WORKERS, "D12", (SCENARIO,), [LOST.format("add_worker")]),
)
"""What, its table, the clauses that say otherwise, who sees it, where."""


def _forgets(table: str) -> Original:
    def read(original: Original, gcs: Gcs, name: str, barrier: int, rows: dict[bytes, bytes]) -> None:
        original(gcs, name, barrier, {} if name == table else rows)

    return read


for _what, _table, _clauses, _checks, _cases in FORGOTTEN:
    enter(
        Mutant(
            f"forgets-{_what.replace(' ', '-')}",
            f"Comes back without its {_what}.",
            tuple(_clauses.split()),
            _checks,
            tuple(_cases),
            recovery._table_read,
            _forgets(_table),
        )
    )


@mutant(
    Shell.boot,
    breaks="L1",
    seen_by=(SCENARIO,),
    cases=["test_blocking.py::test_asked_for_while_the_tables_load[RegisterNode]"],
)
def serves_while_loading(boot: Original, shell: Shell) -> None:
    """Opens the port first and loads its tables then."""
    shell._gcs.serving = True
    pubsub.start(shell._gcs)
    shell._start_opening(fx.OpenPort())
    shell._duties[fx.OpenPort] = lambda _again: None
    boot(shell)


@mutant(
    recovery._recovered,
    breaks="L5",
    seen_by=("swift start", SCENARIO),
    cases=["test_requests.py::test_a_hundred_rows_a_table_load_within_a_second"],
)
def dawdles_before_it_serves(recovered: Original, gcs: Gcs, _outcome: Any) -> None:
    """Opens the port five seconds after all is loaded."""
    gcs.after(5.0, then(recovered))


@mutant(
    recovery_actors.load,
    breaks="L2",
    seen_by=(SCENARIO,),
    cases=["test_torn_store.py::test_an_actor_without_its_task_spec_does_not_stop_the_start"],
)
def dies_of_a_torn_actor(load: Original, gcs: Gcs, rows: Any, specs: Any, barrier: int) -> None:
    """Does not start while the store has a living actor without its task spec (ray#66073)."""
    if any(row.state != recovery_actors.STATES.DEAD and one not in specs for one, row in rows.items()):
        gcs.exit(1, "an actor has no task spec")
    load(gcs, rows, specs, barrier)
