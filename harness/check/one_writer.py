"""Once a GCS has taken over, the one that it took over from writes no more. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from harness.check.ruling import Ruling, Violation, rule
from harness.check.story import Life, Story
from harness.history.entry import Entry

NAME = "one writer"


def one_writer(story: Story) -> Ruling:
    """Judged: every write in the ledger, where more than one GCS lived.

    A GCS that was started while another served has taken over when it serves itself. The older one's pings
    and reads do no harm, nor what it had sent before, nor what it sent before it was killed and arrived late.
    Of two that start at once either may take over from the other.
    """
    if len(story.lives) < 2:
        return rule(NAME, (), 0)
    writers = _writers(story)
    judged, found = 0, {}
    for entry in story.ledger:
        if not entry.writes or entry.applied is not True:
            continue
        judged += 1
        writer = writers.get((entry.via, entry.connection))
        heir = _heir(story, writer, entry) if writer else None
        if writer and heir and (writer, heir) not in found:
            found[writer, heir] = _violation(writer, heir, entry)
    return rule(NAME, found.values(), judged)


def _writers(story: Story) -> Mapping[tuple[str, int], Life]:
    """The GCS behind each connection: the last that was started before its first command."""
    found: dict[tuple[str, int], Life] = {}
    for entry in story.ledger:
        place = (entry.via, entry.connection)
        if place in found:
            continue
        begun = [life for life in story.lives if life.who == entry.via and life.started <= entry.at]
        if begun:
            found[place] = begun[-1]
    return found


def _heir(story: Story, writer: Life, entry: Entry) -> Life | None:
    """A GCS that was started after ``writer`` served, and had served before ``entry`` was sent, if it still lived."""
    if writer.serving is None:
        return None
    if writer.ended is not None and writer.ended <= entry.at:
        return None  # its last words were on their way when it died
    for life in story.lives:
        lives_on = life.ended is None or life.ended > entry.at
        if (
            life.started > writer.serving
            and life.serving is not None
            and life.serving < entry.at
            and lives_on
        ):
            return life
    return None


def _violation(writer: Life, heir: Life, entry: Entry) -> Violation:
    assert heir.serving is not None
    detail = (
        f"{' '.join(entry.command[:2])} by life {writer.number} of the {writer.who}, {entry.at - heir.serving:.3f} s"
        f" after life {heir.number} of the {heir.who} began to serve"
    )
    return Violation(
        "a GCS writes although a later one has taken over", detail, (entry.id, *writer.ids[:1], *heir.ids[:2])
    )
