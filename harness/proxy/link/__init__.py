"""Faults of a TCP link, one file each."""

from harness.proxy.link.base import Direction, LinkFault
from harness.proxy.link.blackhole import Blackhole
from harness.proxy.link.delay import Delay
from harness.proxy.link.half_open import HalfOpen
from harness.proxy.link.refuse import Refuse
from harness.proxy.link.reset import Reset
from harness.proxy.link.slow import Slow

__all__ = ["Blackhole", "Delay", "Direction", "HalfOpen", "LinkFault", "Refuse", "Reset", "Slow"]
