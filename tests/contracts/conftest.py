"""Each contract is run once per provider, and once per way to sign in there."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.remote import Window
from tests.contracts.exchange_stage import exchange_stage
from tests.contracts.google_stage import google_stage
from tests.contracts.memory_stage import memory_form_stage, memory_stage
from tests.contracts.office365_password_stage import office365_password_stage
from tests.contracts.office365_stage import office365_stage
from tests.contracts.stages import FormStage, OAuthStage, Stage

Stages = dict[str, Callable[[], AbstractContextManager[Any]]]

OAUTH_STAGES: Stages = {"memory": memory_stage, "google": google_stage, "office365": office365_stage}
FORM_STAGES: Stages = {
    "memory_form": memory_form_stage,
    "exchange": exchange_stage,
    "office365_password": office365_password_stage,
}
STAGES = OAUTH_STAGES | FORM_STAGES


def set_up(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh provider with a person who has nothing yet; pages are small, so that paging is part of every case."""
    with STAGES[name]() as stage:
        for module, size in stage.page_sizes:
            monkeypatch.setattr(module, size, stage.page_size)
        yield stage


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    yield from set_up(request.param, monkeypatch)


@pytest.fixture(params=sorted(OAUTH_STAGES))
def oauth_stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[OAuthStage]:
    yield from set_up(request.param, monkeypatch)


@pytest.fixture(params=sorted(FORM_STAGES))
def form_stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[FormStage]:
    yield from set_up(request.param, monkeypatch)


@pytest.fixture
def window() -> Window:
    """A month back, a year ahead, in whole UTC days: as the engine asks."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Window(today - timedelta(days=30), today + timedelta(days=365))
