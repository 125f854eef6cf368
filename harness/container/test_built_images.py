"""The images run: as they are here, built when they are not."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from harness.container import images, rootfs
from harness.container.testing import lacking, need_engine
from harness.errors import EnvironmentProblem
from harness.target import wheel_cache

RELEASE = "2.60.0"


@pytest.fixture(autouse=True)
def engine() -> None:
    need_engine()


@pytest.fixture
def run() -> Callable[..., str]:
    """Run a command to its end, without any network; what it printed on both outputs."""
    from harness.container.engine import engine

    client, labels = engine().client, engine().labels()
    name = f"gauntlet-test-{uuid.uuid4().hex[:8]}"

    def run(image: str, *command: str, entrypoint: str | None = None, **env: str) -> str:
        container = client.containers.create(
            image, list(command), name=name, entrypoint=entrypoint, environment=env,
            network_mode="none", init=True, labels=labels,
        )  # fmt: skip
        try:
            container.start()
            container.wait(timeout=30)
            return str(container.logs().decode())
        finally:
            container.remove(force=True, v=True)

    return run


def test_raylet_and_proxy_import(run: Callable[..., str]) -> None:
    said = run(
        images.raylet_image(None), "-c",
        "import grpc, harness.raylet.host, harness.raylet.raylet, harness.proxy.host, harness.proxy.redis, "
        "harness.names.server, sys; print(sys.version_info[:1], 'grpc_tools' in sys.modules)",
    )  # fmt: skip
    assert said == "(3,) False\n"


def test_reference_imports(run: Callable[..., str]) -> None:
    said = run(
        images.reference_image(), "-c", "import reference_gcs.__main__, reference_gcs.store; print('fine')",
        entrypoint="python3",
    )  # fmt: skip
    assert said == "fine\n"


def test_gcs_server_runs(run: Callable[..., str]) -> None:
    if not wheel_cache.complete(wheel_cache.cache_directory() / f"ray-{RELEASE}"):
        lacking(f"ray=={RELEASE} is not in the cache")
    assert "-gcs_server_port" in run(images.ray_image(RELEASE), "--help")


def test_libfaketime_is_found(run: Callable[..., str]) -> None:
    said = run(
        images.raylet_image(None), "-c", "import time; print(time.gmtime().tm_year)",
        LD_PRELOAD=rootfs.LIBFAKETIME, FAKETIME="@2040-05-05 00:00:00",
    )  # fmt: skip
    assert said == "2040\n"


@pytest.mark.parametrize("store", ["redis", "valkey"])
def test_a_store_answers_and_has_tls_and_sentinel(run: Callable[..., str], store: str) -> None:
    try:
        image = images.redis_image(None) if store == "redis" else images.valkey_image()
    except EnvironmentProblem as problem:
        # Every Debian has a Redis, not every one a Valkey.
        lacking(str(problem)) if store == "redis" else pytest.skip(str(problem))
    said = run(
        image, "-c",
        f"{store}-server --save '' --unixsocket /tmp/socket --port 0 >/dev/null & "
        f"for i in 1 2 3 4 5 6 7 8 9; do {store}-cli -s /tmp/socket ping && break; sleep 0.2; done; "
        f"{store}-cli -s /tmp/socket config get tls-port; {store}-sentinel --version",
        entrypoint="sh",
    )  # fmt: skip
    assert "PONG" in said
    assert "tls-port" in said
    assert " server v=" in said
