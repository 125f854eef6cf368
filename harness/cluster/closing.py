"""The end of a case: a last look, the last words of its processes, and the mark that closes the record."""

from __future__ import annotations

from pathlib import Path

from harness.check.process import fatal_lines
from harness.cluster.cluster import Cluster
from harness.target.gcs import GcsProcess

LONGEST_READ_BYTES = 4 * 1024 * 1024


def close_case(cluster: Cluster, within: float = 2.0) -> None:
    """Write the closing look, what the GCS's logs say of a fatal end, and the end of the case.

    ``within``: how long all may take to come to rest before that look, in seconds.
    """
    if not cluster.recorder.on:
        return
    cluster.closing_look(within)
    for who, process in (("gcs", cluster.gcs), ("rival", cluster.rival)):
        if process is not None:
            _last_words(cluster, who, process)
    cluster.recorder.write("case", "end")


def _last_words(cluster: Cluster, who: str, process: GcsProcess) -> None:
    for life in process.lives:
        for line in fatal_lines(_unread(cluster, life.log_path)):
            cluster.recorder.write("log", "fatal", {"life": life.number, "line": line[:2000]}, who=who)


def _unread(cluster: Cluster, path: Path) -> str:
    """What a log holds that no case before this one has read: a cluster may live over several."""
    if not path.exists():
        return ""
    start = cluster.logs_read.get(path, 0)
    with path.open("rb") as file:
        file.seek(start)
        text = file.read(LONGEST_READ_BYTES)
    cluster.logs_read[path] = start + len(text)
    return text.decode(errors="replace")
