"""Each contract is run once per provider."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from integrations.providers.google import calendar as google_calendar
from integrations.providers.google import contacts as google_contacts
from integrations.remote import Window
from tests.contracts.stages import STAGES, Stage


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A fresh provider with a person who has nothing yet; pages are small, so that paging is part of every case."""
    with STAGES[request.param]() as stage:
        monkeypatch.setattr(google_calendar, "_PAGE_SIZE", stage.page_size)
        monkeypatch.setattr(google_contacts, "_PAGE_SIZE", stage.page_size)
        yield stage


@pytest.fixture
def window() -> Window:
    """A month back, a year ahead, in whole UTC days: as the engine asks."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(today - timedelta(days=30), today + timedelta(days=365))
