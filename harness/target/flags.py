"""The flags and the environment of Ray's own ``gcs_server``, which every target understands.

Flag names: ``gcs_server --help`` of 2.40.0, 2.49.2, 2.55.1 and 2.60.0.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from harness.errors import EnvironmentProblem
from harness.process.grpc_log import users_words
from harness.store.base import TLS_NAME
from harness.target.base import Launch

NEWEST_FLAGS = frozenset(
    {
        "config_list",
        "gcs_server_port",
        "log_dir",
        "node_id",
        "node_ip_address",
        "redis_address",
        "redis_enable_ssl",
        "redis_password",
        "redis_port",
        "redis_username",
        "session_dir",
        "session_name",
    }
)
"""Those of 2.60.0 that we use."""

# What cannot be left out in silence: without a user the GCS would log in as somebody else.
_NEEDED = {
    "redis_username": "a Redis user name",
    "redis_password": "a Redis password",
    "redis_enable_ssl": "TLS",
}


def facts(launch: Launch) -> dict[str, str]:
    """The flags of this launch, name -> value; those of Redis only with a Redis store."""
    store = launch.store
    stated = {
        "log_dir": str(log_directory(launch)),
        "config_list": config_list(launch),
        "gcs_server_port": str(launch.port),
        "node_ip_address": launch.address,
        "session_name": launch.session_name,
        "session_dir": str(session_directory(launch)),
        "node_id": node_id(launch),
    }
    if store.kind == "redis":
        stated |= {"redis_address": store.host, "redis_port": str(store.port)}
        if store.username:
            stated["redis_username"] = store.username
        if store.password:
            stated["redis_password"] = store.password
        if store.tls is not None:
            stated["redis_enable_ssl"] = "true"
    return stated


def gcs_server_flags(name: str, launch: Launch, known: frozenset[str] = NEWEST_FLAGS) -> list[str]:
    """``--flag=value`` for all facts whose flag is in ``known``.

    EnvironmentProblem when target ``name`` has no flag for something that may not be left out.
    """
    stated = facts(launch)
    for flag, what in _NEEDED.items():
        if flag in stated and flag not in known:
            raise EnvironmentProblem(f"{name} cannot use a store with {what}: it has no flag --{flag}")
    return [f"--{flag}={value}" for flag, value in stated.items() if flag in known]


def ray_environment(launch: Launch) -> dict[str, str]:
    """What a GCS learns from its environment: namespace, store, no authentication; then ``launch.env``."""
    env = {
        # 2.60 switches token mode on by itself where a token file exists.
        "RAY_AUTH_MODE": "disabled",
        "RAY_external_storage_namespace": launch.namespace,
    }
    if launch.store.kind == "rocksdb":
        env |= {"RAY_gcs_storage": "rocksdb", "RAY_gcs_storage_path": str(launch.store.path)}
    if (tls := launch.store.tls) is not None:
        env |= {
            "RAY_REDIS_CA_CERT": str(tls.ca),
            "RAY_REDIS_CLIENT_CERT": str(tls.certificate),
            "RAY_REDIS_CLIENT_KEY": str(tls.key),
            "RAY_REDIS_SERVER_NAME": TLS_NAME,
        }
    return {**env, **launch.env}


def clean_environment(launch: Launch) -> dict[str, str]:
    """PATH and a home of its own, so that no setting of the user's leaks in."""
    home = launch.directory / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home)}


def users_environment() -> dict[str, str]:
    """The user's environment, which a program of theirs may need, without Ray's settings and ours."""
    return {
        name: value for name, value in users_words().items() if not name.startswith(("RAY_", "GAUNTLET_"))
    }


def config_list(launch: Launch) -> str:
    """Ray's system config as its start scripts pass it: JSON, then base64."""
    return base64.b64encode(json.dumps(dict(launch.config)).encode()).decode()


def node_id(launch: Launch) -> str:
    """The 28-byte id, in hex, of the node where the GCS runs: the same after a restart."""
    return hashlib.sha256(launch.session_name.encode()).digest()[:28].hex()


def session_directory(launch: Launch) -> Path:
    """Where the GCS may put its port file."""
    return launch.directory / "session"


def log_directory(launch: Launch) -> Path:
    """Where the GCS may put logs beside what it prints."""
    return launch.directory / "session" / "logs"


def make_directories(launch: Launch) -> None:
    """Make what the flags name."""
    log_directory(launch).mkdir(parents=True, exist_ok=True)


def defined(help_text: str) -> frozenset[str]:
    """The flags of ours that a ``--help`` of gcs_server lists."""
    listed = {
        line.strip().split()[0].lstrip("-") for line in help_text.splitlines() if line.strip().startswith("-")
    }
    return NEWEST_FLAGS & listed


def variables(values: Mapping[str, str]) -> dict[str, str]:
    """Facts as environment variables for a program that would rather read those: ``GAUNTLET_PORT=…``."""
    return {f"GAUNTLET_{name.upper()}": value for name, value in values.items()}
