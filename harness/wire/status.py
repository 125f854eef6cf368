"""Ray's status codes, the business result that a reply carries in its ``status`` field.

Source: ``src/ray/common/status.h`` of Ray; those used here were seen in replies of real releases.
"""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """``GcsStatus.code``; an unset status means OK."""

    OK = 0
    KEY_ERROR = 2
    INVALID = 4
    IO_ERROR = 5
    TIMED_OUT = 12
    CREATION_TASK_ERROR = 16
    NOT_FOUND = 17
    SCHEDULING_CANCELLED = 19
    ALREADY_EXISTS = 20
    UNAUTHENTICATED = 33
    INVALID_ARGUMENT = 34
    PERMISSION_DENIED = 37
    PASSIVE = 38
