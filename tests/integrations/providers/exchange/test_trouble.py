"""Trouble while reading, each with its error and its sentence; nothing secret in it, in a log, or left in memory."""

import gc
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from integrations.errors import (
    AdminNeeded,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Refused,
    Unexpected,
    Unreachable,
)
from integrations.providers.exchange import WORDS, Exchange, ews
from integrations.providers.exchange.ews import EwsAccount
from integrations.remote import Credentials, Window
from safety import outbound
from sandbox.server import Sandbox
from tests.contracts.exchange_stage import ExchangeStage, make_exchange, make_session_factory
from tests.contracts.stages import PASSWORD, PERSON
from tests.integrations.providers.exchange.conftest import Opener

READERS: dict[str, Any] = {
    "calendar": lambda account, window: list(account.calendar.changes(None, window)),
    "contacts": lambda account, window: list(account.contacts.changes(None)),
}
TROUBLE: list[tuple[str, type[ProviderError], str]] = [
    ("401-locked", ReconnectNeeded, WORDS.locked),
    ("403", AdminNeeded, WORDS.switched_off),
    ("302-elsewhere", Unexpected, WORDS.not_exchange),
    ("302-metadata", Unexpected, WORDS.redirected),
    ("404-html", Unexpected, WORDS.not_exchange),
    ("440", Unexpected, WORDS.not_exchange),
    ("503", RateLimited, WORDS.slow_down),
    ("html-200", Unexpected, WORDS.not_exchange),
    ("busy", RateLimited, WORDS.slow_down),
    ("500-fault", Unreachable, WORDS.unreachable),
    ("password-expired", ReconnectNeeded, WORDS.expired),
    ("account-disabled", AdminNeeded, WORDS.disabled),
    ("impersonation", Unexpected, WORDS.not_understood),
    ("access-denied", AdminNeeded, WORDS.switched_off),
    ("move-in-progress", Unreachable, WORDS.unreachable),
    ("store-unavailable", Unreachable, WORDS.unreachable),
    ("no-mailbox", ReconnectNeeded, WORDS.no_mailbox),
    ("half-xml", Unexpected, WORDS.not_understood),
    ("entity-bomb", Unexpected, WORDS.not_understood),
    ("xxe", Unexpected, WORDS.not_understood),
    ("502-html", Unreachable, WORDS.unreachable),
    ("hang-up", Unreachable, WORDS.unreachable),
    ("cut-off", Unreachable, WORDS.unreachable),
    ("half-json", Unexpected, WORDS.not_understood),
    ("html", Unexpected, WORDS.not_exchange),
    ("empty-body", Unexpected, WORDS.not_understood),
    ("huge", Unexpected, WORDS.not_understood),
    ("gzip-bomb", Unexpected, WORDS.not_understood),
    ("redirect", Unexpected, WORDS.redirected),
]


