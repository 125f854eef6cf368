"""gcs_server's flags, in all the spellings that Ray's launchers use."""

from __future__ import annotations

import base64
import binascii
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

KNOWN = {
    "redis_address", "redis_port", "redis_username", "redis_password", "redis_enable_ssl",
    "gcs_server_port", "node_ip_address", "config_list", "session_name", "session_dir", "log_dir",
    "node_id", "metrics_agent_port", "ray_commit", "stdout_filepath", "stderr_filepath",
    "mutant",
}  # fmt: skip


HELP = f"""usage: python -m reference_gcs --redis_address=HOST[:PORT] [--FLAG=VALUE ...]

A Ray GCS that keeps the documented promises, with the flags of Ray's own gcs_server:
{textwrap.fill(", ".join("--" + name for name in sorted(KNOWN)), 100, initial_indent="  ", subsequent_indent="  ")}

Dashes and underscores within a flag are the same. Flags that are not known have no effect. Without
--redis_address all tables are in memory. --mutant=NAME plants a fault: `gauntlet mutants --list`
names them. Ray's settings come from --config_list (base64 of JSON) and from RAY_* variables.
SIGTERM and SIGINT end it in order.
"""


class BadOption(Exception):
    """A flag that cannot be obeyed; the message is a sentence for the user."""


@dataclass(frozen=True)
class Options:
    """What the command line asked for. No ``redis_address``: tables live in memory only.

    ``mutant``: ours alone, the name of the fault that this GCS shall have; empty: none.
    """

    redis_address: str = ""
    redis_port: int = 6379
    redis_username: str = ""
    redis_password: str = ""
    redis_enable_ssl: bool = False
    gcs_server_port: int = 0
    node_ip_address: str = "127.0.0.1"
    config: str = "{}"
    session_dir: str = ""
    node_id: str = ""
    stdout_filepath: str = ""
    stderr_filepath: str = ""
    mutant: str = ""


def installed_version() -> str:
    """The distribution's version; an image has the sources alone."""
    from importlib.metadata import PackageNotFoundError, version  # not above: every start would pay for it

    try:
        return version("gauntlet")
    except PackageNotFoundError:
        return "of a source tree that is not installed"


def parse(arguments: Iterable[str]) -> Options:
    """Options of ``--x=y`` or ``--x y``, one dash or two, dashes or underscores within.

    Unknown flags are named on stderr and passed over. Raises :class:`BadOption`.
    """
    given = _pairs(list(arguments))
    for name in sorted(set(given) - KNOWN):
        print(f"reference_gcs: --{name} is not known here and has no effect", file=sys.stderr)
    address, _, port = given.get("redis_address", "").rpartition(":")
    if not address:
        address, port = port, ""
    return Options(
        redis_address=address,
        redis_port=_number("redis_port", port or given.get("redis_port", "6379")),
        redis_username=given.get("redis_username", ""),
        redis_password=given.get("redis_password", ""),
        redis_enable_ssl=given.get("redis_enable_ssl", "false").lower() in ("true", "1"),
        gcs_server_port=_number("gcs_server_port", given.get("gcs_server_port", "0")),
        node_ip_address=given.get("node_ip_address", "127.0.0.1"),
        config=_config(given.get("config_list", "")),
        session_dir=given.get("session_dir", ""),
        node_id=given.get("node_id", ""),
        stdout_filepath=given.get("stdout_filepath", ""),
        stderr_filepath=given.get("stderr_filepath", ""),
        mutant=given.get("mutant", ""),
    )


def _pairs(arguments: list[str]) -> dict[str, str]:
    given = {}
    while arguments:
        word = arguments.pop(0)
        if not word.startswith("-"):
            raise BadOption(f"{word!r} is no flag")
        name, has_value, value = word.lstrip("-").partition("=")
        if not has_value:
            follows = bool(arguments) and not arguments[0].startswith("--")
            value = arguments.pop(0) if follows else "true"
        given[name.replace("-", "_")] = value
    return given


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadOption(f"--{name} must be a number, not {text!r}") from None


def _config(text: str) -> str:
    """The config list's JSON text; it comes in base64."""
    try:
        return base64.b64decode(text, validate=True).decode() or "{}"
    except (binascii.Error, UnicodeDecodeError):
        raise BadOption("--config_list is not base64") from None


def token(environment: Mapping[str, str]) -> str | None:
    """The bearer token of token mode, None when the mode is off. Raises :class:`BadOption`."""
    if environment.get("RAY_AUTH_MODE") != "token":
        return None
    found = environment.get("RAY_AUTH_TOKEN", "")
    path = Path(environment.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    if not found and path.is_file():
        found = path.read_text().strip()
    if not found:
        raise BadOption("RAY_AUTH_MODE=token, but there is no token in RAY_AUTH_TOKEN or a token file")
    return found
