"""The README's facts that could go stale: promises, commands and files it names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from harness import guarantees
from harness.check.registry import CHECKS, ENGINES, PROOFS, NotJudged

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
END = "<!-- end -->"


def promised_by(path: Path) -> set[str]:
    """The ids in all ``promise(...)`` markers of a scenario file."""
    return {
        one.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "promise"
        for one in node.args
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def promise_table() -> str:
    """The README's table, from the registry and the scenario files' first lines."""
    files = sorted((ROOT / "scenarios").glob("test_*.py"))
    rows = ["| | promise | its scenarios |", "| --- | --- | --- |"]
    for promise in guarantees.PROMISES.values():
        names = [f"`{path.name}`" for path in files if promise.id in promised_by(path)]
        rows.append(f"| {promise.id} | **{promise.title}.** {promise.sentence} | {', '.join(names)} |")
    rows += ["", "| scenario file | what it does |", "| --- | --- |"]
    for path in files:
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = said.partition("\n")[0]
        rows.append(f"| [`{path.name}`](scenarios/{path.name}) | {first} |")
    return "\n".join(rows) + "\n"


def check_table() -> str:
    """The checks that judge every recorded case, from their registry."""
    rows = [f"| check | what it decides | speaks for | {' | '.join(ENGINES)} |", f"|{' --- |' * 5}"]
    for name, one in CHECKS.items():
        promises = [id for id in one.speaks_for if id in guarantees.PROMISES]
        clauses = [id for id in one.speaks_for if id in guarantees.CLAUSES]
        said = [f"promise {id}" for id in promises] + [" ".join(clauses)] * bool(clauses)
        shown = [_shown(PROOFS[name].on(engine)) for engine in ENGINES]
        rows.append(f"| {name} | {one.guarantee}. | {', '.join(said)} | {' | '.join(shown)} |")
    return "\n".join(rows) + "\n"


def _shown(proof: str | NotJudged) -> str:
    return f"not judged: {proof.why}" if isinstance(proof, NotJudged) else f"`{proof}`"


TABLES = {"<!-- promises -->\n": promise_table, "<!-- checks -->\n": check_table}


@pytest.mark.parametrize("begin", TABLES)
def test_the_tables_are_the_registries(begin: str) -> None:
    found = README.partition(begin)[2].partition(END)[0]
    assert found == TABLES[begin](), "write it anew: python -m harness.test_readme"


def test_a_check_speaks_for_what_exists() -> None:
    for one in CHECKS.values():
        assert set(one.speaks_for) <= {*guarantees.PROMISES, *guarantees.CLAUSES}


def test_every_promise_has_scenarios() -> None:
    promised = set().union(*map(promised_by, (ROOT / "scenarios").glob("test_*.py")))
    assert promised == set(guarantees.PROMISES)


def test_files_and_scenarios_that_it_names_exist() -> None:
    for name in re.findall(r"`((?:harness|scenarios|reference_gcs)/[\w./]*)`", README):
        assert (ROOT / name).exists(), name
    for path, test in re.findall(r"(scenarios/test_\w+\.py)::(test_\w+)", README):
        assert f"def {test}(" in (ROOT / path).read_text(), test
    assert f"the {len(guarantees.CLAUSES)} clauses" in README


def test_make_targets_that_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for name in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name


if __name__ == "__main__":
    for begin, table in TABLES.items():
        before, _, rest = README.partition(begin)
        README = before + begin + table() + END + rest.partition(END)[2]
    (ROOT / "README.md").write_text(README)
