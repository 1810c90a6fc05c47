"""The contract of `OAuthProvider`: consent, codes, refresh."""

from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.errors import ConsentDenied, PermissionMissing, ReconnectNeeded
from integrations.permissions import ALL, Permission
from integrations.remote import Window
from tests.contracts.stages import PERSON, REDIRECT_URI, OAuthStage, consent_to, open_account


def names(permissions: frozenset[Permission]) -> set[str]:
    return {one.value for one in permissions}


def test_a_box_that_is_unticked_at_the_provider_is_noticed(oauth_stage: OAuthStage) -> None:
    contacts = frozenset({Permission.CONTACTS_READ, Permission.CONTACTS_WRITE})
    signed_in = consent_to(oauth_stage, ALL, untick=contacts)
    assert signed_in.consented == names(ALL - contacts)


def test_the_state_travels_and_the_secret_half_stays_here(oauth_stage: OAuthStage) -> None:
    asked = oauth_stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="the-state")
    query = parse_qs(urlsplit(asked.url).query)
    assert query["state"] == ["the-state"]
    assert asked.keep["code_verifier"] and str(asked.keep["code_verifier"]) not in asked.url
    assert str(asked.keep["code_verifier"]) not in repr(asked)
    assert oauth_stage.consent(asked.url)["state"] == "the-state"


def test_saying_no_is_told_apart_from_failing(oauth_stage: OAuthStage) -> None:
    asked = oauth_stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="s", login_hint=PERSON)
    answer = oauth_stage.deny(asked.url)
    with pytest.raises(ConsentDenied):
        oauth_stage.provider.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI)


def test_a_code_is_good_once(oauth_stage: OAuthStage) -> None:
    asked = oauth_stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="s", login_hint=PERSON)
    answer = oauth_stage.consent(asked.url)
    assert oauth_stage.provider.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI).mailbox == PERSON
    with pytest.raises(ReconnectNeeded):
        oauth_stage.provider.redeem(answer, keep=asked.keep, redirect_uri=REDIRECT_URI)


def test_a_code_is_worth_nothing_with_another_verifier(oauth_stage: OAuthStage) -> None:
    asked = oauth_stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="s", login_hint=PERSON)
    other = oauth_stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="t")
    assert asked.keep != other.keep
    with pytest.raises(ReconnectNeeded):
        oauth_stage.provider.redeem(oauth_stage.consent(asked.url), keep=other.keep, redirect_uri=REDIRECT_URI)


def test_an_answer_without_a_code_asks_to_start_again(oauth_stage: OAuthStage) -> None:
    asked = oauth_stage.provider.authorize(ALL, redirect_uri=REDIRECT_URI, state="s")
    with pytest.raises(ReconnectNeeded):
        oauth_stage.provider.redeem({"state": "s"}, keep=asked.keep, redirect_uri=REDIRECT_URI)


def test_an_access_token_that_died_early_is_refreshed_once_and_the_new_one_saved(
    oauth_stage: OAuthStage, window: Window
) -> None:
    signed_in = consent_to(oauth_stage)
    oauth_stage.expire_access()
    with open_account(oauth_stage, signed_in.credentials) as account:
        list(account.calendar.changes(None, window))
        list(account.contacts.changes(None))
    (saved,) = oauth_stage.saved
    assert saved["access_token"] != signed_in.credentials["access_token"]
    with open_account(oauth_stage, saved) as account:
        list(account.calendar.changes(None, window))
    assert len(oauth_stage.saved) == 1


def test_an_access_token_near_its_end_is_refreshed_before_it_is_used(oauth_stage: OAuthStage, window: Window) -> None:
    credentials = {**consent_to(oauth_stage).credentials, "expires_at": 0.0}
    with open_account(oauth_stage, credentials) as account:
        list(account.calendar.changes(None, window))
    assert len(oauth_stage.saved) == 1


def test_a_rotated_refresh_token_is_what_is_saved(oauth_stage: OAuthStage, window: Window) -> None:
    signed_in = consent_to(oauth_stage)
    oauth_stage.expire_access()
    with open_account(oauth_stage, signed_in.credentials) as account:
        list(account.calendar.changes(None, window))
    assert oauth_stage.saved[0]["refresh_token"] not in ("", signed_in.credentials["refresh_token"])
    oauth_stage.expire_access()
    with open_account(oauth_stage, oauth_stage.saved[0]) as account:
        list(account.calendar.changes(None, window))
    assert len(oauth_stage.saved) == 2


def test_new_credentials_that_cannot_be_saved_are_not_used(oauth_stage: OAuthStage, window: Window) -> None:
    class NotOurs(Exception):
        pass

    def refuse(_: object) -> None:
        raise NotOurs

    signed_in = consent_to(oauth_stage)
    oauth_stage.expire_access()
    with pytest.raises(NotOurs), oauth_stage.provider.open(signed_in.credentials, save=refuse) as account:
        list(account.calendar.changes(None, window))


def test_what_is_narrowed_asks_for_less_and_keeps_what_is_left(oauth_stage: OAuthStage, window: Window) -> None:
    narrowed = oauth_stage.provider.narrow(
        consent_to(oauth_stage).credentials, frozenset({Permission.CALENDAR_READ, Permission.CALENDAR_WRITE})
    )
    for _ in range(2):  # with a token of its own, and with a refreshed one
        with open_account(oauth_stage, narrowed) as account:
            list(account.calendar.changes(None, window))
            if oauth_stage.narrows:
                with pytest.raises(PermissionMissing):
                    list(account.contacts.changes(None))
        assert oauth_stage.saved, "the token in hand was used, which opens more"
        narrowed = oauth_stage.saved[-1]
        oauth_stage.expire_access()
    assert "contacts" not in " ".join(narrowed.get("scopes", ())).lower()


def test_a_read_that_came_with_its_write_stays_when_the_write_is_given_up(
    oauth_stage: OAuthStage, window: Window
) -> None:
    reads = frozenset({Permission.CALENDAR_READ, Permission.CONTACTS_READ})
    narrowed = oauth_stage.provider.narrow(consent_to(oauth_stage, ALL).credentials, reads)
    with open_account(oauth_stage, narrowed) as account:
        list(account.calendar.changes(None, window))
        list(account.contacts.changes(None))


def test_who_narrows_and_signs_in_again_has_everything_they_tick(oauth_stage: OAuthStage, window: Window) -> None:
    oauth_stage.provider.narrow(consent_to(oauth_stage).credentials, frozenset({Permission.CALENDAR_READ}))
    with open_account(oauth_stage, consent_to(oauth_stage, ALL).credentials) as account:
        list(account.calendar.changes(None, window))
        list(account.contacts.changes(None))
