"""``report.html`` as text: what is in it, and that nothing of a target becomes markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from harness.report import fake_run, page, reading, timeline


class Tags(HTMLParser):
    """What a browser would make of a page: its tags, and the text of each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: dict[str, str] = {}
        self._id = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._id = dict(attrs).get("id") or "" if tag == "script" else ""
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        assert not any(
            name in ("src", "href") and value and not value.startswith(("#", "data:,"))
            for name, value in attrs
        )

    def handle_data(self, data: str) -> None:
        if self._id:
            self.scripts[self._id] = self.scripts.get(self._id, "") + data


def written(folder: Path, made: dict[str, Any], size: int = 60) -> str:
    return page.write(fake_run.write(folder, made, size)).read_text(encoding="utf-8")


def test_a_target_s_words_never_become_markup(tmp_path: Path) -> None:
    text = written(tmp_path, fake_run.result())
    read = Tags(text)
    failing = len(reading.failures(fake_run.result()).all)
    assert "img" not in read.tags and "b" in read.tags
    assert read.tags.count("script") == failing + 2 and read.tags.count("style") == 1
    assert "\u202e" not in re.sub("<script.*?</script>", "", text, flags=re.DOTALL)
    requests = " ".join(one[6] for one in json.loads(read.scripts["data-0"])["events"])
    assert all(word in requests for word in fake_run.HOSTILE[:3])


def test_only_what_failed_is_embedded_and_the_order_is_unexpected_known_inconclusive(tmp_path: Path) -> None:
    read = Tags(written(tmp_path, fake_run.result(hostile=False)))
    failures = reading.failures(fake_run.result(hostile=False))
    assert {name for name in read.scripts if name.startswith("data-")} == {
        f"data-{n}" for n in range(len(failures.all))
    }
    assert [one["verdict"] for one in failures.all] == ["broken"] * 2 + ["known"] * 9 + ["inconclusive"] * 2


def test_a_page_s_room_goes_to_the_unexpected_first(monkeypatch: Any) -> None:
    monkeypatch.setattr(timeline, "PER_PAGE", 300)
    made = fake_run.result(hostile=False)
    failures = reading.failures(made)
    events = {one["scenario"]: fake_run.case_events(one["scenario"], 140)[0] for one in failures.all}
    drawn = page.timelines(made, events, {})
    kept = [len(drawn[one["scenario"]]["events"]) for one in failures.all]
    assert sum(kept[:2]) > 200 and sum(kept) < 360
    for entry in failures.all:
        ids = {one[0] for one in drawn[entry["scenario"]]["events"]}
        assert {id for id in reading.offending(entry) if id.startswith("c")} <= ids


def test_a_run_without_failures_points_or_records(tmp_path: Path) -> None:
    made: dict[str, Any] = {
        "target": "reference",
        "totals": {"held": 1},
        "scenarios": [{"scenario": "a", "verdict": "held"}],
    }
    text = written(tmp_path, made)
    assert "every guarantee judged here held" in text and "None." in text and 'id="crash-points"' not in text
    made["scenarios"] = [{"scenario": "a", "verdict": "error", "reason": "it broke"}]
    assert "No events of this case are recorded." in page.html(made, {})


def test_torn_lines_and_other_cases_are_passed_over(tmp_path: Path) -> None:
    made = fake_run.result(hostile=False)
    folder = fake_run.write(tmp_path, made, 60)
    with (folder / "history.jsonl").open("a") as file:
        file.write('{"case":"scenarios/test_c.py::test_proves_nothing","clus\n{"case":"held"')
    assert page.write(folder).exists()


def test_only_our_own_script_may_run() -> None:
    text = page.html(fake_run.result(), {})
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy and "default-src 'none'" in policy[1] and "unsafe" not in policy[1]
