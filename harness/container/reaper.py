"""Clean hands: what a dead run left is removed by the next one, what this process made goes when it ends.

Only what carries our label is ever looked at, and nothing whose owner may still live.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import docker
from docker.errors import APIError
from requests.exceptions import RequestException

from harness.container import owner

T = TypeVar("T")


@dataclass(frozen=True)
class Left:
    """One thing of ours that the engine still has. ``kind``: container, network or volume."""

    kind: str
    id: str
    name: str
    owner: str
    made: float


def reap(client: docker.DockerClient) -> list[str]:
    """Remove what dead owners left; the names of what was removed, each with its kind."""
    return _remove(
        client, (left for left in _labelled(client, owner.OWNER) if owner.gone(left.owner, left.made))
    )


def sweep(client: docker.DockerClient) -> list[str]:
    """Remove all that this process made. May be called again, and at the exit of the interpreter."""
    return _remove(client, _labelled(client, f"{owner.OWNER}={owner.me()}"))


def _labelled(client: docker.DockerClient, label: str) -> list[Left]:
    ours = {"label": label}
    containers = client.api.containers(all=True, filters=ours)
    networks = client.api.networks(filters=ours)
    volumes = client.api.volumes(filters=ours)["Volumes"] or []
    return [
        *(
            _left("container", one["Id"], one["Names"][0][1:], one, float(one["Created"]))
            for one in containers
        ),
        *(_left("network", one["Id"], one["Name"], one, _seconds(one["Created"])) for one in networks),
        *(_left("volume", one["Name"], one["Name"], one, _seconds(one["CreatedAt"])) for one in volumes),
    ]


def _left(kind: str, identity: str, name: str, told: Mapping[str, Any], made: float) -> Left:
    return Left(kind, identity, name, told["Labels"].get(owner.OWNER, ""), made)


def _seconds(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


def _remove(client: docker.DockerClient, lefts: Iterable[Left]) -> list[str]:
    everything, removed = list(lefts), []

    def remove(left: Left) -> None:
        with contextlib.suppress(APIError, RequestException):  # another process is at it, or the engine went
            _REMOVERS[left.kind](client, left.id)
            removed.append(f"{left.kind} {left.name}")

    for kind in _REMOVERS:  # a network can go when nothing is in it, a volume when nothing holds it
        _each(remove, [left for left in everything if left.kind == kind])
    return removed


def _remove_container(client: docker.DockerClient, identity: str) -> None:
    client.api.remove_container(identity, force=True, v=True)


def _remove_network(client: docker.DockerClient, identity: str) -> None:
    for inside in client.api.inspect_network(identity)["Containers"] or {}:
        with contextlib.suppress(APIError):
            client.api.disconnect_container_from_network(inside, identity, force=True)
    client.api.remove_network(identity)


def _remove_volume(client: docker.DockerClient, identity: str) -> None:
    client.api.remove_volume(identity, force=True)


_REMOVERS: dict[str, Callable[[docker.DockerClient, str], None]] = {
    "container": _remove_container,
    "network": _remove_network,
    "volume": _remove_volume,
}


def _each(act: Callable[[T], None], items: Iterable[T]) -> None:
    """All at once: a removal takes the engine a fifth of a second, most of it waiting."""
    threads = []
    for item in items:
        thread = threading.Thread(target=act, args=(item,), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # later versions of Python start no thread while the interpreter ends
            act(item)
        else:
            threads.append(thread)
    for thread in threads:
        thread.join()
