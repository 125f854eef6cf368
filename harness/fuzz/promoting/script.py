"""The steps of a plan in their order, with the faults that last as blocks around what happens meanwhile. Pure."""

from __future__ import annotations

from contextlib import nullcontext
from random import Random
from typing import Any

from harness.fuzz import faults as fault
from harness.fuzz import names
from harness.fuzz import operations as op
from harness.fuzz.plan import Plan, Step
from harness.fuzz.promoting.asks import Asks
from harness.fuzz.promoting.cast import Cast
from harness.fuzz.promoting.page import Page, number, quoted
from harness.fuzz.promoting.timeline import STORE, Timeline

BURIED = '''\
def buried(cluster: Cluster) -> bool:
    """Whether the GCS takes no node for alive whose raylet is gone."""
    states = look.node_states(cluster.driver.gcs)
    return all(one.alive or states.get(one.node_id.hex()) != "ALIVE" for one in cluster.raylets)'''


class Script:
    """Writes onto ``page``. :meth:`write` once."""

    def __init__(self, page: Page, plan: Plan, cast: Cast) -> None:
        self._page, self._plan, self._cast = page, plan, cast
        self._time = Timeline(page)
        self._asks = Asks(page, cast)
        self._random = Random(plan.seed)
        self._nodes = len(plan.nodes)
        self._gone: set[int] = set()
        self._silent: set[int] = set()
        self._heard = 0
        self.ways = any(isinstance(one.do, fault.CutNode) for one in plan.steps)

    def write(self) -> None:
        for step in self._plan.steps:
            self._time.pass_time(step.pause, isinstance(step.do, fault.Fault))
            self._take(step)
        self._come_to_rest()

    # -- steps -------------------------------------------------------------------------------

    def _take(self, step: Step) -> None:
        do = step.do
        if isinstance(do, fault.Fault):
            _BREAK[type(do)](self, do)
            return
        self._time.arm_next()
        if isinstance(do, op.UnregisterNode):
            self._leave(do)
        elif isinstance(do, op.DrainNode):
            self._drain(do, step)
        elif isinstance(do, op.Subscribe):
            by = self._cast.mention(self._cast.client(step.client))
            self._heard += 1
            self._page.call(f"{by}.begin", ["cluster.subscribe", f'"{do.channel}"'], f"listener{self._heard}")
        else:
            self._ask(step)

    def _ask(self, step: Step) -> None:
        assert not isinstance(step.do, fault.Fault)
        times = step.times + (self._random.random() < self._plan.weather.duplication)
        line = self._asks.line(step.do, step.client)
        for name, function, fields in line.made:
            self._page.call(function, fields, name)
        for sentence in line.then:
            self._page.lay(sentence)
        by = self._cast.mention(line.by or line.arguments[0])
        arguments = [f"{by}.{line.call}" if line.by else line.call, *line.arguments]
        if times == 1:
            self._page.call(f"{by}.begin", arguments)
            return
        with self._page.block(f"for _ in range({times})"):
            self._page.call(f"{by}.begin", arguments)

    def _leave(self, do: op.UnregisterNode) -> None:
        node = do.node % self._nodes
        if node not in self._gone:
            self._gone.add(node)
            with self._page.block(f'if cluster.raylets[{node}].state == "connected"'):
                self._page.say(f"cluster.raylets[{node}].leave()")

    def _drain(self, do: op.DrainNode, step: Step) -> None:
        by = self._cast.mention(self._cast.client(step.client))
        node = f"cluster.raylets[{do.node % self._nodes}].node_id"
        more = ["idle=True"] if do.idle else []
        arguments = [f"{by}.drain_node", node, *more, f"seconds={number(do.deadline)}"]
        with self._page.block(f"for _ in range({step.times})") if step.times > 1 else nullcontext():
            self._page.call(f"{by}.begin", arguments)

    # -- faults ------------------------------------------------------------------------------

    def _kill_gcs(self, how: fault.KillGcs) -> None:
        self._time.kill_gcs(how)

    def _terminate_gcs(self, how: fault.TerminateGcs) -> None:
        self._time.kill_gcs(fault.KillGcs(how.down), "TerminateGcs")

    def _put_off(self, how: fault.CrashGcs | fault.FailStore) -> None:
        self._time.put_off(how)

    def _stall_store(self, how: fault.StallStore) -> None:
        if not self._time.breaks(STORE):
            self._page.use("harness.fault", "PauseStore")
            self._time.block(STORE, "with cluster.broken(PauseStore())", how.seconds)

    def _kill_store(self, how: fault.KillStore) -> None:
        if not self._time.breaks(STORE):
            self._page.use("harness.fault", "KillStore")
            self._time.frail = True
            self._time.block(STORE, "with cluster.broken(KillStore())", how.seconds)

    def _hang_gcs(self, how: fault.HangGcs) -> None:
        if not self._time.is_down and not self._time.breaks("hang"):
            self._page.use("harness.fault", "HangGcs")
            self._time.block("hang", "with cluster.broken(HangGcs())", how.seconds)

    def _cut_store(self, _how: fault.CutStore) -> None:
        if not self._time.breaks(STORE):
            self._page.use("harness.fault", "CutStore")
            self._time.frail = True
            with self._page.block("with cluster.broken(CutStore())"):
                self._page.say('"""New connections are welcome."""')

    def _rival(self, how: fault.Rival) -> None:
        if not self._time.breaks("rival"):
            self._page.use("harness.fault", "Rival")
            self._time.frail = True
            self._time.block("rival", "with cluster.broken(Rival())", how.seconds)

    def _add_node(self, how: fault.AddNode) -> None:
        self._nodes += 1
        head = ["is_head=True"] if how.head else []
        if self.ways:
            self._page.call("ways.add_raylet", [number(how.cpus), "wait=False", *head])
        else:
            wishes = [f'{{"CPU": {number(how.cpus)}}}', "wait=False", *head]
            self._page.call("cluster.add_raylet", wishes)

    def _kill_node(self, how: fault.KillNode) -> None:
        node = how.node % self._nodes
        if node not in self._gone:
            self._gone.add(node)
            self._page.say(f"cluster.raylets[{node}].kill()")

    def _cut_node(self, how: fault.CutNode) -> None:
        node = how.node % self._nodes
        if node not in self._gone and not self._time.breaks(f"node {node}"):
            self._time.block(f"node {node}", f"with ways.cut(cluster.raylets[{node}])", how.seconds)

    def _kill_worker(self, how: fault.KillWorker) -> None:
        self._page.call("cluster.kill_actor_process", [self._cast.actor(how.actor)])

    def _home_of(self, job: int) -> str:
        """The raylet of a driver, if both are there; else ''."""
        if job % len(self._plan.nodes) in self._gone or job in self._silent or not self._cast.has(job):
            return ""
        return f"{self._cast.driver(job)}.home"

    def _kill_driver(self, how: fault.KillDriver) -> None:
        job = how.job % names.JOBS
        if self._home_of(job):
            self._silent.add(job)
            self._page.say(f"{self._cast.driver(job)}.die()")

    def _drop_ref(self, how: fault.DropRef) -> None:
        job = names.job_of(how.actor)
        if home := self._home_of(job):
            owner = f"{self._cast.driver(job)}.owner.worker_id"
            self._page.call(f"{home}.drop_ref", [self._cast.actor(how.actor), owner])

    def _disobey(self, how: fault.Disobey) -> None:
        more = [f"seconds={number(how.seconds)}"] if how.mode == "delay" else []
        node = how.node % self._nodes
        if node not in self._gone:
            wishes = [quoted(how.method), f'mode="{how.mode}"', *more, f"times={how.calls}"]
            self._page.call(f"cluster.raylets[{node}].script", wishes)

    def _break_links(self, _how: fault.BreakLinks) -> None:
        self._page.use("harness.proxy.link", "Reset")
        with self._page.block("with cluster.front.fault(Reset())"):
            self._page.say('"""New connections are welcome."""')
        if self.ways:
            self._page.say("ways.reset()")

    def _leave_out(self, _how: fault.SyncAgain | fault.TearStore) -> None:
        """Simulated alone: there are no words for it."""

    # -- the end -----------------------------------------------------------------------------

    def _come_to_rest(self) -> None:
        """All that is broken is mended, and everything comes back."""
        self._time.end()
        for listener in range(1, self._heard + 1):
            self._page.say(f"listener{listener}.result(15).subscribe_again()")
        if self._gone or self._plan.reconnect_limit < Plan().reconnect_limit:
            self._page.helpers["buried"] = BURIED
            self._page.use("harness.driver", "look")
            self._page.use("harness.wait", "until")
            arguments = ['"those that are gone are dead"', "lambda: buried(cluster)", "within=40"]
            self._page.call("until", arguments)
        self._page.call("cluster.settled", ["within=30"])


_BREAK: dict[type[Any], Any] = {
    fault.KillGcs: Script._kill_gcs,
    fault.CrashGcs: Script._put_off,
    fault.FailStore: Script._put_off,
    fault.StallStore: Script._stall_store,
    fault.AddNode: Script._add_node,
    fault.KillNode: Script._kill_node,
    fault.CutNode: Script._cut_node,
    fault.KillWorker: Script._kill_worker,
    fault.KillDriver: Script._kill_driver,
    fault.DropRef: Script._drop_ref,
    fault.BreakLinks: Script._break_links,
    fault.Disobey: Script._disobey,
    fault.HangGcs: Script._hang_gcs,
    fault.KillStore: Script._kill_store,
    fault.Rival: Script._rival,
    fault.TerminateGcs: Script._terminate_gcs,
    fault.CutStore: Script._cut_store,
    fault.SyncAgain: Script._leave_out,
    fault.TearStore: Script._leave_out,
}
