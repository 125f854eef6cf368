"""The stores of the container backend, by the names that they have everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.container.images import valkey_image
from harness.container.redis_container import RedisContainer, Server
from harness.container.sentinel import SentinelRedis
from harness.errors import EnvironmentProblem
from harness.store.base import Store, StoreSettings, Tls
from harness.store.parse import chosen, clustered, is_url, without_server


def container_store(spec: str, directory: Path, image: str) -> Store:
    """The store named ``spec`` (see :data:`harness.store.parse.STORES`), not started, a Redis of ``image``.

    Its files go to ``directory``. EnvironmentProblem for a name of none, for a server of the user's own,
    and where there is no image of Valkey.
    """
    check(spec)
    simple = without_server(spec, directory)
    if simple is not None:
        return simple
    made = chosen(spec)
    server = Server(valkey_image(), "valkey-server", "valkey") if made.server == "valkey" else Server(image)
    if made.sentinel:
        return SentinelRedis(server, directory, made.persistence)
    if made.cluster:
        return clustered(
            made,
            directory,
            lambda part, place: RedisContainer(
                replace(server, role=f"{server.role}-{part}"),
                StoreSettings("redis"),
                place,
                made.persistence,
                part=part,
            ),
        )
    settings = StoreSettings(
        "redis",
        username=made.user.username,
        password=made.user.password,
        tls=_files(directory.absolute() / "tls") if made.tls else None,
        owner=made.owner,
    )
    return RedisContainer(server, settings, directory, made.persistence, made.rights)


def check(spec: str) -> None:
    """EnvironmentProblem when ``spec`` names no store of containers; nothing is made or asked."""
    if is_url(spec):
        raise EnvironmentProblem(
            "containers reach no loopback address of ours, where a server that you run must be: "
            "name another store, or say --backend loopback"
        )
    if without_server(spec, Path()) is None:
        chosen(spec)


def _files(directory: Path) -> Tls:
    return Tls(directory / "ca.pem", directory / "redis.pem", directory / "redis.key")
