"""One line that says how far a run is: live on a terminal, a line per scenario elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.report.verdict import Verdict


def _live(console: Console) -> Live:
    return Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    )


class Progress:
    """Told of starts and verdicts; writes to ``file``. Use as a context manager."""

    def __init__(self, file: TextIO, live: bool, width: int = 80) -> None:
        self._console = Console(file=file, force_terminal=live, width=width, highlight=False, emoji=False)
        # No thread refreshes: it would write into the output that pytest captures for a test.
        self._live = _live(self._console) if live else None
        self._began = time.monotonic()
        self._counts: Counter[Verdict] = Counter()
        self._running: dict[str, None] = {}
        self.total = 0

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def started(self, scenario: str) -> None:
        self._running[scenario] = None
        self._refresh()

    def ended(self, scenario: str, verdict: Verdict, seconds: float) -> None:
        self._running.pop(scenario, None)
        self._counts[verdict] += 1
        if self._live:
            self._refresh()
        else:
            line = f"{self._done()}  {verdict.value:<14} {seconds:5.1f} s  {scenario}"
            self._console.print(Text(line), soft_wrap=True)

    def _refresh(self) -> None:
        if self._live:
            self._live.update(self.line(), refresh=True)

    def _done(self) -> str:
        done, width = sum(self._counts.values()), len(str(self.total))
        return f"{done:>{width}}/{self.total}"

    def line(self) -> Text:
        """``12/57  11 held  1 broken  0:14, 0.9/s, 0:52 left  test_reload.py::test_x``, cut to the terminal."""
        counts = "  ".join(f"{self._counts[one]} {one.value}" for one in Verdict if self._counts[one])
        latest = next(reversed(self._running), "").removeprefix("scenarios/")
        text = Text(f"{self._done()}  {counts}  {self._pace()}  {latest}", no_wrap=True)
        text.truncate(max(20, self._console.width - 1), overflow="ellipsis")
        return text

    def _pace(self) -> str:
        """Time spent, cases a second, and how long the rest takes at this rate."""
        passed, done = time.monotonic() - self._began, sum(self._counts.values())
        if not done or not self.total:
            return _minutes(passed)
        rate = done / passed
        return f"{_minutes(passed)}, {rate:.1f}/s, {_minutes((self.total - done) / rate)} left"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
