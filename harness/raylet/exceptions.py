"""Exceptions of an actor's constructor, as the wire carries them. Pure."""

from __future__ import annotations

from harness.wire import messages as m


def raised(text: str) -> m.RayException:
    """``text`` as the exception in a worker's last report: serialized for its owner, and formatted."""
    return m.RayException(
        language=m.PYTHON, serialized_exception=text.encode(), formatted_exception_string=text
    )


def told(text: str) -> str:
    """What the answer to PushTask says of it: formatted only."""
    return f"User exception:\n{text}"
