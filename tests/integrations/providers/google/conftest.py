"""A pretend Google with Alice in it, and the provider pointed at it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from integrations.permissions import ALL
from integrations.providers.google import Google, GoogleAccount
from integrations.providers.google.scopes import dump_scopes
from integrations.remote import Credentials, Window
from sandbox.server import Sandbox, running
from tests.contracts.google_stage import make_google
from tests.contracts.stages import PERSON


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running() as sandbox:
        sandbox.google.add_person(PERSON, name="Alice Meyer", timezone="Europe/Berlin", region="DE")
        yield sandbox


@pytest.fixture
def google(sandbox: Sandbox) -> Google:
    return make_google(sandbox)


@pytest.fixture
def credentials(sandbox: Sandbox) -> dict[str, object]:
    """Credentials as after consent to everything, good for an hour."""
    issued = sandbox.google.tokens.issue(PERSON, dump_scopes(ALL))
    expires_at = datetime.now(UTC).timestamp() + 3600
    return {"access_token": issued.access, "refresh_token": issued.refresh, "expires_at": expires_at}


@pytest.fixture
def open_with(credentials: Credentials) -> Iterator[Callable[[Google], GoogleAccount]]:
    """open_with(provider) -> Alice's account, closed at the end of the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda provider: stack.enter_context(provider.open(credentials, save=lambda _: None))


@pytest.fixture
def window() -> Window:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(today - timedelta(days=30), today + timedelta(days=365))
