"""Which function a signal struck: Ray's innermost, out of either kind of trace."""

from __future__ import annotations

from harness.check.process import fatal_lines, said
from harness.check.stack import frame

SIGNAL = "*** SIGABRT received at time=1760000000 on cpu 1 ***"
RAYS = """
[2025-06-01 10:11:12,123 E 1 1] (gcs_server) logging.cc:125: Stack trace:
 /x/gcs_server(+0x14b02ba) [0x564a4bf3b2ba] ray::operator<<()
/x/gcs_server(+0x14b3318) [0x564a4bf3e318] ray::TerminateHandler()
/lib/libstdc++.so.6(+0xa8e1a) [0x7f0378ea8e1a]
/lib/libgcc_s.so.1(_Unwind_Resume+0x12d) [0x7f037910338d] _Unwind_Resume
/x/gcs_server(+0x12c4565) [0x564a4bd4f565] ray::RayEvent::ReportEvent()
/x/gcs_server(+0x35df01) [0x564a4ade8f01] ray::syncer::RaySyncer::Connect()
/x/gcs_server(+0x47107e) [0x564a4aefc07e] ray::gcs::GcsServer::Start()
/x/gcs_server(+0x2b3903) [0x564a4ad3e903] main
"""
ABSEILS = """
PC: @     0x55c1f6510e21  (unknown)  google::protobuf::Arena::Get()
    @     0x7fedd3e5a050       3120  (unknown)
[2025-06-01 10:11:12,123 I 1 1] (gcs_server) a.cc:1: another thread
    @     0x55c1f64daff3         32  ray::gcs::Table::Put()
"""


def struck(text: str) -> str:
    lines = text.splitlines()
    return frame(lines, lines.index(SIGNAL))


def test_the_innermost_function_of_ray_is_named() -> None:
    assert struck(f"{RAYS}{SIGNAL}\n") == "ray::syncer::RaySyncer::Connect()"
    assert struck(f"{SIGNAL}{ABSEILS}") == "ray::gcs::Table::Put()"
    assert struck(f"{SIGNAL}{ABSEILS.replace('ray::', 'x::')}") == "google::protobuf::Arena::Get()"


def test_without_a_trace_nothing_is() -> None:
    assert struck(f"all is well\n{SIGNAL}\nand over") == ""
    assert struck(f"{RAYS}{'a line' + chr(10)}" + "x\n" * 100 + SIGNAL) == ""


def test_two_aborts_in_two_places_have_two_signatures() -> None:
    (one,), (other,) = fatal_lines(f"{RAYS}{SIGNAL}\n"), fatal_lines(f"{SIGNAL}{ABSEILS}")
    assert (
        said(one) == "*** SIGABRT received at time=<id> on cpu <n> *** in ray::syncer::RaySyncer::Connect()"
    )
    assert said(one) != said(other)
    assert fatal_lines(SIGNAL) == [SIGNAL]
