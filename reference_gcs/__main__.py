"""``python -m reference_gcs``: a drop-in for the ``gcs_server`` binary."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from reference_gcs.core.config import Config, settle
from reference_gcs.memory_store import MemoryStore
from reference_gcs.options import HELP, BadOption, Options, installed_version, parse, token
from reference_gcs.redis_place import RedisPlace, StoreRefused
from reference_gcs.shell import Shell, leave, log
from reference_gcs.store import RedisStore, Store

PORT_TRIES, PORT_PAUSE = 20, 0.05  # a second in all


def main() -> None:
    _answer_questions(sys.argv[1:])
    try:
        options = parse(sys.argv[1:])
        if options.mutant:
            _spoil(options.mutant)
        config = settle(options.config, os.environ, token(os.environ))
    except (BadOption, ValueError) as problem:
        leave(1, str(problem))
    _redirect(options)
    asyncio.run(serve(options, config))


def _answer_questions(words: Sequence[str]) -> None:
    """Print the help or the version, and exit 0, where that is what was asked for."""
    if {"--help", "-h"} & {*words}:
        print(HELP, end="")
    elif "--version" in words:
        print(f"reference_gcs {installed_version()}")
    else:
        return
    raise SystemExit(0)


def _spoil(name: str) -> None:
    """Become the mutant ``name``. ValueError for a name that none has."""
    from reference_gcs.mutants.catalogue import named  # not above: a sound GCS never loads them

    mutant = named(name)
    mutant.plant()
    log(f"this is a mutant, {name}: {mutant.sentence}")


def _redirect(options: Options) -> None:
    for path, stream in ((options.stdout_filepath, sys.stdout), (options.stderr_filepath, sys.stderr)):
        if path:
            with Path(path).open("ab") as file:
                os.dup2(file.fileno(), stream.fileno())


async def serve(options: Options, config: Config) -> NoReturn:
    """Run until SIGTERM (or SIGINT), and end the process."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    shell = Shell(config, options.node_ip_address, options.gcs_server_port)
    shell.store = _store(options, config, shell)
    starting = loop.create_task(_start(shell, options))
    starting.add_done_callback(_leave_if_failed)
    await stop.wait()
    starting.cancel()
    await shell.server.close()
    sys.stderr.flush()
    # Nothing is left to save. asyncio would cancel calls that gRPC still winds up, which it then tells of in
    # tracebacks, and waiting for its threads would only take time.
    os._exit(0)


async def _start(shell: Shell, options: Options) -> None:
    await _port_is_free(options)
    try:
        await shell.store.start()
    except StoreRefused as problem:
        leave(1, str(problem))
    shell.boot()
    port = await shell.opened
    if options.session_dir and not options.gcs_server_port:
        write_port_file(options, port)
    log(f"serving on {options.node_ip_address}:{port}")


def _leave_if_failed(starting: asyncio.Task[None]) -> None:
    """A GCS that neither serves nor ends is the one thing that nobody outside can restart."""
    if not starting.cancelled() and (problem := starting.exception()) is not None:
        leave(1, f"could not start: {problem!r}")


async def _port_is_free(options: Options) -> None:
    """A GCS that could not serve must not claim the namespace from one that does.

    A killed predecessor's socket may take a moment to go.
    """
    for left in reversed(range(PORT_TRIES)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((options.node_ip_address, options.gcs_server_port))
                return
            except OSError as problem:
                if not left:
                    where = f"{options.node_ip_address}:{options.gcs_server_port}"
                    leave(1, f"could not bind {where}: {problem}")
        await asyncio.sleep(PORT_PAUSE)


def write_port_file(options: Options, port: int) -> None:
    """With --gcs_server_port 0 the launcher reads the port from a file in the session directory."""
    file = Path(options.session_dir) / f"gcs_server_port_{options.node_id}"
    file.write_text(str(port))


def _store(options: Options, config: Config, shell: Shell) -> Store:
    if not options.redis_address:
        return MemoryStore(shell.store_answered)
    place = RedisPlace(
        options.redis_address,
        options.redis_port,
        options.redis_username,
        options.redis_password,
        _tls() if options.redis_enable_ssl else None,
        config.get("external_storage_namespace"),
        config.seconds("gauntlet_redis_hang_timeout_ms"),
        os.environ.get("RAY_REDIS_SERVER_NAME", ""),
    )
    return RedisStore(place, config, shell.store_answered, lambda why: leave(1, why))


def _tls() -> ssl.SSLContext:
    """Ray's environment variables for a Redis behind TLS."""
    context = ssl.create_default_context(
        cafile=os.environ.get("RAY_REDIS_CA_CERT"), capath=os.environ.get("RAY_REDIS_CA_PATH")
    )
    certificate, key = os.environ.get("RAY_REDIS_CLIENT_CERT"), os.environ.get("RAY_REDIS_CLIENT_KEY")
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


if __name__ == "__main__":
    main()
