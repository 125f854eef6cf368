"""The lives of a simulated GCS: how each ends, when the next begins, and what was left half done between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.fuzz import faults as fault

if TYPE_CHECKING:
    from harness.fuzz.sim.world import World

HOPELESS, RARELY = 5, 30.0
"""After so many short lives in a row that ended themselves, the next ones come in so many seconds."""
LASTING = 1.0
"""Seconds for which a life must have served to be none of those: a call that is sent again may end each of them."""
KNOCK = 0.05
"""Seconds until a GCS that finds no store looks again."""
RUNG = 0.3
"""Seconds that a life may serve which is to be killed at an effect that does not come."""


class Lives:
    """``armed``: the crash that the next operation brings; ``to_come``: at which effects the next lives die."""

    def __init__(self, world: World) -> None:
        self.kills = self.recoveries = 0
        self.armed: fault.CrashGcs | None = None
        self.to_come: list[int] = []
        self.restart_after = 0.1
        self._world, self._server = world, world.server
        self._how: fault.KillGcs | fault.CrashGcs = fault.KillGcs()
        self._killed_young = self._failures = 0
        self._opened_at: float | None = None
        self._server.struck, self._server.died, self._server.opened = self._struck, self._died, self._opened

    @property
    def settled(self) -> bool:
        """The last GCS of all serves."""
        return self._server.open and self._server.budget is None and not self.to_come

    def kill_now(self, how: fault.KillGcs) -> None:
        """Kill it, and the next lives as ``how`` says; nothing, when there is none."""
        if self._server.alive:
            self._how = fault.KillGcs(how.down, how.applied)
            self.to_come += how.recoveries
            self._kill(how)

    def doom(self, tag: int) -> None:
        """What was armed strikes at an effect of the step ``tag``."""
        if self.armed is not None and self._server.alive:
            self._how, self.armed = self.armed, None
            self._server.doomed_tag, self._server.budget = tag, self._how.effects

    def disarm(self) -> None:
        """Nothing that is still to come will come."""
        self.armed = None
        self.to_come.clear()

    def _kill(self, how: fault.KillGcs | fault.CrashGcs) -> None:
        world = self._world
        self.kills += 1
        self._killed_young = 0 if self._server.open else self._killed_young + 1
        if self._killed_young == 2:
            world.reached("two kills within one recovery")
        left = self._server.kill(how.applied)
        if left > how.applied:
            world.reached("a write is lost with its GCS")
        if left and how.applied:
            world.reached("a write takes place after its GCS")
        self._look_at_tears()
        self._start_later(how.down)

    def _start_later(self, down: float) -> None:
        self.restart_after = down
        self._world.clock.after(max(down, 0.001), self._start)

    def _start(self) -> None:
        if self._server.alive:
            return
        if self._world.store.down:  # a GCS waits for its store before it does anything
            self._world.clock.after(KNOCK, self._start)
            return
        if self.to_come:
            self._server.doomed_tag, self._server.budget = None, self.to_come.pop(0)
        self._opened_at = None
        self._server.start()

    def _struck(self, _tag: int) -> None:
        """The GCS was to die at this effect."""
        how = self._how
        if isinstance(how, fault.CrashGcs):
            self.to_come += how.recoveries
            self._world.strikes(how, facts={"life": self._server.life})
        self._world.reached("a crash between two effects" if self._server.open else "a crash during recovery")
        self._how = fault.KillGcs(how.down, how.applied)
        self._kill(self._how)

    def _died(self, _why: str) -> None:
        self.kills += 1
        served = self._world.clock.now - self._opened_at if self._opened_at is not None else 0.0
        self._failures = 1 if served >= LASTING else self._failures + 1
        self._world.reached("the GCS gives up a store that fails")
        self._world.record.write("fault", "the store fails", {"phase": "healed"})
        self._start_later(self.restart_after if self._failures < HOPELESS else RARELY)

    def _opened(self) -> None:
        if self._server.life:
            self.recoveries += 1
        self._world.stirred()
        self._killed_young = 0
        self._opened_at = self._world.clock.now
        if self._server.budget is not None and self._server.doomed_tag is None:
            self._world.clock.after(RUNG, self._strike_late, self._server.life)

    def _strike_late(self, life: int) -> None:
        if self._server.alive and self._server.life == life and self._server.budget is not None:
            self._struck(0)

    def _look_at_tears(self) -> None:
        """What a crash left half done."""
        world, rows = self._world, self._world.store.tables
        if rows.get("ACTOR_TASK_SPEC", {}).keys() - rows.get("ACTOR", {}).keys():
            world.reached("a crash between the two writes of RegisterActor")
        if any(one.state == "gone" for one in world.raylets):
            world.reached("a GCS dies after a node")
        bundles = [one for raylet in world.raylets if not raylet.gone for one in raylet.book.bundles.values()]
        if any(not one.committed for one in bundles):
            world.reached("a crash between prepare and commit")
