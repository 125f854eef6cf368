"""A suite that cannot fail is a defect: each of these broken targets is caught by a scenario of the suite.

They are the reference, spoiled from outside by a line of shell. Every promise has one at least, and
each must be caught for what is wrong with it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import guarantees
from harness.plugin.whole_run import ROOT, WholeRun

DELETE = (
    "import os, redis, sys; e = os.environ; "
    "store = redis.Redis(e['GAUNTLET_REDIS_HOST'], int(e['GAUNTLET_REDIS_PORT']), retry=None); "
    "store.delete('RAY' + e['GAUNTLET_NAMESPACE'] + '@' + sys.argv[1])"
)


def loses(table: str) -> str:
    """Comes back without one of its tables, and knows its cluster id all the same."""
    return f'test ! -e "$RAN" || {sys.executable} -c "{DELETE}" {table}'


# Each gets gcs_server's flags as "$@", and RAN, a file of its own that is there from its second life on.
SOUND = ":"
FORGETS = 'for flag; do shift; case "$flag" in --redis*) ;; *) set -- "$@" "$flag" ;; esac; done'
ANOTHER_NAMESPACE = "export RAY_external_storage_namespace=life-$$"
ONE_FOR_ALL = "export RAY_external_storage_namespace=everybody"
NEVER_RETURNS = 'test ! -e "$RAN" || { echo enough; exit 1; }'
LATE_TO_NOTICE = "export RAY_health_check_failure_threshold=16"

RELOAD = "test_reload.py::test_everything_is_the_same_after_a_kill"
JOB_IDS = "test_reload.py::test_job_ids_never_repeat"
DELETION = "test_blocking.py::test_asked_for_while_the_gcs_is_down[DeletePlacementGroup]"
SURVIVAL = "test_survival.py::test_an_outage_of_any_length_ends_nothing[0.0]"
RECONNECT = "test_reconnect.py::test_back_at_once_every_raylet_reconnects_without_registering_again"
NODE_DEATH = "test_nodes.py::test_a_node_that_died_in_the_outage_is_declared_dead"
CLUSTER_ID = "test_identity.py::test_the_cluster_id_is_made_once_and_kept"
NAMESPACE = "test_identity.py::test_nothing_outside_the_namespace_is_touched[alpha]"
ADDRESS = "test_address.py::test_raylets_with_a_name_find_the_moved_gcs"
TWO_GCS = "test_one_active.py::test_one_name_has_one_actor_even_with_two_gcs"


@pytest.mark.parametrize(
    ("spoil", "scenario", "promises", "reason"),
    [
        (SOUND, RELOAD, "", ""),
        (FORGETS, RELOAD, "1", "a call to the GCS ended"),
        (loses("NODE"), RELOAD, "1", "nodes "),
        (loses("ACTOR"), RELOAD, "1", "actors "),
        (loses("PLACEMENT_GROUP"), RELOAD, "1", "groups "),
        (loses("JobCounter"), JOB_IDS, "1", "job ids given twice"),
        (loses("PLACEMENT_GROUP"), DELETION, "2", "the group is removed: had no effect"),
        (loses("ACTOR"), SURVIVAL, "3", "actor"),
        (NEVER_RETURNS, RECONNECT, "4", "exited with status 1"),
        (LATE_TO_NOTICE, NODE_DEATH, "24", "refused probes allow"),
        (ANOTHER_NAMESPACE, CLUSTER_ID, "5", "assert"),
        (ONE_FOR_ALL, NAMESPACE, "5", "keys outside the namespace"),
        (NEVER_RETURNS, ADDRESS, "6", "exited with status 1"),
        (ANOTHER_NAMESPACE, TWO_GCS, "7", "two GCS gave one name"),
    ],
)
def test_a_broken_gcs_is_caught(
    tmp_path: Path, spoil: str, scenario: str, promises: str, reason: str
) -> None:
    script = tmp_path / "gcs"
    lines = [
        'RAN="$GAUNTLET_LOG_DIR/ran"',
        spoil,
        'touch "$RAN"',
        f'exec {sys.executable} -m reference_gcs "$@"',
    ]
    script.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    script.chmod(0o755)
    with WholeRun(tmp_path) as run:
        status = run.status(f"scenarios/{scenario}", "--gcs", f"cmd:{script}")
        assert status == (1 if promises else 0), run.output + run.errors
        assert broken(run.output) == set(promises), run.output
        told = run.output.partition("\nbroken ")[2].partition(": a guarantee is broken")[0]
        assert reason in " ".join(told.split()), run.output  # the table breaks its lines
        run.nothing_left()


def broken(output: str) -> set[str]:
    """The promises that the table calls broken."""
    titles = {id: promise.title for id, promise in guarantees.PROMISES.items()}
    row = r"^ +{} +{}: .* broken +1 +$"
    return {id for id, title in titles.items() if re.search(row.format(id, title), output, re.MULTILINE)}


@pytest.mark.parametrize(
    ("lane", "mutant", "status", "said"),
    [
        ("sim", "", 0, "1 of 1 simulated mutants"),
        # So rare that so few plans do not show it.
        ("sim", "deletes-only-the-first-of-a-prefix", 1, "SURVIVED"),
        ("sim", "writes-without-a-fence", 3, "not simulated"),
        ("fuzz", "deletes-only-the-first-of-a-prefix", 1, "the mutant was not caught"),
        ("fuzz", "nobody", 3, "there is no mutant 'nobody'"),
        ("loopback", "nobody", 3, "there is no mutant 'nobody'"),
        ("moon", "", 3, "there is no lane moon"),
    ],
)
def test_a_lane_whose_canary_is_not_caught_fails(
    tmp_path: Path, lane: str, mutant: str, status: int, said: str
) -> None:
    paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    options = ["--run-dir", str(tmp_path / "runs"), *(["--plans", "2"] if lane == "fuzz" else [])]
    ended = subprocess.run(
        [ROOT / "ci" / "canary", lane, mutant, *options],
        env={**os.environ, "PATH": paths},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert said in ended.stdout + ended.stderr
