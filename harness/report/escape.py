"""Strings from a target, made harmless for where they are shown. Pure."""

from __future__ import annotations

import html
import json
import re
from typing import Any

# What has a meaning in GitHub's Markdown wherever it stands. '_' has one only at the edge of a word.
_SPECIAL = re.compile(r"[\\`*\[\]|~#$]|(?<!\w)_|_(?!\w)")
# Characters that a terminal or a reader's eye would be led astray by: controls, and marks of direction.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def cut(text: str, most: int) -> str:
    """``text`` of at most ``most`` characters, with a sign where something was taken away."""
    return text if len(text) <= most else text[: most - 1] + "…"


def without_controls(text: str) -> str:
    """``text`` with controls, and marks that turn the direction of writing, made visible."""
    return _CONTROLS.sub("�", text)


def line(text: str, most: int = 400) -> str:
    """``text`` on one line, without controls."""
    return cut(" ".join(without_controls(text).split()), most)


def md(text: str, most: int = 400) -> str:
    """``text`` as plain words within a line or a table cell of Markdown."""
    flat = html.escape(line(text, most), quote=False)
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", flat)


def code(text: str, most: int = 400) -> str:
    """``text`` as a code span within a line or a table cell of Markdown."""
    flat = line(text, most)
    if not flat or "|" in flat or "`" in flat or flat != flat.strip():
        return f"<code>{md(text, most)}</code>"
    return f"`{flat}`"


def block(text: str, most: int = 4000) -> str:
    """``text`` as it is, lines and all, as an HTML block that Markdown leaves alone."""
    clean = without_controls(text.replace("\r", ""))
    return f"<pre>{html.escape(cut(clean, most), quote=False)}</pre>"


def for_script(data: Any) -> str:
    """``data`` as JSON that may stand inside a ``<script>`` element: nothing in it ends that element."""
    text = json.dumps(data, separators=(",", ":"), default=str)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
