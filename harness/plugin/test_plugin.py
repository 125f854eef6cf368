"""The plugin from outside: small suites run by pytest, with and without xdist."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.store.parse import store_from
from harness.target.parse import parse_target

# Imported here once, as each run in this process would otherwise import it anew.
LOADED = (store_from, parse_target)
ROOT = Path(__file__).parents[2]
TARGET = "cmd:true"
Suite = Callable[..., pytest.RunResult]
both = pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
# Two notice the same, and it is said once.
several = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])

HEAD = """
import pytest
from harness.errors import EnvironmentProblem, TargetFailed, Unsupported
from harness.report.verdict import Inconclusive
pytestmark = pytest.mark.promise("1")
"""
HELD = "def test_held(): pass"
BROKEN = "def test_broken(): assert 1 == 2, 'one is not two'"
VAGUE = "def test_vague(): raise Inconclusive('the fault hit nothing')"
BUG = "def test_bug(): {}['a bug of ours']"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Run ``tests`` (lines of one scenario file) as a suite of their own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GAUNTLET_GCS", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]")
    pytester.mkpydir("scenarios")

    def run(
        *tests: str, options: list[str] | None = None, args: tuple[str, ...] = ("scenarios",)
    ) -> pytest.RunResult:
        (pytester.path / "scenarios" / "test_it.py").write_text("\n".join([HEAD, *tests]))
        command = ["-p", "harness.plugin", "--gcs", TARGET, *(options or []), *args]
        # In this process where nothing may end it: a third of the time.
        return pytester.runpytest_subprocess(*command) if "-n" in command else pytester.runpytest(*command)

    return run


def expect(pytester: pytest.Pytester, scenario: str = "test_broken", **changes: str) -> list[str]:
    entry = {
        "scenario": f"scenarios/test_it.py::{scenario}",
        "release": "2.60.0",
        "message": "one is not two",
        "sentence": "It is known to break.",
        "reproduced": "5 of 5",
        **changes,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    file = pytester.path / "known.toml"
    file.write_text("\n".join(["[[broken]]", *lines]))
    return ["--expectations", str(file)]


@both
@pytest.mark.parametrize(
    ("tests", "status"),
    [([HELD], 0), ([HELD, BROKEN, VAGUE, BUG], 1), ([HELD, VAGUE], 2), ([HELD, VAGUE, BUG], 3)],
    ids=["conforms", "broken", "inconclusive", "bug"],
)
def test_the_exit_status_is_the_verdict_s(
    suite: Suite, workers: list[str], tests: list[str], status: int
) -> None:
    assert suite(*tests, options=workers).ret == status


@pytest.mark.parametrize("where", ["body", "setup"])
def test_a_scenario_that_runs_out_of_its_time_is_inconclusive(suite: Suite, where: str) -> None:
    tests = {
        "body": "def test_late(): threading.Event().wait(60)",
        "setup": "@pytest.fixture\ndef late(): threading.Event().wait(60)\ndef test_late(late): pass",
    }
    options = ["-n", "1", "-o", "timeout=1"]  # in processes of their own: the time is counted by a signal
    result = suite("import threading", tests[where], options=options)
    assert result.ret == 2, result.stdout.str()
    result.stdout.fnmatch_lines(["inconclusive  scenarios/test_it.py::test_late", "*ran out of its time (1*"])


def test_the_table_shows_each_promise_and_what_failed(suite: Suite) -> None:
    result = suite(HELD, BROKEN, VAGUE)
    result.stdout.fnmatch_lines(["*Promises of Ray, judged on cmd:true*", "*1*Reload:*broken*3*"])
    result.stdout.fnmatch_lines(["broken  scenarios/test_it.py::test_broken", "*one is not two*"])
    result.stdout.fnmatch_lines(["inconclusive  scenarios/test_it.py::test_vague", "*the fault hit nothing*"])
    result.stdout.fnmatch_lines(["*a guarantee is broken (3 scenarios: 1 held, 1 broken, 1 inconclusive)*"])
    assert re.search(r"2 .*Blocking:.*not judged", result.stdout.str())
    result.assert_outcomes(passed=1, failed=1)
    assert "1 inconclusive" in result.stdout.lines[-1]


def test_the_table_fits_into_80_columns_without_colour(suite: Suite) -> None:
    result = suite(HELD, BROKEN)
    table = result.stdout.str().partition("Promises of Ray")[2].partition("short test summary")[0]
    assert table and max(map(len, table.splitlines())) <= 80
    assert "\x1b" not in table


@several
def test_an_environment_problem_ends_the_run_in_one_sentence(suite: Suite, workers: list[str]) -> None:
    raising = "def test_a(): raise EnvironmentProblem('no such machine')"
    result = suite(raising, HELD, options=workers)
    assert result.ret == 3
    result.stdout.fnmatch_lines(["gauntlet: no such machine"])
    assert "Traceback" not in result.stdout.str() and "Promises" not in result.stdout.str()


def test_an_environment_problem_in_a_fixture_is_one_too(suite: Suite) -> None:
    fixture = "@pytest.fixture\ndef bad(): raise EnvironmentProblem('no Redis here')"
    result = suite(fixture, "def test_a(bad): pass")
    assert result.ret == 3
    result.stdout.fnmatch_lines(["gauntlet: no Redis here"])
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--gcs", "nonsense"], "'nonsense' is no target"),
        (["--gcs", "ray==1.0"], "older than"),
        (["--store", "postgres"], "postgres"),
        (["--expectations", "absent.toml"], "no expectations file"),
        (["--gcs", "cmd:/no/such/program"], "no program that can be run"),
    ],
)
def test_bad_input_is_one_sentence_and_status_3(suite: Suite, options: list[str], sentence: str) -> None:
    result = suite(HELD, options=options)
    assert result.ret == 3
    (line,) = result.stderr.lines
    assert line.startswith("gauntlet: ") and sentence in line
    assert result.stdout.lines == []


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_failing_fixture_is_a_bug_of_the_harness(suite: Suite, phase: str) -> None:
    body = "assert False\n    yield" if phase == "before" else "yield\n    assert False"
    result = suite(f"@pytest.fixture\ndef f():\n    {body}", "def test_a(f): pass")
    assert result.ret == 3
    result.stdout.fnmatch_lines(["*the harness itself failed*"])


def test_a_target_that_fails_in_a_fixture_is_broken_all_the_same(suite: Suite) -> None:
    fixture = "@pytest.fixture\ndef f(): raise TargetFailed('it does not come back')"
    result = suite(fixture, "def test_a(f): pass")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["broken  scenarios/test_it.py::test_a", "*it does not come back*"])


@both
def test_what_cannot_be_done_here_is_skipped_with_its_reason(suite: Suite, workers: list[str]) -> None:
    raising = "def test_a(): raise Unsupported('memory has nothing to pause')"
    result = suite(raising, HELD, options=[*workers, "--junitxml", "j.xml"])
    assert result.ret == 0
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["skipped  1: memory has nothing to pause"])


@pytest.mark.parametrize(
    "test",
    [
        "def test_a(): raise Unsupported('memory has nothing to pause')",
        "def test_a(): pytest.skip('not today')",
        "@pytest.mark.needs(store='rocksdb', max_ray='1.0')\ndef test_a(): pass",
    ],
)
def test_a_skip_counts_as_inconclusive_where_there_may_be_none(suite: Suite, test: str) -> None:
    result = suite(test, HELD, options=["--no-skips"])
    assert result.ret == 2
    result.stdout.fnmatch_lines(["inconclusive  scenarios/test_it.py::test_a", "*not carried out: *"])


def test_a_worker_that_dies_is_a_bug_of_the_harness(suite: Suite) -> None:
    result = suite("import os\ndef test_a(): os._exit(7)", HELD, options=["-n", "1"])
    assert result.ret == 3
    result.stdout.fnmatch_lines(["harness error  scenarios/test_it.py::test_a"])


@pytest.mark.parametrize(
    ("test", "complaint"),
    [
        ("@pytest.mark.promise('8')\ndef test_a(): pass", "there is no promise '8'"),
        ("@pytest.mark.clause('D99')\ndef test_a(): pass", "there is no clause 'D99'"),
        ("@pytest.mark.behaviour('T13')\ndef test_a(): pass", "there is no behaviour 'T13'"),
        (
            "@pytest.mark.needs(moon='full')\ndef test_a(): pass",
            "needs() takes backend, max_ray, min_ray, store, why",
        ),
        ("pytestmark = []\ndef test_a(): pass", "names a promise or a clause"),
    ],
)
def test_wrong_markers_fail_the_collection(suite: Suite, test: str, complaint: str) -> None:
    result = suite(test, HELD)
    assert result.ret == 3
    assert complaint in result.stdout.str()


def test_wrong_markers_fail_the_collection_under_xdist(suite: Suite) -> None:
    result = suite("@pytest.mark.promise('8')\ndef test_a(): pass", HELD, options=["-n", "1"])
    assert result.ret == 3
    assert "there is no promise '8'" in result.stdout.str()


@several
def test_long_scenarios_run_when_asked_for(suite: Suite, workers: list[str]) -> None:
    tests = ["@pytest.mark.long\ndef test_long(): pass", HELD]
    without = suite(*tests, options=workers)
    without.assert_outcomes(passed=1)
    without.stdout.fnmatch_lines(["gauntlet: 1 long scenarios deselected; --long runs them"])
    suite(*tests, options=[*workers, "--long"]).assert_outcomes(passed=2)
    named = suite(*tests, options=workers, args=("scenarios/test_it.py::test_long",))
    named.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("needs", "options", "reason"),
    [
        ("store='rocksdb'", ["--gcs", "ray==2.55.1"], "ray==2.55.1 has no rocksdb store"),
        ("store='redis'", ["--store", "memory"], "needs a redis store; this run's is memory"),
        ("min_ray='2.61'", [], "needs Ray 2.61 or newer; cmd:true speaks 2.60.0"),
        ("max_ray='2.49.9'", [], "needs Ray 2.49.9 or older"),
        ("backend='docker', why='it is about hosts'", [], "needs --backend docker: it is about hosts"),
    ],
)
def test_what_the_target_lacks_is_skipped_with_a_reason(
    suite: Suite, pytester: pytest.Pytester, needs: str, options: list[str], reason: str
) -> None:
    if "ray==" in str(options):
        options = ["--gcs", "cmd[2.55.1]:true"]
        needs, reason = "min_ray='2.57'", "needs Ray 2.57 or newer; cmd[2.55.1]:true speaks 2.55.1"
    result = suite(f"@pytest.mark.needs({needs})\ndef test_a(): pass", HELD, options=options)
    assert result.ret == 0
    result.assert_outcomes(passed=1, skipped=1)
    assert f"skipped  1: {reason}" in " ".join(result.stdout.str().split()).replace("skipped 1", "skipped  1")


@both
def test_a_known_breakage_must_fail_and_is_shown(
    suite: Suite, pytester: pytest.Pytester, workers: list[str]
) -> None:
    result = suite(HELD, BROKEN, options=[*workers, *expect(pytester, thread="ray#1")])
    assert result.ret == 0
    result.assert_outcomes(passed=1, xfailed=1)
    result.stdout.fnmatch_lines(
        ["broken (known)  *::test_broken", "*It is known to break. (ray#1, 5 of 5)*", "*does not conform*"]
    )


@both
def test_a_known_breakage_must_fail_with_its_own_words(
    suite: Suite, pytester: pytest.Pytester, workers: list[str]
) -> None:
    result = suite(HELD, BROKEN, options=[*workers, *expect(pytester, message="one is not three")])
    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["broken  *::test_broken"])


def test_a_breakage_seen_in_some_repetitions_only_may_hold(suite: Suite, pytester: pytest.Pytester) -> None:
    assert suite(HELD, options=expect(pytester, "test_held", reproduced="2 of 5")).ret == 0
    result = suite(HELD, BROKEN, options=expect(pytester, reproduced="2 of 5"))
    assert result.ret == 0
    result.assert_outcomes(passed=1, xfailed=1)


def test_a_known_breakage_that_passes_fails_the_run(suite: Suite, pytester: pytest.Pytester) -> None:
    result = suite(HELD, BROKEN, options=expect(pytester, "test_held"))
    assert result.ret == 1
    result.stdout.fnmatch_lines(["held, though expected to fail  *::test_held"])
    result = suite(HELD, options=expect(pytester, "test_held"))
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*a known breakage is gone*"])


def test_a_known_breakage_excuses_neither_a_bug_nor_a_vague_run(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    assert suite(BUG, options=expect(pytester, "test_bug")).ret == 3
    assert suite(VAGUE, options=expect(pytester, "test_vague")).ret == 2


@several
def test_an_entry_without_a_scenario_fails_a_whole_run(
    suite: Suite, pytester: pytest.Pytester, workers: list[str]
) -> None:
    options = [*workers, *expect(pytester, "test_gone")]
    result = suite(HELD, options=options)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["gauntlet: *names scenarios/test_it.py::test_gone, which is no scenario*"])
    assert suite(HELD, options=options, args=("scenarios/test_it.py",)).ret == 0


@several
def test_a_scenario_that_nothing_would_judge_is_not_run(
    suite: Suite, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: list[str]
) -> None:
    monkeypatch.chdir(pytester.path / "scenarios")
    outside = [*workers, "-c", os.devnull, "--rootdir", "."]
    result = suite(HELD, BROKEN, options=outside, args=("test_it.py",))
    assert result.ret == 3
    said = [line for line in result.stdout.lines if line.startswith("gauntlet: ")]
    assert len(said) == 1 and "nothing would judge these scenarios" in said[0]
    assert suite(HELD, options=[*outside[:-1], ".."], args=("test_it.py",)).ret == 0


def test_a_failing_unit_test_fails_the_run_whatever_the_scenarios_say(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_unit="def test_u(): assert False")
    assert suite(HELD, VAGUE, args=("scenarios", "test_unit.py")).ret == 1


def test_stopping_at_the_first_failure_keeps_its_status(suite: Suite) -> None:
    assert suite(BROKEN, HELD, options=["-x"]).ret == 1
    assert suite(BROKEN, HELD, options=["-x", "-n", "1"]).ret == 1
    assert suite(VAGUE, HELD, options=["-x"]).ret == 2


@both
def test_junit_and_result_json_carry_the_facts(
    suite: Suite, pytester: pytest.Pytester, workers: list[str]
) -> None:
    marked = f"@pytest.mark.clause('D3', 'D1')\n@pytest.mark.behaviour('T1')\n{BROKEN}"
    result = suite(marked, VAGUE, HELD, options=[*workers, "--junitxml", "j.xml", "--run-dir", "runs"])
    assert result.ret == 1
    case = ElementTree.parse(pytester.path / "j.xml").find(".//testcase[@name='test_broken']")
    assert case is not None
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties["promises"] == "1" and properties["clauses"] == "D1 D3"
    assert properties["target"] == TARGET and properties["verdict"] == "broken"
    latest, made = sorted((pytester.path / "runs").iterdir(), key=lambda path: path.name != "latest")
    assert latest.resolve() == made, "one folder, whoever ran the scenarios"
    data = json.loads((latest / "result.json").read_text())
    assert data["target"] == TARGET and data["release"] == "2.60.0" and data["exit_status"] == 1
    assert data["totals"] == data["totals"] | {"held": 1, "broken": 1, "inconclusive": 1, "error": 0}
    assert data["promises"]["1"]["verdict"] == "broken" and data["clauses"]["D3"]["verdict"] == "broken"
    assert data["promises"]["2"]["verdict"] == "skipped"
    broken = next(one for one in data["scenarios"] if one["verdict"] == "broken")
    assert broken["behaviours"] == ["T1"] and broken["seconds"] >= 0


def test_the_time_of_a_scenario_counts_its_setup_and_teardown(
    suite: Suite, pytester: pytest.Pytester
) -> None:
    fixture = "import time\n@pytest.fixture\ndef slow():\n    time.sleep(0.1)\n    yield\n    time.sleep(0.1)"
    suite(fixture, "def test_a(slow): pass", options=["--run-dir", "runs"])
    data = json.loads((pytester.path / "runs" / "latest" / "result.json").read_text())
    assert data["scenarios"][0]["seconds"] >= 0.2


@both
def test_progress_is_a_line_per_scenario_where_there_is_no_terminal(suite: Suite, workers: list[str]) -> None:
    result = suite(HELD, BROKEN, options=[*workers, "--progress", "auto"])
    lines = [line for line in result.stdout.lines if re.match(r"[12]/2  ", line)]
    assert len(lines) == 2 and any("broken" in line and "test_it.py::test_broken" in line for line in lines)
    assert any(line.startswith("FAILED ") for line in result.stdout.lines)


def test_the_command_line_wins_over_the_environment_and_that_over_the_ini_file(
    suite: Suite, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\ngauntlet_gcs = cmd:ini\n")
    show = "def test_a(pytestconfig):\n    from harness.plugin.options import choice\n    print('<' + choice(pytestconfig, '--gcs') + '>')"
    path = pytester.path / "test_plain.py"
    path.write_text(show)
    plain = ["-p", "harness.plugin", "-s", str(path)]
    assert "<cmd:ini>" in pytester.runpytest(*plain).stdout.str()
    monkeypatch.setenv("GAUNTLET_GCS", "cmd:environment")
    assert "<cmd:environment>" in pytester.runpytest(*plain).stdout.str()
    assert "<cmd:option>" in pytester.runpytest(*plain, "--gcs", "cmd:option").stdout.str()


def test_the_guide_lists_what_a_user_may_say(suite: Suite) -> None:
    result = suite(HELD, options=["--gcs-help"])
    assert result.ret == 0
    for word in ("{redis_host}", "GAUNTLET_GCS", "inconclusive", "promise(*ids)", "ray==2.60.0", "rocksdb"):
        assert word in result.stdout.str()
