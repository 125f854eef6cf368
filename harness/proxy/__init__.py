"""A proxy between a GCS and its store, or on any link: it records, and it breaks what it is told to."""

from harness.proxy.redis import RedisProxy
from harness.proxy.rule import Armed, Match
from harness.proxy.tcp import TcpProxy
from harness.proxy.tunnel import Connection
from harness.proxy.unit import Unit

__all__ = ["Armed", "Connection", "Match", "RedisProxy", "TcpProxy", "Unit"]
