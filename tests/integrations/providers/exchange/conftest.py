"""A pretend Exchange with Alice in it, and the provider pointed at it."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.providers.exchange import Exchange
from integrations.providers.exchange.ews import EwsAccount
from integrations.remote import Credentials, Window
from sandbox.server import Sandbox, running
from tests.contracts.exchange_stage import ExchangeStage, make_exchange
from tests.contracts.stages import PASSWORD, PERSON


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def stage(sandbox: Sandbox) -> ExchangeStage:
    """Alice's mailbox, as she herself would use it."""
    return ExchangeStage(sandbox)


@pytest.fixture
def exchange(stage: ExchangeStage) -> Exchange:
    return make_exchange(stage.sandbox)


@pytest.fixture
def credentials(stage: ExchangeStage) -> dict[str, Any]:
    return {
        "method": "password",
        "user": "NORTHWIND\\alice",
        "password": PASSWORD,
        "ews_url": stage.exchange.url,
        "version": "2019",
        "auth": "ntlm",
        "mailbox": PERSON,
    }


class Opener:
    """open_with(provider, **changes) -> Alice's account, closed at the end of the test; `saved`: what was saved."""

    def __init__(self, credentials: Credentials, stack: ExitStack) -> None:
        self._credentials = credentials
        self._stack = stack
        self.saved: list[Credentials] = []

    def __call__(self, provider: Exchange, **changes: str) -> EwsAccount:
        opened = provider.open({**self._credentials, **changes}, save=self.saved.append)
        return self._stack.enter_context(opened)


@pytest.fixture
def open_with(credentials: Credentials) -> Iterator[Opener]:
    with ExitStack() as stack:
        yield Opener(credentials, stack)


@pytest.fixture
def account(exchange: Exchange, open_with: Opener) -> EwsAccount:
    return open_with(exchange)


@pytest.fixture
def window() -> Window:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(today - timedelta(days=30), today + timedelta(days=365))
