"""The contract of signing in, whatever the way: who it is, what was consented to, and when it has ended."""

import pytest

from integrations.errors import ReconnectNeeded
from integrations.permissions import ALL, Permission, with_reads
from integrations.providers.base import FormProvider, OAuthProvider
from integrations.remote import Window
from tests.contracts.stages import PERSON, Stage, open_account

EVERY_REQUEST = [frozenset({one}) for one in Permission] + [
    ALL,
    frozenset({Permission.CALENDAR_READ, Permission.CONTACTS_WRITE}),
]


def names(permissions: frozenset[Permission]) -> set[str]:
    return {one.value for one in permissions}


def test_the_provider_meets_the_protocol_and_says_what_pages_need(stage: Stage) -> None:
    assert isinstance(stage.provider, OAuthProvider if stage.method.kind == "oauth" else FormProvider)
    info = stage.provider.info
    assert stage.method in info.methods
    assert info.name and info.summary and info.calendar_name and info.contacts_name
    assert stage.method.name and (stage.method.kind == "form") is bool(stage.method.fields)
    assert set(stage.method.scopes) in (set(Permission), set())


@pytest.mark.parametrize("asked", EVERY_REQUEST, ids=lambda asked: "+".join(sorted(asked)))
def test_what_is_asked_and_consented_comes_back_with_each_write_bringing_its_read(
    stage: Stage, asked: frozenset[Permission]
) -> None:
    consented = stage.sign_in(with_reads(asked)).consented
    assert consented == names(with_reads(asked) if stage.method.scopes else ALL)


def test_the_account_is_known_by_its_address_and_by_an_id_that_stays(stage: Stage) -> None:
    first, second = stage.sign_in(), stage.sign_in()
    assert first.mailbox == second.mailbox == PERSON
    assert first.account_id == second.account_id != ""


def test_credentials_are_not_shown_by_repr(stage: Stage) -> None:
    signed_in = stage.sign_in()
    secrets = [value for name, value in signed_in.credentials.items() if name.endswith(("_token", "password"))]
    assert secrets
    assert not any(str(secret) in repr(signed_in) for secret in secrets)


def test_living_credentials_are_used_as_they_are(stage: Stage, window: Window) -> None:
    signed_in = stage.sign_in()
    with open_account(stage, signed_in.credentials) as account:
        list(account.calendar.changes(None, window))
    assert stage.saved == []


def test_a_grant_that_has_ended_needs_a_reconnect(stage: Stage, window: Window) -> None:
    signed_in = stage.sign_in()
    stage.end_grant()
    with pytest.raises(ReconnectNeeded), open_account(stage, signed_in.credentials) as account:
        list(account.calendar.changes(None, window))
    assert stage.saved == []


def test_revoking_may_be_done_twice_and_ends_the_grant_where_the_provider_can(stage: Stage, window: Window) -> None:
    signed_in = stage.sign_in()
    stage.provider.revoke(signed_in.credentials)
    if stage.method.revokes:
        with pytest.raises(ReconnectNeeded), open_account(stage, signed_in.credentials) as account:
            list(account.calendar.changes(None, window))
    stage.provider.revoke(signed_in.credentials)
