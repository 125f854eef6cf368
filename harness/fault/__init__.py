"""What is broken, as values: each knows how to break it, what that disturbs, and how to heal it."""

from harness.fault.base import Fault, Injection, injected
from harness.fault.gcs import HangGcs, KillGcs, MoveGcs, TerminateGcs
from harness.fault.host import (
    CutLink,
    DisconnectGcs,
    DisconnectRaylet,
    DisconnectStore,
    ReplaceGcs,
    ReplaceStore,
    RestartGcs,
    SkewClock,
    StarveGcs,
)
from harness.fault.node import KillActorProcess, KillRaylet
from harness.fault.rival import Rival
from harness.fault.store import CutStore, KillStore, PauseStore, WipeStore, tampering

__all__ = [
    "CutLink",
    "CutStore",
    "DisconnectGcs",
    "DisconnectRaylet",
    "DisconnectStore",
    "Fault",
    "HangGcs",
    "Injection",
    "KillActorProcess",
    "KillGcs",
    "KillRaylet",
    "KillStore",
    "MoveGcs",
    "PauseStore",
    "ReplaceGcs",
    "ReplaceStore",
    "RestartGcs",
    "Rival",
    "SkewClock",
    "StarveGcs",
    "TerminateGcs",
    "WipeStore",
    "injected",
    "tampering",
]
