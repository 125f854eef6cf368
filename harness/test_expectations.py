"""Reading expectations: strict about what they say, silent where there is nothing to excuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import EnvironmentProblem
from harness.expectations import (
    FOLDER,
    Expectation,
    expectations_for,
    file_for,
    knowledge_for,
    unmatched,
)

GOOD = """
[[broken]]
scenario = "scenarios/test_a.py::test_b[1]"
release = "2.60.0"
message = "tables differ: <n>"
sentence = "It forgets."
reproduced = "5 of 5"
"""


def read(tmp_path: Path, text: str, target: str = "ray==2.60.0") -> tuple[Expectation, ...]:
    file = tmp_path / "known.toml"
    file.write_text(text)
    return expectations_for(target, str(file))


def test_an_entry_is_read(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, GOOD)
    assert entry == Expectation(
        "scenarios/test_a.py::test_b[1]", "2.60.0", "tables differ: <n>", "It forgets.", "5 of 5"
    )
    assert str(entry) == "It forgets. (5 of 5)"


def test_a_thread_is_shown_with_its_sentence(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, GOOD + 'thread = "ray#1"\n')
    assert str(entry) == "It forgets. (ray#1, 5 of 5)"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("5 of 5", "6 of 5"), "reproduced is '6 of 5'"),
        (("5 of 5", "0 of 5"), "reproduced is '0 of 5'"),
        (("5 of 5", "2 of 2"), "at least 5 runs"),
        (('message = "tables differ: <n>"', ""), "wanted .*message.*; found"),
        (('"tables differ: <n>"', "[1]"), "message a string or a list"),
        (("5 of 5", "often"), "reproduced is 'often'"),
        (('sentence = "It forgets."', ""), "wanted .*sentence.*; found"),
        (("sentence", "reason"), "found .*reason"),
        (('"It forgets."', "5"), "every value is a string"),
        (("[[broken]]", "[[flaky]]"), "only .*broken.* entries"),
        (("[[broken]]", "[[broken"), "is not TOML"),
        (('"2.60.0"', '"2.55.1"'), r"about 2\.55\.1, the target is ray==2\.60\.0"),
        (("5 of 5", f'5 of 5"\n{GOOD}thread = "ray#1'), "listed twice"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    with pytest.raises(EnvironmentProblem, match=complaint):
        read(tmp_path, GOOD.replace(*change))


def test_the_reference_has_nothing_to_be_excused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="mend it instead"):
        read(tmp_path, GOOD, "reference")
    assert not file_for("reference").exists()


def test_a_chosen_file_must_exist_and_a_target_without_one_is_fine(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="no expectations file at"):
        expectations_for("ray==2.60.0", str(tmp_path / "none.toml"))
    assert expectations_for("cmd:./my_gcs --port {port}") == ()


def test_every_committed_file_reads() -> None:
    for file in FOLDER.glob("*.toml"):
        expectations_for(file.stem.replace("ray-", "ray=="))


def test_unmatched_entries_are_named(tmp_path: Path) -> None:
    entries = read(tmp_path, GOOD)
    assert unmatched(entries, ["scenarios/test_a.py::test_b[1]"]) == []
    assert unmatched(entries, ["scenarios/test_a.py::test_b[2]"]) == ["scenarios/test_a.py::test_b[1]"]
    assert unmatched([replace(entries[0], neighbour=True), replace(entries[0], scenario="a*")], []) == []


def test_a_row_may_name_its_cause(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, GOOD + 'check = "durable"\ncause = "durable: AddJob"\n')
    assert entry.names == {"durable: AddJob"}
    with pytest.raises(EnvironmentProblem, match="is not one of the check scenario"):
        read(tmp_path, GOOD + 'cause = "durable: AddJob"\n')


def test_the_flag_of_an_older_form_is_read_over(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD + "fatal = true\n") == read(tmp_path, GOOD)


def test_a_release_without_a_file_knows_its_neighbours_the_nearest_first() -> None:
    known = knowledge_for("ray==2.50.1")
    assert all(one.neighbour for one in known)
    assert list(dict.fromkeys(one.release for one in known))[:2] == ["2.49.2", "2.55.1"]
    own = [one for one in knowledge_for("ray==2.60.0") if not one.neighbour]
    assert own == list(expectations_for("ray==2.60.0"))
    assert knowledge_for("ray==2.50.1", "none") == knowledge_for("reference") == ()
