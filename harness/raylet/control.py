"""The host's side of the control connection: one JSON line a request, one a reply.

A request is ``{"op": "...", "node": <node id or absent>, ...}``; a reply ``{"ok": true, "value": …}``
or ``{"ok": false, "error": "...", "kind": "<exception>"}``. Connections may come and go; the host
does not mind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from harness.raylet import jsonline
from harness.raylet.drain import goodbye
from harness.raylet.objects import NoSuchObject, pull
from harness.raylet.raylet import Options, Raylet
from harness.raylet.scripts import Script
from harness.raylet.workers import LocalWorker

if TYPE_CHECKING:
    from harness.raylet.host import Host

Asked = dict[str, Any]
JOURNALS = ("orders", "messages", "calls", "transitions", "syncs")


class Control:
    """Answers the pytest side for all raylets of a host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._of_host: dict[str, Callable[[Asked], Awaitable[Any]]] = {
            "add": self._add,
            "states": self._states,
            "record": self._record,
            "clear": self._clear,
        }
        self._of_raylet: dict[str, Callable[[Raylet, Asked], Awaitable[Any]]] = {
            "state": self._state,
            "read": self._read,
            "counts": self._counts,
            "workers": self._workers,
            "bundles": self._bundles,
            "resources": self._resources,
            "start_worker": self._start_worker,
            "kill_worker": self._kill_worker,
            "attach_driver": self._attach_driver,
            "detach_driver": self._detach_driver,
            "drop_ref": self._drop_ref,
            "script": self._script,
            "release": self._release,
            "reach": self._reach,
            "kill": self._kill,
            "leave": self._leave,
            "put": self._put,
            "pull": self._pull,
            "resize": self._resize,
            "seen": self._seen,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One control connection until its end."""
        try:
            while line := await reader.readline():
                writer.write(jsonline.pack(await self._answer(line)))
                await writer.drain()
        except (OSError, ValueError):
            pass  # the asker went away in mid-line
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = jsonline.unpack(line)
            op = asked.pop("op")
            if op in self._of_host:
                return {"ok": True, "value": await self._of_host[op](asked)}
            raylet = self._host.raylets[asked.pop("node")]
            return {"ok": True, "value": await self._of_raylet[op](raylet, asked)}
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, NoSuchObject) as error:
            return {"ok": False, "kind": type(error).__name__, "error": str(error)}

    async def _add(self, asked: Asked) -> Any:
        raylet = await self._host.add(Options(**asked))
        return await self._state(raylet, {})

    async def _states(self, _: Asked) -> Any:
        return [await self._state(raylet, {}) for raylet in self._host.raylets.values()]

    async def _clear(self, _: Asked) -> Any:
        await self._host.clear()

    async def _record(self, asked: Asked) -> Any:
        self._host.record.turn(**asked)

    async def _state(self, raylet: Raylet, _: Asked) -> Any:
        return {
            "node_id": raylet.node_id,
            "address": raylet.options.address,
            "port": raylet.port,
            "object_manager_port": raylet.objects.port,
            "is_head": raylet.options.is_head,
            "state": raylet.clock.state,
            "since": raylet.clock.since,
            "exit_status": raylet.exit_status,
            "registered": raylet.registered.is_set(),
            "settled": raylet.settled.is_set(),
            "syncing": raylet.syncer.open,
            "cluster_id": raylet.gcs.cluster_id,
            "waiting_leases": list(raylet.leases.waiting),
            "drivers": {driver.hex(): one.told_of_restart for driver, one in raylet.drivers.items()},
        }

    async def _read(self, raylet: Raylet, asked: Asked) -> Any:
        if asked["journal"] not in JOURNALS:
            raise ValueError(f"no such journal: {asked['journal']}")
        return getattr(raylet, asked["journal"]).read(asked.get("kinds"), asked.get("since", 0))

    async def _counts(self, raylet: Raylet, asked: Asked) -> Any:
        if asked["journal"] not in JOURNALS:
            raise ValueError(f"no such journal: {asked['journal']}")
        return getattr(raylet, asked["journal"]).counts()

    async def _workers(self, raylet: Raylet, _: Asked) -> Any:
        return [_described(worker) for worker in raylet.workers.by_id.values()]

    async def _bundles(self, raylet: Raylet, _: Asked) -> Any:
        return [
            {
                "placement_group_id": key[0],
                "index": key[1],
                "state": bundle.state,
                "resources": bundle.pool.total,
                "available": bundle.pool.free,
            }
            for key, bundle in raylet.book.bundles.items()
        ]

    async def _resources(self, raylet: Raylet, _: Asked) -> Any:
        return {"total": raylet.book.total(), "available": raylet.book.available()}

    async def _start_worker(self, raylet: Raylet, asked: Asked) -> Any:
        start = raylet.start_worker if asked["register"] else raylet.workers.start
        return _described(await start())

    async def _kill_worker(self, raylet: Raylet, asked: Asked) -> Any:
        raylet.workers.signal(raylet.workers.by_id[asked["worker_id"]], asked["signal"])

    async def _attach_driver(self, raylet: Raylet, asked: Asked) -> Any:
        driver = await raylet.attach_driver(asked["worker_id"], asked["port"])
        return {"port": driver.door.port}

    async def _detach_driver(self, raylet: Raylet, asked: Asked) -> Any:
        await raylet.detach_driver(asked["worker_id"], asked["report"])

    async def _drop_ref(self, raylet: Raylet, asked: Asked) -> Any:
        raylet.scribe.note("ref dropped", actor=asked["actor_id"].hex())
        for driver in raylet.drivers.values():
            if asked.get("worker_id") in (None, driver.worker_id):
                driver.refs.drop(asked["actor_id"])

    async def _script(self, raylet: Raylet, asked: Asked) -> Any:
        method = asked.pop("method")
        raylet.scripts.set(method, Script(**asked))
        raylet.scribe.note("scripted", method=method, mode=asked["mode"])

    async def _release(self, raylet: Raylet, asked: Asked) -> Any:
        return raylet.scripts.release(asked["method"])

    async def _reach(self, raylet: Raylet, asked: Asked) -> Any:
        if asked["reachable"]:
            await raylet.reach()
            raylet.scribe.note("reachable")
        else:
            raylet.scribe.note("unreachable")
            await raylet.unreach()

    async def _kill(self, raylet: Raylet, asked: Asked) -> Any:
        raylet.go(asked["status"], "killed by the scenario")

    async def _leave(self, raylet: Raylet, asked: Asked) -> Any:
        raylet.leave(goodbye(asked["preempted"], "left by the scenario"))

    async def _put(self, raylet: Raylet, asked: Asked) -> Any:
        object_id, checksum = await raylet.objects.put(asked["data"])
        return {"object_id": object_id, "checksum": checksum}

    async def _pull(self, _: Raylet, asked: Asked) -> Any:
        return await pull(asked["address"], asked["port"], asked["object_id"], asked["checksum"])

    async def _resize(self, raylet: Raylet, asked: Asked) -> Any:
        raylet.book.node.resize(asked["total"])
        raylet.changed()

    async def _seen(self, raylet: Raylet, asked: Asked) -> Any:
        return raylet.view.seen(asked["node_id"])


def _described(worker: LocalWorker) -> dict[str, Any]:
    return {
        "worker_id": worker.worker_id,
        "pid": worker.born.pid,
        "address": worker.address,
        "task_port": worker.born.port,
        "grpc_port": worker.door.port,
        "alive": worker.alive,
        "ready": worker.ready,
        "actor_id": worker.actor_id or None,
        "lease_id": worker.lease_id or None,
        "exit_detail": worker.exit_detail,
        "told_of_restart": worker.told_of_restart,
    }
