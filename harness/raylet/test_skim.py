"""Skimming a poll's reply, in each numbering of it."""

from __future__ import annotations

import pytest

from harness.raylet.skim import Skimmed, skim
from harness.wire import messages as m
from harness.wire.dialect import dialect


@pytest.mark.parametrize("release", ["2.40.0", "2.49.2", "2.55.1", "2.60.0"])
def test_the_last_sequence_id_and_the_publisher(release: str) -> None:
    speaks = dialect(release)
    reply = m.GcsSubscriberPollReply(publisher_id=b"p" * 28)
    for number in (7, 1 << 40):
        reply.pub_messages.add(channel_type=m.GCS_JOB_CHANNEL, key_id=b"k", sequence_id=number)
        reply.pub_messages[-1].job_message.job_id = b"abcd"
    field = speaks.fields.get("PubMessage", {}).get("sequence_id") or 14
    assert skim(speaks.encode(reply), field) == Skimmed(b"p" * 28, 2, 1 << 40)


def test_an_empty_reply() -> None:
    assert skim(b"", 14) == Skimmed(b"", 0, 0)


@pytest.mark.parametrize("garbage", [b"\x0a", b"\x0a\x05ab", b"\x0b", b"\xff"])
def test_garbage_is_an_error(garbage: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        skim(garbage, 14)
