"""The time of a promoted plan: pauses, blocks that last, and the GCS that is away and comes back. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from harness.fuzz import faults as fault
from harness.fuzz.promoting.page import NOTICED, Page
from harness.fuzz.real.breaking import EFFECTS_PER_COMMAND

Strike = fault.CrashGcs | fault.FailStore
GCS, STORE = "gcs", "store"
"""Whose blocks they are."""
RECOVER = '''\
def recover(cluster: Cluster, *commands: int) -> None:
    """The GCS serves again, whatever ended it; its next lives end at these commands to the store first."""
    for nth in commands:
        strike = cluster.arm(KillBefore(), Match(nth=nth))
        cluster.gcs.restart()
        until("it ends or serves", lambda: cluster.gcs.serving() or not cluster.gcs.alive, within=20)
        strike.disarm()
    with suppress(TargetFailed):  # one that is about to give up its store
        cluster.revive_gcs()
    cluster.revive_gcs()'''


@dataclass(frozen=True)
class Open:
    """A block that lasts until ``due``, in seconds of the plan."""

    what: str
    due: float


class Timeline:
    """Writes onto ``page`` what falls due while a plan's time goes by. Times in seconds of the plan."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._now = 0.0
        self._open: list[Open] = []
        self._down: float | None = None
        """When the GCS is to be started again, where that is no block's end."""
        self._rungs: tuple[int, ...] = ()
        self._waiting: list[Strike] = []
        self._armed: Strike | None = None
        self.frail = False
        """Whether a GCS may still end of what its store refused."""

    # -- time --------------------------------------------------------------------------------

    def pass_time(self, seconds: float, settle: bool) -> None:
        """Let time go by, and end what falls due; ``settle``: what was armed has had its chance."""
        if self._armed is not None and (settle or seconds >= NOTICED):
            self._see_strike()
        end = self._now + seconds
        while (due := self._next_due()) is not None and due <= end:
            self._sleep(due - self._now)
            self._end_one()
        self._sleep(end - self._now)

    def _next_due(self) -> float | None:
        dues = [self._open[-1].due] if self._open else []
        dues += [self._down] if self._down is not None else []
        return min(dues, default=None)

    def _end_one(self) -> None:
        if self._down is not None and (not self._open or self._down <= self._open[-1].due):
            self._revive()
        else:
            self._close()

    def _sleep(self, seconds: float) -> None:
        self._now += max(0.0, seconds)
        self.page.rest(seconds)

    # -- blocks ------------------------------------------------------------------------------

    def block(self, what: str, header: str, seconds: float) -> None:
        """What comes next is inside of it, for so long."""
        self.page.open(header)
        self._open.append(Open(what, self._now + seconds))

    def _close(self) -> None:
        self._open.pop()
        self.page.close()

    def _unstall(self) -> None:
        """No GCS comes back while its store is silent."""
        while any(one.what == STORE for one in self._open):
            self._close()

    @property
    def is_down(self) -> bool:
        """Whether no GCS is there, as far as the plan knows."""
        return self._down is not None or any(one.what == GCS for one in self._open)

    def _revive(self) -> None:
        self._unstall()
        if (
            refused := next((one for one in self._waiting if isinstance(one, fault.FailStore)), None)
        ) is None:
            self.recover(self._rungs)
        else:  # it strikes whatever the start asks of the store
            self._waiting.remove(refused)
            self._write_arming(refused)
            self.recover(self._rungs)
            self.page.say("refusal.disarm()")
        self._down, self._rungs = None, ()

    def recover(self, rungs: tuple[int, ...] = ()) -> None:
        """The GCS comes back, after lives that end at these effects of their own."""
        if "recover" not in self.page.helpers:
            self.page.helpers["recover"] = RECOVER
            for module, name in (
                ("contextlib", "suppress"), ("harness.errors", "TargetFailed"), ("harness.proxy", "Match"),
                ("harness.proxy.modes", "KillBefore"), ("harness.wait", "until"),
            ):  # fmt: skip
                self.page.use(module, name)
        self.page.call("recover", ["cluster", *(str(1 + one) for one in rungs)])

    # -- what strikes ---------------------------------------------------------------------------

    def _arm(self, how: Strike) -> None:
        self._armed = how
        self._write_arming(how)

    def _write_arming(self, how: Strike) -> None:
        if isinstance(how, fault.CrashGcs):
            kept, nth = "crash", how.effects // EFFECTS_PER_COMMAND + 1
            mode = "KillAfter" if how.applied else "KillBefore"
            self.page.use("harness.proxy.modes", mode)
            made = f"{mode}()"
        else:
            kept, nth = "refusal", how.writes + 1
            self.frail = True
            mode = "Cut" if how.applied else "RefuseWith"
            self.page.use("harness.proxy.modes", mode)
            made = 'Cut(at="reply")' if how.applied else "RefuseWith()"
        self.page.use("harness.proxy", "Match")
        self.page.call("cluster.arm", [made, f"Match(nth={nth})" if nth > 1 else "Match()"], kept)

    def _see_strike(self) -> None:
        """What was armed strikes by now, or not at all."""
        how, self._armed = self._armed, None
        assert how is not None
        kept = "crash" if isinstance(how, fault.CrashGcs) else "refusal"
        self.page.say(f"{kept}.wait(0.5)")
        self.page.say(f"{kept}.disarm()")
        self._down, self._rungs = self._now + how.down, getattr(how, "recoveries", ())

    # -- what a script asks ------------------------------------------------------------------

    def breaks(self, what: str) -> bool:
        """Whether a block of that name is open."""
        return any(one.what == what for one in self._open)

    def put_off(self, how: Strike) -> None:
        """Arm it before the next request that finds a GCS."""
        self._waiting.append(how)

    def arm_next(self) -> None:
        """A request comes: what was put off may strike it."""
        if self._waiting and not self.is_down and self._armed is None:
            self._arm(self._waiting.pop(0))

    def kill_gcs(self, how: fault.KillGcs, by: str = "KillGcs") -> None:
        """As a block, unless its recovery is killed too, or the store would have to be mended within.

        ``by``: the fault of the harness that ends it.
        """
        if self.is_down:
            return
        if how.recoveries or self.breaks(STORE):
            self.page.say("cluster.kill_gcs()")
            self._unstall()
            self._down, self._rungs = self._now + how.down, how.recoveries
        else:
            self.page.use("harness.fault", by)
            self.block(GCS, f"with cluster.broken({by}())", how.down)

    def end(self) -> None:
        """All that is broken is mended."""
        if self._armed is not None:
            self._see_strike()
        while self._next_due() is not None:
            self._end_one()
        if self.frail:
            self.recover()
