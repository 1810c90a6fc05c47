"""Each contract is run once per provider, and once per way to sign in there."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from integrations.remote import Window
from tests.contracts.stages import FormStage, OAuthStage, Stage

# name → module and maker; loaded when it is played on, so that a provider that cannot be loaded fails by itself
OAUTH_STAGES = {
    "memory": "memory_stage.memory_stage",
    "google": "google_stage.google_stage",
    "office365": "office365_stage.office365_stage",
}
FORM_STAGES = {
    "memory_form": "memory_stage.memory_form_stage",
    "exchange": "exchange_stage.exchange_stage",
    "office365_password": "office365_password_stage.office365_password_stage",
}
STAGES = OAUTH_STAGES | FORM_STAGES


def make_stage(name: str) -> AbstractContextManager[Any]:
    module, _, maker = STAGES[name].partition(".")
    stage: AbstractContextManager[Any] = getattr(import_module(f"tests.contracts.{module}"), maker)()
    return stage


def set_up(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A fresh provider with a person who has nothing yet; pages are small, so that paging is part of every case."""
    with make_stage(name) as stage:
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
