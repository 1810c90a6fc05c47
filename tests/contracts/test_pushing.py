"""What every provider that tells of changes has to do, and that no other claims to."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from integrations.errors import Gone, PermissionMissing, ProviderError, RateLimited, Rejected, Unreachable
from integrations.permissions import ALL, Permission
from integrations.providers.base import PushingAccount, PushingProvider
from sandbox.server import running
from tests.contracts.conftest import STAGES, make_stage
from tests.contracts.google_stage import GoogleStage
from tests.contracts.office365_stage import Office365Stage
from tests.contracts.stages import open_account
from tests.listening import Heard, Listener, listening

PUSHING: dict[str, Any] = {"google": GoogleStage, "office365": Office365Stage}
SECRET = "what nobody else knows"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture(params=sorted(PUSHING))
def stage(request: pytest.FixtureRequest) -> Iterator[Any]:
    with running(pushes_to_loopback=True) as sandbox:
        yield PUSHING[request.param](sandbox)


@pytest.fixture
def account(stage: Any) -> Iterator[PushingAccount]:
    with opened(stage) as found:
        yield found


@contextmanager
def opened(stage: Any, permissions: Any = ALL) -> Iterator[PushingAccount]:
    with open_account(stage, stage.sign_in(permissions).credentials) as account:
        assert isinstance(account, PushingAccount)
        yield account


def subscribe(account: PushingAccount, listener: Listener, feed: str = "calendar", **changes: str) -> Any:
    told = {"address": listener.url, "secret": SECRET, "key": str(uuid4())} | changes
    return account.subscribe(feed, **told)


def read(stage: Any, heard: Heard) -> Any:
    return stage.provider.parse_notifications(heard.headers, heard.body)


def hear_changes(stage: Any, listener: Listener) -> list[Any]:
    """What is told of changes until the service has nothing more to tell."""
    assert stage.sandbox.deliveries.settle()
    found = [one for heard in listener.heard for one in read(stage, heard)]
    listener.heard.clear()
    return [one for one in found if one.kind == "changed"]


def change(stage: Any, feed: str) -> None:
    if feed == "calendar":
        stage.add_event("Talk", NOON)
    else:
        stage.add_contact("Ann Ash")


@pytest.mark.parametrize("name", sorted(STAGES))
def test_an_account_tells_of_changes_exactly_where_its_way_to_sign_in_says_so(name):
    with make_stage(name) as stage, open_account(stage, stage.sign_in().credentials) as account:
        assert isinstance(account, PushingAccount) == bool(stage.method.pushes)
        assert isinstance(stage.provider, PushingProvider) or not stage.method.pushes


def test_a_change_of_each_feed_is_told_with_the_secret(stage, account, listener):
    for feed in stage.method.pushes:
        made = subscribe(account, listener, feed)
        assert hear_changes(stage, listener) == []
        change(stage, feed)
        told = hear_changes(stage, listener)
        assert {(one.subscription, one.secret, one.resource) for one in told} == {(made.id, SECRET, made.resource)}
        account.unsubscribe(made)


def test_the_secret_stands_in_no_repr(stage, account, listener):
    subscribe(account, listener)
    change(stage, "calendar")
    told = hear_changes(stage, listener)
    assert told
    assert SECRET not in repr(told)


def test_the_end_is_told_and_lies_within_a_week(stage, account, listener):
    made = subscribe(account, listener)
    assert timedelta(days=6) < made.expires_at - datetime.now(UTC) <= timedelta(days=7)


def test_numbers_grow_where_there_are_any(stage, account, listener):
    subscribe(account, listener)
    numbers = []
    for _ in range(3):
        change(stage, "calendar")
        numbers += [one.number for one in hear_changes(stage, listener)]
    assert all(one == 0 for one in numbers) or numbers == sorted(set(numbers))


def test_what_is_renewed_lasts_longer_and_tells_once(stage, account, listener):
    made = subscribe(account, listener)
    stage.sandbox.clock.advance(timedelta(days=3))
    key = str(uuid4())
    longer = account.renew(made, "calendar", address=listener.url, secret="another secret", key=key)
    assert longer.id == made.id or longer.id == key
    assert longer.expires_at > made.expires_at - timedelta(days=3)
    hear_changes(stage, listener)
    change(stage, "calendar")
    told = hear_changes(stage, listener)
    assert [one.subscription for one in told] == [longer.id]
    assert told[0].secret == (SECRET if longer.id == made.id else "another secret")


def test_what_has_ended_is_gone_when_it_is_renewed_or_made_anew(stage, account, listener):
    made = subscribe(account, listener)
    stage.sandbox.clock.advance(timedelta(days=8))
    try:
        again = account.renew(made, "calendar", address=listener.url, secret=SECRET, key=str(uuid4()))
    except Gone:
        return
    except ProviderError as error:
        # By the sandbox's clock our own "in seven days" is over already.
        pytest.fail(f"{error!r}")
    assert again.id != made.id


def test_what_is_ended_tells_nothing_more_and_can_be_ended_again(stage, account, listener):
    made = subscribe(account, listener)
    change(stage, "calendar")
    assert hear_changes(stage, listener)
    account.unsubscribe(made)
    change(stage, "calendar")
    assert hear_changes(stage, listener) == []
    account.unsubscribe(made)


def test_another_may_be_made_after_the_answer_about_the_first_was_lost(stage, account, listener):
    """As when a worker is killed: nobody knows what was made, and nothing may stand in the way."""
    subscribe(account, listener, secret="lost")
    made = subscribe(account, listener)
    hear_changes(stage, listener)
    change(stage, "calendar")
    assert made.id in {one.subscription for one in hear_changes(stage, listener) if one.secret == SECRET}


def test_an_address_that_is_not_https_is_rejected(stage, listener):
    stage.sandbox.deliveries.takes_loopback = False
    with opened(stage) as account, pytest.raises(Rejected):
        subscribe(account, listener)


def test_what_is_told_of_no_feed_is_rejected(stage, account, listener):
    for feed in {"calendar", "contacts", "tasks"} - set(stage.method.pushes):
        with pytest.raises(Rejected):
            subscribe(account, listener, feed)


def test_nothing_is_told_of_what_may_not_be_read(stage, listener):
    with opened(stage, frozenset({Permission.CONTACTS_READ})) as account, pytest.raises(PermissionMissing):
        subscribe(account, listener)


@pytest.mark.parametrize(("fault", "error"), [("429", RateLimited), ("503", Unreachable), ("cut-off", Unreachable)])
def test_trouble_is_one_of_the_family(stage, account, listener, fault, error):
    path = "/google/calendar/*/watch" if isinstance(stage, GoogleStage) else "/graph/*/subscriptions"
    stage.sandbox.faults.add(fault, path, method="POST")
    with pytest.raises(error):
        subscribe(account, listener)
    assert subscribe(account, listener).id


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"7", b'{"value": 7}', b'{"value": [7, {}, null]}', b"\xff" * 99])
def test_junk_says_nothing(stage, junk):
    for headers in ({}, {"X-Goog-Channel-ID": "x"}, {"X-Goog-Channel-ID": "x", "X-Goog-Message-Number": "²"}):
        assert stage.provider.parse_notifications(headers, junk) == ()


def test_a_handshake_is_recognised_and_kept_short(stage):
    assert stage.provider.read_handshake({}) == ""
    word = stage.provider.read_handshake({"validationToken": "a <b> & c"})
    assert word in ("", "a <b> & c")
    assert stage.provider.read_handshake({"validationToken": "x" * 100_000}) == ""
