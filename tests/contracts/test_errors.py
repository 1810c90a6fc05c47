"""The contract about trouble: which of our errors it becomes, and that nothing secret is in it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from integrations.errors import ProviderError, RateLimited, Unreachable
from integrations.providers.base import Account
from integrations.remote import Window
from tests.contracts.stages import Stage, open_account

Reader = Callable[[Account, Window], list[object]]
READERS: dict[str, Reader] = {
    "calendar": lambda account, window: list(account.calendar.changes(None, window)),
    "contacts": lambda account, window: list(account.contacts.changes(None)),
}
TROUBLES = {"slow down": RateLimited, "broken": Unreachable, "cut off": Unreachable}


@pytest.mark.parametrize("kind", TROUBLES)
@pytest.mark.parametrize("reader", READERS)
def test_trouble_becomes_one_of_our_errors_and_the_next_try_goes_well(
    stage: Stage, window: Window, kind: str, reader: str
) -> None:
    credentials = stage.sign_in().credentials
    stage.fail(kind)
    with open_account(stage, credentials) as account:
        with pytest.raises(ProviderError) as caught:
            READERS[reader](account, window)
        assert type(caught.value) is TROUBLES[kind]
        assert READERS[reader](account, window)
    assert caught.value.sentence
    secrets = [str(value) for name, value in credentials.items() if name.endswith(("_token", "password"))]
    assert not any(secret in f"{caught.value} {caught.value.detail}" for secret in secrets)


def test_being_asked_to_slow_down_says_for_how_long(stage: Stage, window: Window) -> None:
    credentials = stage.sign_in().credentials
    stage.fail("slow down")
    with open_account(stage, credentials) as account, pytest.raises(RateLimited) as caught:
        list(account.calendar.changes(None, window))
    assert caught.value.retry_after == timedelta(seconds=30)


def test_trouble_half_way_ends_the_listing_without_a_cursor(stage: Stage, window: Window) -> None:
    stage.add_many_events(3 * stage.page_size, window.starts + timedelta(days=1))
    credentials = stage.sign_in().credentials
    stage.fail("broken", after=1)
    with open_account(stage, credentials) as account:
        pages = account.calendar.changes(None, window)
        first = next(pages)
        assert 0 < len(first.changed) <= stage.page_size
        assert (first.cursor, first.complete) == (None, False)
        with pytest.raises(Unreachable):
            next(pages)


def test_no_request_is_started_after_the_deadline(stage: Stage, window: Window) -> None:
    credentials = stage.sign_in().credentials
    past, future = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (-1, 1))
    with open_account(stage, credentials, past) as account, pytest.raises(Unreachable):
        list(account.calendar.changes(None, window))
    with open_account(stage, credentials, future) as account:
        assert list(account.calendar.changes(None, window))
