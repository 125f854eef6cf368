"""Mutants against the simulator: what is counted, what is told, and that one who cannot be seen survives."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.fuzz import campaign
from harness.fuzz.operations import Put
from harness.fuzz.sim.world import simulate
from harness.mutants import detection, fuzzing
from harness.mutants import hunt as hunting
from harness.mutants.choosing import SOUND
from harness.mutants.hunt import Find, Hunt, Scouted, drawn, elsewhere, showing
from harness.mutants.on_processes import RealHunt
from harness.plugin.whole_run import WholeRun
from reference_gcs.core import layout
from reference_gcs.mutants.catalogue import MUTANTS, named

SOON = "acks-a-put-without-a-write"
UNSEEN = "repeats-one-job-id-in-ten"
"""It takes more plans than a test has to show that one."""
IN_SHELL = {
    "serves-while-loading", "hangs-at-its-orderly-end", "answers-each-second-worker-only", "writes-without-a-fence",
    "overhears-that-a-write-failed", "waits-for-a-hung-store-for-ever", "drops-writes-when-the-connection-breaks",
    "writes-outside-its-namespace", "has-one-namespace-for-all", "stores-nodes-elsewhere",
}  # fmt: skip


def found_after(*plans: int, target: str = f"{SOUND}+{SOON}", seeds: int = 4, **more: Any) -> Hunt:
    finds = tuple(Find(seed, count, ("durable",)) for seed, count in enumerate(plans, 1))
    return Hunt(target, tuple(range(1, seeds + 1)), 50, finds, **more)


@pytest.mark.parametrize(
    ("plans", "median"),
    [((4, 2, 9, 6), 5), ((4, 2, 9), 6.5), ((4, 2), float("inf")), ((4,), float("inf")), ((), float("inf"))],
)
def test_a_campaign_without_a_failure_counts_as_longer_than_any(
    plans: tuple[int, ...], median: float
) -> None:
    assert found_after(*plans).median == median


def test_who_saw_it_is_told_by_how_often() -> None:
    finds = (Find(1, 3, ("durable", "linearizable")), Find(2, 1, ("linearizable",)))
    assert list(Hunt("reference+x", (1, 2), 9, finds).checks.items()) == [("linearizable", 2), ("durable", 1)]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ([*[found_after(1)] * 9, found_after()], 0),
        ([*[found_after(1)] * 8, found_after()], 1),
        ([found_after(1), found_after(target=SOUND)], 0),
        ([found_after(1), found_after(7, target=SOUND)], 1),
        ([found_after(1), found_after(problem="killed")], 3),
    ],
)
def test_nine_of_ten_must_be_found_and_the_sound_one_not(found: list[Hunt], status: int) -> None:
    assert fuzzing.status(found) == status


def test_what_lives_in_the_shell_is_told_apart() -> None:
    assert {one.name for one in MUTANTS.values() if elsewhere(one)} == IN_SHELL
    mutant = named("writes-without-a-fence")
    said = detection.left_out(mutant, elsewhere(mutant))
    assert "store.RedisStore.__init__ is not simulated" in said
    assert said.endswith("gauntlet fuzz --gcs reference+writes-without-a-fence")


def test_no_simulated_gcs_asks_for_keys_of_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(layout, "redis_key")
    assert simulate(drawn(3, 0)).record.entries()


def test_the_page_says_who_was_found_and_who_was_not() -> None:
    found = [found_after(4, 2, 9, 6), found_after(4, target="reference+leaks-a-waiter", reached=9),
             found_after(target="reference+keeps-two-heads"), found_after(target=SOUND, reached=200)]  # fmt: skip
    wanted = [named(name) for name in (SOON, "leaks-a-waiter", "keeps-two-heads", "hangs-at-its-orderly-end")]
    page = detection.page(found, wanted)
    assert f"| {SOON} | 4 of 4 | 5 | 0 | durable 4 |" in page
    assert "| leaks-a-waiter | 1 of 4 | > 50 | 9 | durable 1 |" in page
    assert "| keeps-two-heads | 0 of 4 | > 50 | 0 | nobody |" in page
    assert "- hangs-at-its-orderly-end: `server.Server.close`" in page
    assert "2 of 3 simulated mutants (67 %) found by the fuzzer alone in 4 campaigns of 50 plans" in page
    assert "1 (33 %) by half of the campaigns or more; survivors: keeps-two-heads." in page
    assert "The sound reference: held, 200 plans." in page
    assert not {one.name for one in wanted} & detection.missing(page)


def test_a_hunt_that_could_not_be_done_found_nothing() -> None:
    found = [found_after(4), found_after(problem="plan 8 of seed 4 takes more than 60 s")]
    assert detection.closing(found).startswith("1 of 2 simulated mutants (50 %)")
    assert detection.share(found) == 0.5


def test_what_was_found_on_real_processes_has_a_table_of_its_own() -> None:
    seen = RealHunt("serves-while-loading", "shell.Shell.boot", 40, 5, 3, ("premature",), 9.0)
    unseen = RealHunt("writes-without-a-fence", "store.RedisStore.__init__", 40, 40)
    wanted = [named(one) for one in (SOON, seen.name, unseen.name)]
    page = detection.page([found_after(4), found_after(target=SOUND)], wanted, [seen, unseen])
    assert "| serves-while-loading | `shell.Shell.boot` | 3 | premature |" in page
    assert "| writes-without-a-fence | `store.RedisStore.__init__` | > 40 | nobody |" in page
    assert (
        "1 of 2 mutants found on real processes, in one campaign of 40 plans each; survivors: writes-w"
        in page
    )
    assert not {one.name for one in wanted} & detection.missing(page)
    assert fuzzing.status([found_after(1)], [seen, unseen]) == 0, "it depends on the machine"
    assert fuzzing.status([found_after(1)], [replace(unseen, problem="it does not start")]) == 3


def test_what_is_not_simulated_is_hunted_on_real_processes(tmp_path: Path) -> None:
    with WholeRun(tmp_path) as run:
        words = [
            "mutants",
            "stores-nodes-elsewhere",
            "--fuzz",
            "--real",
            "2",
            "-n",
            "1",
            "--run-dir",
            str(tmp_path / "runs"),
        ]
        assert run.status(*words, module="harness.cli") == 0, run.output + run.errors
        assert "reference+stores-nodes-elsewhere, on real processes: plan " in run.output
        [stored] = (tmp_path / "runs").glob(f"*-mutants/{fuzzing.RESULT}")
        run.nothing_left()
    [one] = json.loads(stored.read_text())["real"]
    assert 1 <= one["first"] <= one["plans"] <= 2
    assert one["checks"]


@pytest.mark.skipif(
    not detection.PAGE.exists(), reason="gauntlet mutants --fuzz --write has not been run yet"
)
def test_the_page_beside_the_mutants_knows_them_all() -> None:
    text = detection.PAGE.read_text()
    rows = {line.split(" ")[1] for line in text.splitlines() if line.startswith("| ")} - {"mutant", "---"}
    assert not detection.missing(text), "gauntlet mutants --fuzz --write"
    assert rows <= set(MUTANTS)


def test_plans_are_those_of_a_campaign() -> None:
    mend = named(SOON).plant()
    try:
        found = campaign.run(2, plans=60)
    finally:
        mend()
    assert found.first is not None and found.failed_after is not None
    assert drawn(2, found.failed_after - 1) == found.first


def test_a_plan_is_tried_only_where_what_is_spoilt_runs() -> None:
    function = "reference_gcs.core.kv.put"
    scouted = [Scouted(7, (frozenset(), frozenset({function}), frozenset({"other"})), None, 0, 0.0)]
    assert showing(named(SOON), scouted) == {7: [1]}


def test_what_runs_is_told_plan_by_plan_and_the_sound_reference_holds() -> None:
    alone = "import json; from harness.mutants.hunt import scout; [one] = scout([3], 12); "
    alone += "print(json.dumps([one.find, [sorted(ran) for ran in one.ran]]))"
    told = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, timeout=60)
    find, ran = json.loads(told.stdout)
    assert find is None
    puts = [any(isinstance(step.do, Put) for step in drawn(3, number).steps) for number in range(12)]
    seen = ["reference_gcs.core.kv.put" in some for some in ran]
    assert any(puts) and not all(puts)
    assert all(put for put, some in zip(puts, seen, strict=True) if some)
    assert all("reference_gcs.core.access.refusal" in some for some in ran)


def test_a_plan_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunting, "simulate", lambda _plan: signal.pause())
    monkeypatch.setattr(hunting, "LONGEST_S", 0.05)
    before = signal.getsignal(signal.SIGALRM)
    try:
        with pytest.raises(hunting.TooLong, match="plan 4 of seed 3 takes more than"):
            hunting._carried_out(3, 4)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_each_is_tried_in_a_process_of_its_own_and_told(tmp_path: Path) -> None:
    with WholeRun(tmp_path) as run:
        words = ["mutants", SOON, UNSEEN, "writes-without-a-fence", "--fuzz"]
        words += ["--seeds", "2", "--plans", "25", "--real", "0", "--run-dir", str(tmp_path / "runs")]
        assert run.status(*words, module="harness.cli") == 1, run.output + run.errors
        assert f"reference+{SOON}: 2 of 2, median" in run.output
        assert re.search(rf"reference\+{UNSEEN}: what it spoils ran in [1-9]\d* of 50 plans", run.output)
        assert "1 of 2 simulated mutants (50 %)" in run.output
        assert "store.RedisStore.__init__ is not simulated" in run.output
        [stored] = (tmp_path / "runs").glob(f"*-mutants/{fuzzing.RESULT}")
        run.nothing_left()
    data = json.loads(stored.read_text())
    by_target = {one["target"]: one for one in data["hunts"]}
    assert by_target[f"reference+{SOON}"]["killed"] and by_target[f"reference+{SOON}"]["reached"] < 50
    assert not by_target[SOUND]["killed"], "a mutant of another process was met here"
    assert data["survivors"] == [f"reference+{UNSEEN}"]
    assert data["elsewhere"] == {"reference+writes-without-a-fence": "store.RedisStore.__init__"}


@pytest.mark.parametrize(
    "words",
    [["--write", SOON], ["--seeds", "0"], ["--plans", "0"], ["-n", "0"], ["nobody"], ["writes-without-a-fence", "--real", "0"], ["--real", "-1"], ["--all-scenarios"], ["--backend", "docker"]],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(tmp_path: Path, words: list[str]) -> None:
    with WholeRun(tmp_path) as run:
        command = ["mutants", *words, "--fuzz", "--run-dir", str(tmp_path / "runs")]
        assert run.status(*command, module="harness.cli") == 3, run.output
        assert run.errors.startswith("gauntlet: ")
    assert not (tmp_path / "runs").exists()
