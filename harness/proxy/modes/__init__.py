"""What a proxy does to the unit that a rule matches: one file each."""

from harness.proxy.modes.base import Decision, Mode
from harness.proxy.modes.cut import Cut
from harness.proxy.modes.delay import Delay
from harness.proxy.modes.kill_after import KillAfter
from harness.proxy.modes.kill_before import KillBefore
from harness.proxy.modes.refuse_with import RefuseWith
from harness.proxy.modes.stall import Stall
from harness.proxy.modes.swallow_reply import SwallowReply

__all__ = [
    "Cut",
    "Decision",
    "Delay",
    "KillAfter",
    "KillBefore",
    "Mode",
    "RefuseWith",
    "Stall",
    "SwallowReply",
]
