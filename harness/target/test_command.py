"""Targets by name, and what becomes of a user's command."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from harness.errors import EnvironmentProblem
from harness.store.base import StoreSettings, Tls
from harness.target.base import Launch
from harness.target.command import PLACEHOLDERS
from harness.target.flags import NEWEST_FLAGS, defined, facts, gcs_server_flags, ray_environment
from harness.target.parse import TARGETS, parse_target
from harness.target.ray_wheel import RayRelease

TLS = Tls(Path("/tls/ca"), Path("/tls/cert"), Path("/tls/key"))
REDIS = StoreSettings("redis", "127.0.0.5", 7000, "me", "it's", tls=TLS)


def launch(directory: Path, store: StoreSettings = REDIS) -> Launch:
    return Launch("127.0.0.7", 12345, store, "ns", "session_1", directory, {"a": 1}, {"RAY_x": "y"})


@pytest.mark.parametrize("spec", ["", "ray", "Ray==2.60.0", "imag:x", "reference "])
def test_an_unknown_target_is_one_clear_sentence(spec: str) -> None:
    with pytest.raises(
        EnvironmentProblem, match=f"is no target: expected one of {', '.join(list(TARGETS)[:1])}"
    ):
        parse_target(spec)


@pytest.mark.parametrize(
    ("spec", "said"), [("ray==2.9.3", "older than 2.40.0"), ("ray==", "no version"), ("ray==x", "no version")]
)
def test_a_release_that_is_not_supported_is_one_clear_sentence(spec: str, said: str) -> None:
    with pytest.raises(EnvironmentProblem, match=said):
        parse_target(spec)


def test_stores_by_release() -> None:
    assert "rocksdb" in RayRelease("2.60.0").stores
    assert "rocksdb" not in RayRelease("2.55.1").stores


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("cmd:", "names no program"),
        ("cmd:gcs '", "No closing quotation"),
        ("cmd:gcs {prot}", r"unknown placeholder \{prot\}; allowed are \{port\}"),
        ("cmd[2.9.3]:gcs", "older than 2.40.0"),
        ("cmd[]:gcs", "expected cmd:PROGRAM"),
        ("cmd[2.49.2:gcs", "is no command"),
        ("image:", "names no image"),
        ("image[2.49.2:gcs", "is no image: expected image:NAME:TAG"),
        ("image:gcs {prot}", r"unknown placeholder \{prot\}"),
    ],
)
def test_a_wrong_command_is_one_clear_sentence(spec: str, said: str) -> None:
    with pytest.raises(EnvironmentProblem, match=said):
        parse_target(spec)


def test_a_program_that_is_not_there_is_one_clear_sentence() -> None:
    with pytest.raises(EnvironmentProblem, match="is no program that can be run"):
        parse_target("cmd:./no-such-gcs").prepare()
    parse_target("cmd:sh -c true").prepare()


def test_placeholders_are_filled_without_a_shell(tmp_path: Path) -> None:
    target = parse_target(
        "cmd:gcs --at={address}:{port} '--redis {redis_host};{redis_password}' '{\"json\": 1}' {}"
    )
    command = target.command(launch(tmp_path))
    assert list(command.argv) == [
        "gcs",
        "--at=127.0.0.7:12345",
        "--redis 127.0.0.5;it's",
        '{"json": 1}',
        "{}",
    ]
    assert command.env["GAUNTLET_PORT"] == "12345"
    assert command.env["RAY_external_storage_namespace"] == "ns"
    assert command.env["RAY_x"] == "y"


def test_every_placeholder_has_help_and_a_value(tmp_path: Path) -> None:
    for name, (help_line, value) in PLACEHOLDERS.items():
        assert help_line
        assert value(launch(tmp_path)) or name == "store_path", name


def test_a_bare_command_is_given_the_flags_of_gcs_server(tmp_path: Path) -> None:
    argv = parse_target("cmd[2.49.2]:gcs -v").command(launch(tmp_path)).argv
    assert argv[:2] == ["gcs", "-v"]
    assert {word.split("=")[0].removeprefix("--") for word in argv[2:]} == NEWEST_FLAGS
    config = next(word.partition("=")[2] for word in argv if word.startswith("--config_list="))
    assert json.loads(base64.b64decode(config)) == {"a": 1}


def test_the_dialect_of_a_command() -> None:
    assert str(parse_target("cmd[2.49.2]:gcs").dialect.release) == "2.49.2"
    assert str(parse_target("cmd:gcs").dialect.release) == "2.60.0"


def test_flags_that_a_release_lacks_are_left_out_unless_needed(tmp_path: Path) -> None:
    known = defined(
        "  Flags from x:\n    -gcs_server_port (The port) type: int32\n    -redis_address (…)\n    -other (…)"
    )
    assert known == {"gcs_server_port", "redis_address"}
    plain = launch(tmp_path, StoreSettings("redis", "127.0.0.5", 7000))
    assert gcs_server_flags("old", plain, known) == ["--gcs_server_port=12345", "--redis_address=127.0.0.5"]
    with pytest.raises(EnvironmentProblem, match="old cannot use a store with a Redis user name"):
        gcs_server_flags("old", launch(tmp_path), known)


def test_rocksdb_and_memory_in_flags_and_environment(tmp_path: Path) -> None:
    memory = launch(tmp_path, StoreSettings("memory"))
    assert not [word for word in gcs_server_flags("new", memory) if "redis" in word]
    rocksdb = launch(tmp_path, StoreSettings("rocksdb", path=tmp_path / "db"))
    assert ray_environment(rocksdb)["RAY_gcs_storage_path"] == str(tmp_path / "db")
    assert "RAY_gcs_storage" not in ray_environment(memory)


def test_a_store_behind_tls_is_never_reached_without(tmp_path: Path) -> None:
    assert "--redis_enable_ssl=true" in gcs_server_flags("new", launch(tmp_path))
    assert ray_environment(launch(tmp_path))["RAY_REDIS_CA_CERT"] == str(TLS.ca)
    plain = launch(tmp_path, StoreSettings("redis", "127.0.0.5", 7000))
    assert not [name for name in (*facts(plain), *ray_environment(plain)) if "ssl" in name or "CERT" in name]
    with pytest.raises(EnvironmentProblem, match="old cannot use a store with TLS"):
        gcs_server_flags("old", launch(tmp_path), NEWEST_FLAGS - {"redis_enable_ssl"})
