"""The contract of `OAuthProvider`: consent, credentials, refresh, revocation."""

from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.errors import ConsentDenied, ReconnectNeeded
from integrations.permissions import ALL, Permission, with_reads
from integrations.providers.base import OAuthProvider
from integrations.remote import Window
from tests.contracts.stages import PERSON, REDIRECT_URI, Stage, open_account, sign_in

EVERY_REQUEST = [frozenset({one}) for one in Permission] + [
    ALL,
    frozenset({Permission.CALENDAR_READ, Permission.CONTACTS_WRITE}),
]


def names(permissions: frozenset[Permission]) -> set[str]:
    return {one.value for one in permissions}


def test_the_provider_meets_the_protocol_and_says_what_pages_need(stage: Stage) -> None:
    assert isinstance(stage.provider, OAuthProvider)
    info = stage.provider.info
    assert info.sign_in == "oauth"
    assert info.name and info.summary and info.calendar_name and info.contacts_name
    assert set(info.scopes) == set(Permission)


@pytest.mark.parametrize("asked", EVERY_REQUEST, ids=lambda asked: "+".join(sorted(asked)))
def test_what_is_asked_and_consented_comes_back_with_each_write_bringing_its_read(
    stage: Stage, asked: frozenset[Permission]
) -> None:
    signed_in = sign_in(stage, with_reads(asked))
    assert signed_in.consented == names(with_reads(asked))


def test_the_account_is_known_by_its_address_and_by_an_id_that_stays(stage: Stage) -> None:
    first, second = sign_in(stage), sign_in(stage)
    assert first.mailbox == second.mailbox == PERSON
    assert first.account_id == second.account_id != ""


def test_a_box_that_is_unticked_at_the_provider_is_noticed(stage: Stage) -> None:
    contacts = frozenset({Permission.CONTACTS_READ, Permission.CONTACTS_WRITE})
    signed_in = sign_in(stage, ALL, untick=contacts)
    assert signed_in.consented == names(ALL - contacts)


def test_the_state_travels_and_the_secret_half_stays_here(stage: Stage) -> None:
    asked = stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="the-state")
    query = parse_qs(urlsplit(asked.url).query)
    assert query["state"] == ["the-state"]
    assert set(asked.keep) == {"code_verifier"}
    assert stage.consent(asked.url)["state"] == "the-state"


def test_saying_no_is_told_apart_from_failing(stage: Stage) -> None:
    asked = stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="s", login_hint=PERSON)
    answer = stage.deny(asked.url)
    with pytest.raises(ConsentDenied):
        stage.provider.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI)


def test_a_code_is_good_once(stage: Stage) -> None:
    asked = stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="s", login_hint=PERSON)
    answer = stage.consent(asked.url)
    assert stage.provider.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI).mailbox == PERSON
    with pytest.raises(ReconnectNeeded):
        stage.provider.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI)


def test_a_code_is_worth_nothing_with_another_verifier(stage: Stage) -> None:
    asked = stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="s", login_hint=PERSON)
    other = stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="t")
    assert asked.keep != other.keep
    with pytest.raises(ReconnectNeeded):
        stage.provider.redeem(stage.consent(asked.url), keep=other.keep, redirect_uri=REDIRECT_URI)


def test_an_answer_without_a_code_asks_to_start_again(stage: Stage) -> None:
    asked = stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="s")
    with pytest.raises(ReconnectNeeded):
        stage.provider.redeem({"state": "s"}, keep=asked.keep, redirect_uri=REDIRECT_URI)


def test_credentials_are_not_shown_by_repr(stage: Stage) -> None:
    asked = stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="s", login_hint=PERSON)
    assert asked.keep["code_verifier"] not in repr(asked)
    signed_in = stage.provider.redeem(stage.consent(asked.url), keep=asked.keep, redirect_uri=REDIRECT_URI)
    secrets = [value for name, value in signed_in.credentials.items() if name.endswith("_token")]
    assert len(secrets) == 2
    assert not any(str(secret) in repr(signed_in) for secret in secrets)


def test_living_credentials_are_used_as_they_are(stage: Stage, window: Window) -> None:
    signed_in = sign_in(stage)
    with open_account(stage, signed_in.credentials) as account:
        list(account.calendar.changes(None, window))
    assert stage.saved == []


def test_an_access_token_that_died_early_is_refreshed_once_and_the_new_one_saved(stage: Stage, window: Window) -> None:
    signed_in = sign_in(stage)
    stage.expire_access()
    with open_account(stage, signed_in.credentials) as account:
        list(account.calendar.changes(None, window))
        list(account.contacts.changes(None))
    (saved,) = stage.saved
    assert saved["access_token"] != signed_in.credentials["access_token"]
    with open_account(stage, saved) as account:
        list(account.calendar.changes(None, window))
    assert len(stage.saved) == 1


def test_an_access_token_near_its_end_is_refreshed_before_it_is_used(stage: Stage, window: Window) -> None:
    credentials = {**sign_in(stage).credentials, "expires_at": 0.0}
    with open_account(stage, credentials) as account:
        list(account.calendar.changes(None, window))
    assert len(stage.saved) == 1


def test_a_rotated_refresh_token_is_what_is_saved(stage: Stage, window: Window) -> None:
    signed_in = sign_in(stage)
    stage.expire_access()
    with open_account(stage, signed_in.credentials) as account:
        list(account.calendar.changes(None, window))
    assert stage.saved[0]["refresh_token"] not in ("", signed_in.credentials["refresh_token"])
    stage.expire_access()
    with open_account(stage, stage.saved[0]) as account:
        list(account.calendar.changes(None, window))
    assert len(stage.saved) == 2


def test_new_credentials_that_cannot_be_saved_are_not_used(stage: Stage, window: Window) -> None:
    class NotOurs(Exception):
        pass

    def refuse(_: object) -> None:
        raise NotOurs

    signed_in = sign_in(stage)
    stage.expire_access()
    with pytest.raises(NotOurs), stage.provider.open(signed_in.credentials, save=refuse) as account:
        list(account.calendar.changes(None, window))


def test_a_grant_taken_back_at_the_provider_needs_a_reconnect(stage: Stage, window: Window) -> None:
    signed_in = sign_in(stage)
    stage.end_grant()
    with pytest.raises(ReconnectNeeded), open_account(stage, signed_in.credentials) as account:
        list(account.calendar.changes(None, window))
    assert stage.saved == []


def test_revoking_ends_the_grant_and_may_be_done_twice(stage: Stage, window: Window) -> None:
    signed_in = sign_in(stage)
    stage.provider.revoke(signed_in.credentials)
    with pytest.raises(ReconnectNeeded), open_account(stage, signed_in.credentials) as account:
        list(account.calendar.changes(None, window))
    stage.provider.revoke(signed_in.credentials)
