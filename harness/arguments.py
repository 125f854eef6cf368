"""Options that several commands of ``gauntlet`` take, and what a value of them must be."""

from __future__ import annotations

import math
from typing import Annotated

import typer

Gcs = Annotated[
    str | None,
    typer.Option("--gcs", metavar="SPEC", help="The GCS to judge: reference, ray==2.60.0, 'cmd:./my_gcs --port {port}', image:my/gcs:tag."),
]  # fmt: skip
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="SPEC",
        help="Its store: redis (and variants like redis+aof), memory, rocksdb, redis://host:port.",
    ),
]
Backend = Annotated[
    str | None,
    typer.Option(
        "--backend", metavar="NAME", help="What runs it all: loopback (processes) or docker (containers)."
    ),
]
RedisImage = Annotated[
    str | None, typer.Option("--redis-image", metavar="IMAGE", help="On docker: the store's image.")
]
RayletImage = Annotated[
    str | None, typer.Option("--raylet-image", metavar="IMAGE", help="On docker: the image of raylets and proxies.")
]  # fmt: skip
Keyword = Annotated[str | None, typer.Option("-k", metavar="EXPR", help="Only scenarios whose name matches, as pytest's -k.")]  # fmt: skip
Marked = Annotated[str | None, typer.Option("-m", metavar="EXPR", help="Only scenarios so marked, as pytest's -m.")]  # fmt: skip
Long = Annotated[bool, typer.Option("--long", help="The scenarios marked long, too.")]
Paths = Annotated[list[str] | None, typer.Argument(help="Scenario files or ids below scenarios/; default: all.")]  # fmt: skip


def minutes(value: float) -> float:
    """BadParameter unless ``value`` is a time to wait for: ``nan`` and negative ones are none."""
    if math.isnan(value) or value < 0:
        raise typer.BadParameter(f"{value} is no number of minutes; wanted 0 or more")
    return value


def workers(value: str | None) -> str | None:
    """BadParameter unless ``value`` is a number of workers that pytest-xdist knows."""
    if value is not None and not value.isdigit() and value not in ("auto", "logical"):
        raise typer.BadParameter(f"{value} is no number of workers; wanted 0 or more, or auto")
    return value
