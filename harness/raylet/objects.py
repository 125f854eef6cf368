"""Objects of a raylet, pulled by other raylets straight over TCP; the GCS has no part in it.

The protocol of the object manager port: the puller sends ``{"get": <object id>}`` as a JSON line;
the owner answers ``{"size": n, "checksum": <sha256 hex>}`` and then n raw bytes, or
``{"error": "..."}``.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket

from harness.raylet import jsonline
from harness.wire import ids


class NoSuchObject(Exception):
    """The owner does not hold the object, or what came is not what was put."""


class ObjectStore:
    """The objects of one raylet. Its port is bound from the start, served from the first put on."""

    def __init__(self, address: str, port: int = 0) -> None:
        self._objects: dict[bytes, tuple[bytes, str]] = {}
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((address, port))
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None

    def __len__(self) -> int:
        return len(self._objects)

    async def put(self, data: bytes) -> tuple[bytes, str]:
        """Keep ``data``; gives back its id and its sha256 in hex."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=self._socket)
        object_id, checksum = ids.unique_id(), hashlib.sha256(data).hexdigest()
        self._objects[object_id] = (data, checksum)
        return object_id, checksum

    def close(self) -> None:
        """Forget all and close the port."""
        self._objects.clear()
        if self._server is not None:
            self._server.close()
        self._socket.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                held = self._objects.get(jsonline.unpack(line).get("get"))
                if held is None:
                    writer.write(jsonline.pack({"error": "no such object here"}))
                else:
                    writer.write(jsonline.pack({"size": len(held[0]), "checksum": held[1]}))
                    writer.write(held[0])
                await writer.drain()
        except (OSError, ValueError):
            pass  # the puller went away or spoke nonsense; the next one opens its own connection
        finally:
            writer.close()


async def pull(address: str, port: int, object_id: bytes, checksum: str) -> bytes:
    """Fetch an object from its owner. :class:`NoSuchObject`, or OSError if the owner is gone."""
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(jsonline.pack({"get": object_id}))
        line = await reader.readline()
        if not line:
            raise ConnectionError(f"{address}:{port} hung up")
        head = jsonline.unpack(line)
        if "error" in head:
            raise NoSuchObject(f"{address}:{port}: {head['error']}")
        data = await reader.readexactly(head["size"])
    except asyncio.IncompleteReadError as error:
        raise ConnectionError(f"{address}:{port} hung up in mid-object") from error
    finally:
        writer.close()
    found = hashlib.sha256(data).hexdigest()
    if found != checksum or found != head["checksum"]:
        raise NoSuchObject(f"{address}:{port}: checksum {found} instead of {checksum}")
    return data
