"""What ``pytest --gcs-help`` prints."""

from __future__ import annotations

from collections.abc import Iterable

from harness.backend.choosing import BACKENDS
from harness.choices import CHOICES
from harness.plugin.options import MARKERS

EXIT_STATUSES = (
    ("0", "conforms: every judged guarantee held, or fails as the target's expectations file says"),
    ("1", "a guarantee is broken, a known breakage passed, or another test failed"),
    ("2", "inconclusive: nothing broken, but a scenario proved nothing (also pytest's own: interrupted)"),
    ("3", "environment or usage: bad target or store, a wheel that cannot be had, a bug of the harness"),
    ("4", "pytest's own: an option that it does not know"),
    ("5", "pytest's own: nothing collected"),
)


def guide() -> str:
    """Targets, placeholders, stores, environment variables, markers and exit statuses, as text."""
    from harness.store.binary import VARIABLE
    from harness.store.parse import STORES
    from harness.target.command import PLACEHOLDERS
    from harness.target.life import START_WITHIN
    from harness.target.parse import TARGETS

    placeholders = [(f"{{{name}}}", text) for name, (text, _) in PLACEHOLDERS.items()]
    variables = [(variable, f"as {option}") for option, (variable, *_) in CHOICES.items()]
    variables.append((VARIABLE, "the Redis server to run, instead of the one on PATH"))
    variables.append((START_WITHIN, "seconds that the first start of a GCS may take, instead of 30"))
    markers = [tuple(marker.split(": ", 1)) for marker in MARKERS]
    return "\n".join(
        [
            *_section("Targets (--gcs)", TARGETS.items()),
            *_section("Backends (--backend); an image: target is run on docker", BACKENDS.items()),
            *_section(
                "Placeholders of a cmd: or image: target; with none, it gets gcs_server's flags", placeholders
            ),
            *_section("Stores (--store)", STORES.items()),
            *_section("Environment variables; an option wins, the ini file loses", variables),
            *_section("Markers of a scenario", markers),
            *_section("Exit statuses", EXIT_STATUSES),
        ]
    ).strip()


def _section(title: str, rows: Iterable[tuple[str, ...]]) -> list[str]:
    return ["", f"{title}:", *(f"  {name:<24} {text}" for name, text in rows)]
