"""A host of proxies that the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.proxy.remote import ProxyHost

HERE, REMOTE = "here", "in another process"


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyHost]:
    with ProxyHost(tmp_path_factory.mktemp("proxies")) as started:
        yield started


@pytest.fixture(params=[HERE, REMOTE])
def elsewhere(request: pytest.FixtureRequest) -> ProxyHost | None:
    """Where proxies are to run; None: in this process."""
    return request.getfixturevalue("host") if request.param == REMOTE else None