@pytest.mark.parametrize(("fault", "kind", "sentence"), TROUBLE, ids=[fault for fault, _, _ in TROUBLE])
@pytest.mark.parametrize("reader", READERS)
def test_each_trouble_has_its_error_and_nothing_secret_in_it(
    stage: ExchangeStage,
    open_with: Opener,
    window: Window,
    caplog: pytest.LogCaptureFixture,
    reader: str,
    fault: str,
    kind: type[ProviderError],
    sentence: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    account = open_with(make_exchange(stage.sandbox, max_bytes=200_000))
    stage.sandbox.faults.add(fault, f"{stage.exchange.path}/*", times=None, amount=30)
    began = time.process_time()
    with pytest.raises(kind) as caught:
        READERS[reader](account, window)
    assert time.process_time() - began < 2
    error = caught.value
    assert (error.sentence, issubclass(type(error), kind)) == (sentence, True)
    said = f"{error} {error.detail} {caplog.text}"
    assert not any(
        secret in said for secret in (PASSWORD, "elsewhere.example", "169.254", "NTLM TlRM", "aGEga", "haha")
    )
    if isinstance(error, RateLimited):
        assert error.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize("reader", READERS)
def test_after_trouble_reading_goes_on(stage: ExchangeStage, account: EwsAccount, window: Window, reader: str) -> None:
    for fault in ("hang-up", "cut-off", "busy", "html", "503"):
        stage.sandbox.faults.add(fault, f"{stage.exchange.path}/*")
        with pytest.raises(ProviderError):
            READERS[reader](account, window)
        assert READERS[reader](account, window)


# Passwords


@pytest.mark.parametrize("offers", [("NTLM",), ("Basic",)])
def test_a_refusal_that_was_a_lost_handshake_costs_nothing(
    stage: ExchangeStage, open_with: Opener, exchange: Exchange, window: Window, offers: tuple[str, ...]
) -> None:
    stage.exchange.auth = offers
    account = open_with(exchange, auth=offers[0].lower())
    stage.sandbox.faults.add("401", f"{stage.exchange.path}/*")
    assert READERS["calendar"](account, window)
    assert READERS["contacts"](account, window)


@pytest.mark.parametrize("offers", [("NTLM",), ("Basic",), ("Negotiate", "NTLM", "Basic")])
def test_two_refused_passwords_end_it_and_there_is_never_a_third(
    stage: ExchangeStage, open_with: Opener, exchange: Exchange, window: Window, offers: tuple[str, ...]
) -> None:
    stage.exchange.auth = offers
    account = open_with(exchange, auth="basic" if offers == ("Basic",) else "ntlm")
    stage.end_grant()
    for reader in (*READERS, *READERS):
        with pytest.raises(ReconnectNeeded) as caught:
            READERS[reader](account, window)
        assert caught.value.sentence == WORDS.changed_password
    assert stage.count_refusals() == 2


def test_refusals_of_one_opening_are_counted_together(
    stage: ExchangeStage, open_with: Opener, exchange: Exchange, window: Window
) -> None:
    stage.exchange.auth = ("Basic",)
    account = open_with(exchange, auth="basic")
    stage.sandbox.faults.add("401", f"{stage.exchange.path}/*")
    assert READERS["calendar"](account, window)
    stage.sandbox.faults.add("401", f"{stage.exchange.path}/*")
    with pytest.raises(ReconnectNeeded):
        READERS["contacts"](account, window)


def test_ntlm_signs_in_again_on_a_connection_that_the_server_has_forgotten(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    for _ in range(4):
        assert READERS["calendar"](account, window)
        stage.sandbox.faults.add("401", f"{stage.exchange.path}/*")
    assert READERS["contacts"](account, window)
    assert stage.count_refusals() == 0


def test_a_locked_account_is_not_tried_again(stage: ExchangeStage, account: EwsAccount, window: Window) -> None:
    stage.exchange.lock(PERSON)
    stage.sandbox.log.clear()
    for reader in READERS:
        with pytest.raises(ReconnectNeeded) as caught:
            READERS[reader](account, window)
        assert caught.value.sentence == WORDS.locked
    judged = [entry for entry in stage.sandbox.log.requests("/EWS/*") if not entry.path.endswith("signing-in")]
    assert len(judged) == 1


def test_a_server_that_wants_the_other_kind_of_sign_in_is_followed_once_and_that_is_saved(
    stage: ExchangeStage, exchange: Exchange, credentials: Credentials, window: Window
) -> None:
    saved: list[Credentials] = []
    stage.exchange.auth = ("Basic",)
    with exchange.open({**credentials, "auth": "ntlm"}, save=saved.append) as account:
        assert READERS["calendar"](account, window)
    stage.exchange.auth = ("NTLM",)
    with exchange.open({**credentials, "auth": "basic"}, save=saved.append) as account:
        assert READERS["calendar"](account, window)
    assert [one["auth"] for one in saved] == ["basic", "ntlm"]
    assert [one["password"] for one in saved] == [PASSWORD, PASSWORD]
    assert stage.count_refusals() == 0


def test_a_server_that_takes_passwords_no_more_needs_an_administrator(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    stage.exchange.auth = ("Bearer",)
    with pytest.raises(AdminNeeded) as caught:
        READERS["calendar"](account, window)
    assert caught.value.sentence == WORDS.no_password_sign_in


def test_a_server_that_was_renewed_is_saved_as_what_it_is(
    stage: ExchangeStage, exchange: Exchange, credentials: Credentials, window: Window
) -> None:
    saved: list[Credentials] = []
    for version in ("SE", "2013_SP1"):
        stage.exchange.use_version(version)
        with exchange.open({**credentials, "version": "2016"}, save=saved.append) as account:
            assert READERS["calendar"](account, window)
    assert [one["version"] for one in saved] == ["SE", "2013_SP1"]


@pytest.mark.parametrize("missing", ["user", "password", "ews_url"])
def test_credentials_of_another_form_need_a_reconnect(
    exchange: Exchange, credentials: Credentials, missing: str
) -> None:
    for value in ("", None, 5):
        with pytest.raises(ReconnectNeeded), exchange.open({**credentials, missing: value}, save=lambda _: None):
            raise AssertionError("opened")


# Time and addresses


@pytest.mark.parametrize("fault", ["slow", "trickle"])
def test_an_answer_that_does_not_come_in_time_is_unreachable(
    stage: ExchangeStage, open_with: Opener, window: Window, fault: str
) -> None:
    account = open_with(make_exchange(stage.sandbox, timeout=0.5))
    stage.sandbox.faults.add(fault, f"{stage.exchange.path}/GetFolder", amount=2)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        READERS["calendar"](account, window)
    assert time.monotonic() - began < 1.9


def test_nothing_is_asked_after_the_deadline(
    stage: ExchangeStage, exchange: Exchange, credentials: Credentials, window: Window
) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    stage.sandbox.log.clear()
    with (
        exchange.open(credentials, save=lambda _: None, deadline=past) as account,
        pytest.raises(Unreachable) as caught,
    ):
        READERS["calendar"](account, window)
    assert caught.value.sentence == WORDS.too_long
    assert stage.sandbox.log.requests("/EWS/*") == []


def test_an_address_that_the_guard_forbids_is_refused(stage: ExchangeStage, open_with: Opener, window: Window) -> None:
    careful = Exchange({}, session_factory=lambda: outbound.session(outbound.Policy()))
    stage.sandbox.log.clear()
    with pytest.raises(Refused):
        READERS["calendar"](open_with(careful), window)
    assert stage.sandbox.log.requests("/EWS/*") == []


def test_proxies_netrc_and_authorities_of_the_environment_count_for_nothing(
    stage: ExchangeStage,
    open_with: Opener,
    exchange: Exchange,
    window: Window,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password secret\n")
    netrc.chmod(0o600)
    for name, value in {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
        "NETRC": str(netrc),
        "REQUESTS_CA_BUNDLE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    assert READERS["calendar"](open_with(exchange), window)
    assert stage.exchange.bad_tries(PERSON) == 0


# What is too big, and what is odd, of one item


def test_items_that_are_too_big_together_are_read_in_smaller_batches(
    stage: ExchangeStage, open_with: Opener, window: Window
) -> None:
    for number in range(6):
        remote_id = stage.add_event(f"Event {number}", window.starts + timedelta(days=number + 1))
        body = {"contentType": "html", "content": "x" * 30_000}
        stage.exchange.change_event(PERSON, stage._event_id(remote_id), {"body": body})
    account = open_with(make_exchange(stage.sandbox, max_bytes=70_000))
    events = [event for page in READERS["calendar"](account, window) for event in page.changed]
    assert sorted(event.title for event in events) == [f"Event {number}" for number in range(6)]
    assert {len(event.body) for event in events} == {30_000}


def test_one_item_that_is_too_big_is_read_without_its_body(
    stage: ExchangeStage, open_with: Opener, window: Window
) -> None:
    ids = [stage.add_event(f"Event {number}", window.starts + timedelta(days=number + 1)) for number in range(3)]
    body = {"contentType": "html", "content": "x" * 200_000}
    stage.exchange.change_event(PERSON, stage._event_id(ids[1]), {"body": body})
    account = open_with(make_exchange(stage.sandbox, max_bytes=70_000))
    events = [event for page in READERS["calendar"](account, window) for event in page.changed]
    assert sorted((event.title, event.body) for event in events) == [(f"Event {number}", "") for number in range(3)]


def test_a_request_lets_a_server_farm_find_the_mailbox(
    stage: ExchangeStage, credentials: Credentials, window: Window
) -> None:
    asked: list[str | None] = []
    make = make_session_factory(stage.sandbox)

    def spy() -> requests.Session:
        session = make()
        send = session.send

        def remember(request: requests.PreparedRequest, **how: Any) -> requests.Response:
            asked.append(request.headers.get("X-AnchorMailbox"))
            return send(request, **how)

        session.send = remember
        return session

    with Exchange({}, session_factory=spy).open(credentials, save=lambda _: None) as account:
        READERS["contacts"](account, window)
    assert set(asked) == {PERSON}
    asked.clear()
    with Exchange({}, session_factory=spy).open(
        {**credentials, "mailbox": "jürgen@northwind.example\r\nX: y"}, save=lambda _: None
    ) as account:
        READERS["contacts"](account, window)
    assert set(asked) == {None}


# What stays in memory


def find_holders() -> list[object]:
    """Living objects that hold, or have held, a password."""
    import exchangelib.credentials
    import exchangelib.protocol
    import requests_ntlm

    kinds = (
        exchangelib.credentials.BaseCredentials,
        exchangelib.protocol.BaseProtocol,
        requests_ntlm.HttpNtlmAuth,
        requests.auth.HTTPBasicAuth,
    )
    gc.collect()
    # By type: to ask a lazy object of Django's what it is would have it made.
    return [one for one in gc.get_objects() if issubclass(type(one), kinds)]


def leftovers(others: list[object]) -> list[str]:
    """Those that are not of `others`, whom a test before has left in this process; and what exchangelib keeps."""
    import exchangelib.protocol

    known = {id(one) for one in others}
    found = [type(one).__name__ for one in find_holders() if id(one) not in known]
    return found + [repr(key) for key in exchangelib.protocol.CachingProtocol._protocol_cache]


@pytest.mark.parametrize("offers", [("NTLM",), ("Basic",)])
def test_nothing_with_a_password_is_left_after_an_account_is_closed(
    stage: ExchangeStage, exchange: Exchange, credentials: Credentials, window: Window, offers: tuple[str, ...]
) -> None:
    stage.exchange.auth = offers
    others = find_holders()
    with exchange.open({**credentials, "auth": offers[0].lower()}, save=lambda _: None) as account:
        READERS["calendar"](account, window)
        assert leftovers(others)
    assert leftovers(others) == []
    # Though the account itself is still about.
    with pytest.raises(ReconnectNeeded):
        READERS["calendar"](account, window)
    assert leftovers(others) == []


def test_nothing_with_a_password_is_left_after_signing_in_or_failing_to(
    stage: ExchangeStage, exchange: Exchange
) -> None:
    others = find_holders()
    exchange.log_in(stage.typed(), method="password")
    assert leftovers(others) == []
    with pytest.raises(ReconnectNeeded):
        exchange.log_in(stage.typed(password="not it"), method="password")
    assert leftovers(others) == []
    stage.sandbox.faults.add("hang-up", f"{stage.exchange.path}/GetFolder")
    with pytest.raises(Unreachable):
        exchange.log_in(stage.typed(), method="password")
    assert leftovers(others) == []


def test_connections_are_closed_with_the_account(
    stage: ExchangeStage, exchange: Exchange, credentials: Credentials, window: Window
) -> None:
    before = stage.sandbox.open_connections()
    with exchange.open(credentials, save=lambda _: None) as account:
        READERS["calendar"](account, window)
        assert stage.sandbox.open_connections() == before + 1
    for _ in range(50):
        if stage.sandbox.open_connections() == before:
            break
        time.sleep(0.02)
    assert stage.sandbox.open_connections() == before


def test_one_connection_signs_in_once(stage: ExchangeStage, account: EwsAccount, window: Window) -> None:
    begun = stage.exchange.door.handshakes
    READERS["calendar"](account, window)
    READERS["contacts"](account, window)
    assert stage.exchange.door.handshakes == begun + 1


# Office 365 by the same road


def test_exchange_online_says_that_passwords_and_ews_are_over(sandbox: Sandbox, stage: ExchangeStage) -> None:
    words = ews.EwsWords("Office 365", is_online=True)
    online = sandbox.exchange.online
    online.add_person(PERSON, password=PASSWORD)
    url = online.url

    def sign_in() -> Any:
        return ews.sign_in(PERSON, PASSWORD, url, words=words, session_factory=make_session_factory(sandbox))

    with pytest.raises(AdminNeeded) as caught:
        sign_in()
    assert caught.value.sentence == words.no_password_sign_in
    online.allow(ews=False)
    with pytest.raises(AdminNeeded) as caught:
        sign_in()
    assert caught.value.sentence == words.switched_off
    online.allow()
    signed_in = sign_in()
    assert (signed_in.mailbox, signed_in.credentials["version"]) == (PERSON, "online")
    assert online.bad_tries(PERSON) == 0
