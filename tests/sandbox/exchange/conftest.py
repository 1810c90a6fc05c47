from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.exchange.stage import Soap, Stage, running_exchange


@pytest.fixture
def exchange() -> Iterator[Stage]:
    """An Exchange 2019 on loopback with Alice and Ben of North."""
    with running_exchange() as started:
        yield started


@pytest.fixture
def soap(exchange: Stage) -> Iterator[Soap]:
    """Alice's SOAP client, by Basic over https."""
    client = Soap(exchange)
    yield client
    client.close()
