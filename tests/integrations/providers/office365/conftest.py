"""A pretend Office 365 with Alice in it, and the provider pointed at it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from integrations.permissions import ALL
from integrations.providers.base import Account
from integrations.providers.office365 import Office365
from integrations.providers.office365.scopes import dump_scopes
from integrations.remote import Credentials, Window
from sandbox.server import Sandbox, running
from tests.contracts.office365_stage import make_office365
from tests.contracts.stages import PERSON


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running() as sandbox:
        sandbox.office365.add_person(PERSON, name="Alice Meyer", timezone="Europe/Berlin", region="DE")
        yield sandbox


@pytest.fixture
def office365(sandbox: Sandbox) -> Office365:
    return make_office365(sandbox)


@pytest.fixture
def credentials(sandbox: Sandbox) -> dict[str, object]:
    """Credentials as after consent to everything, good for an hour."""
    issued = sandbox.office365.tokens.issue(PERSON, dump_scopes(ALL))
    return {
        "method": "oauth",
        "access_token": issued.access,
        "refresh_token": issued.refresh,
        "expires_at": datetime.now(UTC).timestamp() + 3600,
        "scopes": dump_scopes(ALL),
        "tid": "t",
        "oid": "o",
        "mailbox": PERSON,
    }


@pytest.fixture
def open_with(credentials: Credentials) -> Iterator[Callable[[Office365], Account]]:
    """open_with(provider) -> Alice's account, closed at the end of the test."""
    with ExitStack() as stack:
        yield lambda provider: stack.enter_context(provider.open(credentials, save=lambda _: None))


@pytest.fixture
def window() -> Window:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(today - timedelta(days=30), today + timedelta(days=365))
