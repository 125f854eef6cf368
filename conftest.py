"""All of it is in harness/plugin/; pytester is for its tests."""

pytest_plugins = ["harness.plugin", "pytester"]
