"""Gauntlet as a pytest plugin: ``pytest_plugins = ["harness.plugin"]`` or ``-p harness.plugin``.

Light to import: targets, stores and gRPC come in only when a scenario needs them.
"""

from harness.process.grpc_log import errors_only

errors_only()

pytest_plugins = [
    "harness.plugin.options",
    "harness.plugin.selection",
    "harness.plugin.evidence",
    "harness.plugin.verdicts",
    "harness.plugin.summary",
    "harness.plugin.fixtures",
    "harness.crashpoint.plugin",
    "harness.fuzz.plugin",
]
