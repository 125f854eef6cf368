"""``docs/contract.md`` and the code agree: its clauses are the registry's, and sections that code cites exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from harness import guarantees
from harness.check.registry import CHECKS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "contract.md"
BEGIN, END = "<!-- clauses -->\n", "<!-- end -->"
GROUPS = {
    "L": "Availability and loading",
    "C": "Identity",
    "D": "Durability of acknowledgements",
    "I": "Idempotence of repeated requests",
    "R": "Calls of a recovery",
    "A": "Actors across a restart",
    "P": "Placement groups across a restart",
    "N": "Nodes, health and resources",
    "B": "Publish, subscribe and the syncer",
    "S": "The store",
    "K": "Raylets and clients",
}
CITED = re.compile(r"(?:contract,? (?:sections? )?|[Ss]ections? )(\d+(?:\.\d+)?)")


def marked(path: Path, marker: str) -> set[str]:
    """The words in all calls of ``marker(...)`` in a Python file: the ids that a scenario covers."""
    return {
        word.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == marker
        for word in node.args
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    }


def clause_tables() -> str:
    """A Markdown table for each group of clauses, from the registries and the scenarios' markers."""
    files = sorted((ROOT / "scenarios").glob("test_*.py"))
    covered = {path.name: marked(path, "clause") for path in files}
    lines: list[str] = []
    for letter, title in GROUPS.items():
        lines += ["", f"**{title}**", "", "| id | level | statement | source | judged by |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        for clause in guarantees.CLAUSES.values():
            if clause.id.rstrip("0123456789") == letter:
                checks = [f"*{name}*" for name, check in CHECKS.items() if clause.id in check.speaks_for]
                names = [f"`{name}`" for name, ids in covered.items() if clause.id in ids]
                level = clause.level.value + (", extended" if clause.extended else "")
                judged = ", ".join([*checks, *names])
                lines.append(f"| {clause.id} | {level} | {clause.statement} | {clause.source} | {judged} |")
    return "\n".join(lines[1:]) + "\n"


def citations() -> list[tuple[str, str]]:
    """(file, section) of each citation in the Python files: ``contract, section 3.3``."""
    found = []
    for path in sorted(ROOT.glob("*/**/*.py")):
        if path.relative_to(ROOT).parts[0] not in ("harness", "reference_gcs", "scenarios"):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            if "contract" in line:
                found += [(path.name, section) for section in CITED.findall(line)]
    return found


def test_the_clauses_of_the_page_are_the_registry_s() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0] == clause_tables(), (
        "write it anew: python -m harness.test_contract"
    )


def test_every_clause_has_a_group() -> None:
    assert {clause.rstrip("0123456789") for clause in guarantees.CLAUSES} == set(GROUPS)


def test_every_clause_that_is_judged_names_who_judges_it() -> None:
    unjudged = re.findall(r"^\| (\w+) \|.*\|  \|$", clause_tables(), re.MULTILINE)
    assert unjudged == ["K5"]  # our raylet pauses after a refusal, so that no hot loop can show


def test_sections_that_code_cites_exist() -> None:
    headings = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    cited = citations()
    assert len(cited) > 15
    assert [where for where in cited if where[1] not in headings] == []


@pytest.mark.parametrize(
    ("line", "sections"),
    [
        ("(contract, section 3.3)", ["3.3"]),
        ("contract section 5 (a file)", ["5"]),
        ("(contract, 11.1)", ["11.1"]),
    ],
)
def test_a_citation_is_found(line: str, sections: list[str]) -> None:
    assert CITED.findall(line) == sections


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + BEGIN + clause_tables() + END + rest.partition(END)[2], encoding="utf-8")
