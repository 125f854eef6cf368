"""For tests that need an engine: whether there is one, and an image that needs no registry."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import NoReturn

import pytest

from harness.container.engine import engine, reachable

_APPLETS = "sh cat cp echo false kill ls mkdir nc nslookup ps rm sleep tail true yes".split()  # noqa: SIM905
_INTERPRETER = b"/ld-"  # the loader that a program with shared libraries names


def need_engine() -> None:
    """Skip the test when no engine answers; fail it when the environment says GAUNTLET_NEED_DOCKER=1."""
    why_not = reachable()
    if why_not is not None:
        lacking(why_not)


def lacking(what: str) -> NoReturn:
    """This machine does not have what the test needs."""
    if os.environ.get("GAUNTLET_NEED_DOCKER") == "1":
        pytest.fail(f"GAUNTLET_NEED_DOCKER=1, but {what}")
    pytest.skip(what)


def tiny_image() -> str:
    """An image of nothing but a static busybox of this machine; its name. Made when it is not there."""
    found = shutil.which("busybox")
    program = Path(found).read_bytes() if found else b""
    if not program or _INTERPRETER in program[:4096]:
        lacking("no static busybox is installed (Debian: busybox-static)")
    tag = hashlib.sha256(program + " ".join(_APPLETS).encode()).hexdigest()[:12]
    name = f"gauntlet/tiny:{tag}"
    api = engine().client.api
    if not api.images(name):
        api.import_image_from_data(_file_system(program), repository="gauntlet/tiny", tag=tag)
    return name


def _file_system(program: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        busybox = tarfile.TarInfo("bin/busybox")
        busybox.size, busybox.mode = len(program), 0o755
        tar.addfile(busybox, io.BytesIO(program))
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name in ("tmp", "data"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(directory)
    return packed.getvalue()
