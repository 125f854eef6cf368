"""A run as a user starts one, in processes of its own, and all that it leaves. For tests of the harness itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from harness.process.descendants import Descendants
from harness.wait import until

ROOT = Path(__file__).parents[2]
_OTHERS = ("GAUNTLET_", "PYTEST_", "RAY_", "PIP_", "COV_")
_WITHIN = 90.0


class WholeRun:
    """``with WholeRun(tmp_path) as run:`` starts pytest or gauntlet from the repository's root.

    Its temporary files are below ``run.temp``, its output is in ``run.output`` and ``run.errors``.
    """

    def __init__(self, directory: Path) -> None:
        self.temp = directory / "temp"
        self._directory = directory
        self._born = Descendants()

    def __enter__(self) -> WholeRun:
        self.temp.mkdir()
        self._born.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._born.__exit__()

    @property
    def output(self) -> str:
        return (self._directory / "output").read_text(errors="replace")

    @property
    def errors(self) -> str:
        return (self._directory / "errors").read_text(errors="replace")

    def start(
        self, *arguments: str, module: str = "pytest", env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, without a terminal and without settings of an outer run."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
        ours |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.temp), "COLUMNS": "100", **(env or {})}
        extra = ["-p", "no:cacheprovider"] if module == "pytest" else []
        with (
            (self._directory / "output").open("wb") as output,
            (self._directory / "errors").open("wb") as errors,
        ):
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments, *extra],
                cwd=ROOT,
                env=ours,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                # Where a shell runs us in the background, we ignore Ctrl-C, and our child would, too.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def status(
        self,
        *arguments: str,
        module: str = "pytest",
        env: dict[str, str] | None = None,
        within: float = _WITHIN,
    ) -> int:
        """Start it, wait for its end, and give its exit status."""
        process = self.start(*arguments, module=module, env=env)
        try:
            return process.wait(within)
        finally:
            process.kill()
            process.wait()

    def nothing_left(self, within: float = 5.0) -> None:
        """Wait until no process and no file of the run is left; TimedOut names those that are."""
        until(
            "nothing of the run is left",
            lambda: not self._left(),
            within,
            evidence=lambda: "\n".join(self._left()),
        )

    def _left(self) -> list[str]:
        processes = [f"process {one.pid}: {one}" for one in self._born.living()]
        # pytest keeps its own numbered directories, with a lock and links in them, and clears them up later.
        # os.walk: it bears directories that are being removed.
        found = [Path(place, name) for place, _, names in os.walk(self.temp) for name in names]
        files = [str(path) for path in found if path.name != ".lock" and not path.is_symlink()]
        clusters = [place for place, _, _ in os.walk(self.temp) if "/cluster-" in place]
        return [*processes, *files, *clusters]
