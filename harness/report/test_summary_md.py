"""``summary.md``: what it says, what it keeps out, and that GitHub takes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness.report import escape, fake_run, summary_md


def test_it_says_the_verdict_and_each_unexpected_failure_with_its_command() -> None:
    text = summary_md.summary(fake_run.result(hostile=False))
    assert text.startswith("## ✗ ray 2.60.0: a guarantee is broken\n")
    assert "55 held, 2 broken, 9 broken (known), 2 inconclusive" in text
    assert "#### durable: it said plain" in text and "seen this time: it said plain" in text
    assert "<pre>gauntlet run 'plain'</pre>" in text
    assert "| durable |" in text and "**✗ broken**" in text and "40 held, 5 broken" in text


def test_known_breakages_are_counted_and_folded() -> None:
    text = summary_md.summary(fake_run.result())
    folded = text[text.index("<details><summary>Known breakages: 9</summary>") :]
    assert "an acknowledged actor is gone after recovery (9)" in folded
    assert text.count("<details>") == text.count("</details>")


def test_a_run_in_which_all_held_has_no_failures() -> None:
    made = fake_run.result()
    made["scenarios"] = [one for one in made["scenarios"] if one["verdict"] == "held" and "point" not in one]
    text = summary_md.summary(made)
    assert text.startswith("## ✓ ") and "Unexpected" not in text and "Crash points" not in text


def test_an_older_result_without_checks_and_findings_is_readable() -> None:
    old = {
        "target": "x",
        "totals": {"broken": 1},
        "scenarios": [{"scenario": "a", "verdict": "broken", "reason": "it broke\nbadly"}],
    }
    assert "<pre>it broke\nbadly</pre>" in summary_md.summary(old)


@pytest.mark.parametrize("word", fake_run.HOSTILE)
def test_nothing_of_a_target_is_markup(word: str) -> None:
    """Outside of code spans, in which nothing is markup, no tag and no table or heading of theirs is left."""
    text = re.sub(r"`[^`\n]*`", "", summary_md.summary(fake_run.result()))
    assert set(re.findall(r"</?\w+", text)) <= {
        "<details",
        "</details",
        "<summary",
        "</summary",
        "<pre",
        "</pre",
        "<code",
        "</code",
    }
    for made in (escape.md(word), escape.code(word)):
        assert "\n" not in made and "|" not in made and "\u202e" not in made
    assert not re.search("<(?!/?pre)", escape.block(word))


@pytest.mark.parametrize("verdict", ["broken", "known", "inconclusive", "held"])
def test_it_stays_below_the_limit_of_github_and_says_so(verdict: str) -> None:
    made = fake_run.result()
    point: dict[str, Any] = {"label": "|" * 300, "mode": "cut", "told": "<" * 99, "survived": "&" * 99}
    made["scenarios"] = [
        {"scenario": f"a{number}" + "|" * 999, "verdict": verdict, "reason": "", "command": "<" * 3000,
         "point": {**point, "rpc": f"R{number}", "unit": number},
         "findings": [fake_run.finding(f"{number} " + "`" * 5000, ["c-1"] * 99)] * 20}
        for number in range(300)
    ]  # fmt: skip
    made["problems"] = ["*" * 900] * 999
    made["checks"] = {f"c{number}": {"sentence": "|" * 999, "verdict": verdict} for number in range(400)}
    text = summary_md.summary(made)
    assert len(text.encode()) < summary_md.LIMIT
    assert "did not fit in here" in text
    assert text.count("<details>") == text.count("</details>")


def test_it_is_written_beside_the_result(tmp_path: Path) -> None:
    folder = fake_run.write(tmp_path / "run", fake_run.result())
    assert summary_md.write(folder) == folder / "summary.md"
    assert (folder / "summary.md").read_text().startswith("## ")
