"""Signing in by the form: which kind, which version, whose mailbox, and what it costs when it goes wrong."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from integrations.errors import AdminNeeded, ProviderError, ReconnectNeeded, Refused, Unexpected, Unreachable
from integrations.providers.base import FormProvider
from integrations.providers.exchange import WORDS, Exchange
from integrations.providers.exchange.ews import complete_url
from integrations.remote import SignIn
from safety import outbound
from sandbox.server import Sandbox
from tests.contracts.exchange_stage import ExchangeStage, make_exchange
from tests.contracts.stages import PASSWORD, PERSON
from tests.safety.servers import Authority, Names, say, serve


def log_in(stage: ExchangeStage, provider: Exchange | None = None, **changes: str) -> SignIn:
    return (provider or stage.provider).log_in(stage.typed(**changes), method="password")


def refuse(stage: ExchangeStage, kind: type[ProviderError], **changes: str) -> ProviderError:
    """The error that signing in ends with. Nothing of the password is in it."""
    with pytest.raises(kind) as caught:
        log_in(stage, **changes)
    assert type(caught.value) is kind
    password = changes.get("password", PASSWORD)
    assert password not in f"{caught.value} {caught.value.detail}"
    return caught.value


def test_it_meets_the_protocol(stage: ExchangeStage) -> None:
    assert isinstance(stage.provider, FormProvider)
    assert [one.name for one in Exchange.info.methods[0].fields] == ["user", "password", "version", "ews_url"]


@pytest.mark.parametrize(
    ("offers", "kind"),
    [
        (("Negotiate", "NTLM", "Basic"), "ntlm"),
        (("NTLM",), "ntlm"),
        (("Negotiate",), "ntlm"),
        (("Basic",), "basic"),
        (("Bearer", "Basic"), "basic"),
    ],
)
@pytest.mark.parametrize("user", ["NORTHWIND\\alice", PERSON])
def test_one_signs_in_as_the_server_wants_it(
    stage: ExchangeStage, offers: tuple[str, ...], kind: str, user: str
) -> None:
    stage.exchange.auth = offers
    signed_in = log_in(stage, user=user)
    assert signed_in.credentials["auth"] == kind
    assert signed_in.mailbox == PERSON
    assert stage.count_refusals() == 0


@pytest.mark.parametrize("password", ["Frühling 2026", "пароль", "密码:\\", "a:b"])
@pytest.mark.parametrize("offers", [("NTLM",), ("Basic",)])
def test_a_password_is_in_any_script(stage: ExchangeStage, password: str, offers: tuple[str, ...]) -> None:
    stage.exchange.auth = offers
    stage.exchange.set_password(PERSON, password)
    assert log_in(stage, password=password).mailbox == PERSON


def test_ntlm_is_bound_to_the_certificate_where_the_server_insists(stage: ExchangeStage) -> None:
    address = urlsplit(stage.exchange.url)
    pem = ssl.get_server_certificate((str(address.hostname), int(address.port or 0)))
    stage.exchange.protect(load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()))
    assert log_in(stage).mailbox == PERSON
    stage.exchange.protect(b"of another server".ljust(32))
    refuse(stage, ReconnectNeeded)


@pytest.mark.parametrize("offers", [("NTLM",), ("Basic",)])
def test_a_wrong_password_costs_one_failed_sign_in(stage: ExchangeStage, offers: tuple[str, ...]) -> None:
    stage.exchange.auth = offers
    error = refuse(stage, ReconnectNeeded, password="not it")
    assert error.sentence == WORDS.wrong_password
    assert stage.count_refusals() == 1


@pytest.mark.parametrize(("user", "password"), [("", "x"), ("alice", ""), ("  ", "x")])
def test_what_is_not_filled_in_is_not_tried(stage: ExchangeStage, user: str, password: str) -> None:
    with pytest.raises(ReconnectNeeded):
        log_in(stage, user=user, password=password)
    assert stage.count_refusals() == 0


Prepare = Callable[[ExchangeStage], None]
ACCOUNTS: dict[str, tuple[Prepare, type[ProviderError], str]] = {
    "locked": (lambda stage: stage.exchange.lock(PERSON), ReconnectNeeded, WORDS.locked),
    "password expired": (
        lambda stage: stage.sandbox.faults.add("password-expired", f"{stage.exchange.path}/*", times=None) and None,
        ReconnectNeeded,
        WORDS.expired,
    ),
    "disabled": (
        lambda stage: stage.sandbox.faults.add("account-disabled", f"{stage.exchange.path}/*", times=None) and None,
        AdminNeeded,
        WORDS.disabled,
    ),
    "EWS off for the mailbox": (lambda stage: stage.exchange.disable_ews(PERSON), AdminNeeded, WORDS.switched_off),
    "EWS off for everybody": (
        lambda stage: setattr(stage.exchange, "ews_enabled", False),
        AdminNeeded,
        WORDS.switched_off,
    ),
    "moved to the cloud": (lambda stage: stage.exchange.move_to_cloud(PERSON), ReconnectNeeded, WORDS.no_mailbox),
    "OAuth only": (
        lambda stage: setattr(stage.exchange, "auth", ("Bearer",)),
        AdminNeeded,
        WORDS.no_password_sign_in,
    ),
}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_each_trouble_with_an_account_has_its_sentence(stage: ExchangeStage, name: str) -> None:
    prepare, kind, sentence = ACCOUNTS[name]
    prepare(stage)
    assert refuse(stage, kind).sentence == sentence
    assert stage.count_refusals() == 0


ADDRESSES: dict[str, tuple[str, type[ProviderError], str]] = {
    "404-html": ("404", Unexpected, WORDS.not_exchange),
    "html-200": ("a page of HTML", Unexpected, WORDS.not_exchange),
    "440": ("440", Unexpected, WORDS.not_exchange),
    "302-elsewhere": ("302", Unexpected, WORDS.not_exchange),
    "302-metadata": ("302", Unexpected, WORDS.redirected),
    "502-html": ("502", Unreachable, WORDS.unreachable),
    "hang-up": ("ConnectionError", Unreachable, WORDS.unreachable),
    "empty-body": ("0 bytes that are not XML", Unexpected, WORDS.not_understood),
}


@pytest.mark.parametrize("fault", ADDRESSES)
def test_what_is_no_exchange_is_told_before_a_password_goes_there(stage: ExchangeStage, fault: str) -> None:
    detail, kind, sentence = ADDRESSES[fault]
    stage.sandbox.faults.add(fault, f"{stage.exchange.path}/*")
    error = refuse(stage, kind, password="not it")
    assert error.sentence == sentence
    assert error.detail == detail
    assert "elsewhere.example" not in f"{error}" and "169.254" not in f"{error}"
    assert stage.count_refusals() == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.5/EWS/Exchange.asmx",
        "https://169.254.169.254/EWS/Exchange.asmx",
        "https://[::1]/EWS/Exchange.asmx",
        "http://mail.northwind.example/EWS/Exchange.asmx",
        "https://alice:secret@mail.northwind.example/EWS/Exchange.asmx",
        "file:///etc/passwd",
        "https://2130706433/EWS/Exchange.asmx",
    ],
)
def test_an_address_that_may_not_be_talked_to_is_refused(stage: ExchangeStage, url: str) -> None:
    error = refuse(stage, Refused, ews_url=url)
    assert "secret" not in f"{error}"
    assert stage.count_refusals() == 0


def test_basic_is_not_spoken_without_tls(stage: ExchangeStage) -> None:
    stage.exchange.auth = ("Basic",)
    plain = f"{stage.sandbox.url}{stage.exchange.path}"
    assert refuse(stage, Refused, ews_url=plain).sentence == WORDS.unprotected
    assert stage.count_refusals() == 0
    stage.exchange.auth = ("NTLM",)
    assert log_in(stage, ews_url=plain).mailbox == PERSON


def test_a_certificate_of_an_authority_unknown_is_told_to_the_operator(stage: ExchangeStage) -> None:
    distrustful = make_exchange(stage.sandbox, ca_file=None)
    with pytest.raises(Unreachable) as caught:
        log_in(stage, distrustful)
    assert caught.value.sentence == WORDS.not_trusted
    assert caught.value.detail.startswith("certificate: X509 error")
    assert log_in(stage).mailbox == PERSON


def test_a_certificate_for_another_name_is_told_as_such(stage: ExchangeStage, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serve(say, certificate=authority.issue("other.example")) as server:
        url = f"https://localhost:{urlsplit(server.url).port}/EWS/Exchange.asmx"
        policy = outbound.Policy(allow=outbound.parse_allow([urlsplit(url).netloc]), ca_bundle=str(authority.bundle))
        provider = Exchange({}, session_factory=lambda: outbound.session(policy, timeout=5.0))
        with pytest.raises(Unreachable) as caught:
            log_in(stage, provider, ews_url=url)
    assert caught.value.sentence == WORDS.wrong_name


def test_a_name_that_leads_elsewhere_the_second_time_is_not_followed(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch)
    names.set("mail.northwind.example", ["127.0.0.1"], ["169.254.169.254"])
    plain = urlsplit(stage.sandbox.url)
    with pytest.raises(Refused) as caught:
        log_in(stage, ews_url=f"http://mail.northwind.example:{plain.port}{stage.exchange.path}")
    assert len(names.lookups) == 2
    assert "169.254" not in f"{caught.value}"
    assert stage.count_refusals() == 0


# Which version


@pytest.mark.parametrize(
    ("typed", "server", "stored", "note"),
    [
        ("", "2019", "2019", "The server says it is Exchange 2019."),
        ("2019", "2019", "2019", ""),
        ("2010_SP2", "2019", "2019", "The server says it is Exchange 2019, so that is used."),
        ("SE", "2016", "2016", "The server says it is Exchange 2016, so that is used."),
        ("2019", "2010_SP2", "2010_SP2", "The server says it is Exchange 2010 SP2, so that is used."),
        ("", "2010_SP2", "2010_SP2", "The server says it is Exchange 2010 SP2."),
        ("2016", "2013_SP1", "2013_SP1", "The server says it is Exchange 2013 SP1, so that is used."),
        ("2019", "SE", "SE", "The server says it is Exchange Server Subscription Edition, so that is used."),
    ],
)
def test_the_server_s_own_word_wins_over_the_person_s(
    stage: ExchangeStage, typed: str, server: str, stored: str, note: str
) -> None:
    stage.exchange.use_version(server)
    signed_in = log_in(stage, version=typed)
    assert signed_in.credentials["version"] == stored
    assert signed_in.notes == ((note,) if note else ())
    assert stage.count_refusals() == 0


@pytest.mark.parametrize("fault", ["no-version", "garbage-version"])
def test_a_server_that_does_not_say_what_it_is_is_taken_at_the_person_s_word(stage: ExchangeStage, fault: str) -> None:
    stage.sandbox.faults.add(fault, f"{stage.exchange.path}/*", times=None)
    assert log_in(stage, version="2016").credentials["version"] == "2016"


# Which address


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("mail.example.com", "https://mail.example.com/EWS/Exchange.asmx"),
        ("  https://mail.example.com ", "https://mail.example.com/EWS/Exchange.asmx"),
        ("https://mail.example.com/", "https://mail.example.com/EWS/Exchange.asmx"),
        ("https://mail.example.com/owa", "https://mail.example.com/EWS/Exchange.asmx"),
        ("https://mail.example.com/OWA/?bO=1#path=/mail", "https://mail.example.com/EWS/Exchange.asmx"),
        ("https://mail.example.com/owa/auth/logon.aspx?replaceCurrent=1", "https://mail.example.com/EWS/Exchange.asmx"),
        ("https://mail.example.com/ews", "https://mail.example.com/EWS/Exchange.asmx"),
        ("mail.example.com:8443", "https://mail.example.com:8443/EWS/Exchange.asmx"),
        ("https://mail.example.com/EWS/Exchange.asmx", "https://mail.example.com/EWS/Exchange.asmx"),
        ("https://mail.example.com/ews/exchange.asmx", "https://mail.example.com/ews/exchange.asmx"),
        ("https://mail.example.com/other/place", "https://mail.example.com/other/place"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_what_is_copied_from_a_browser_leads_to_the_service(typed: str, completed: str) -> None:
    assert complete_url(typed) == completed


def test_a_completed_address_is_said_and_kept(stage: ExchangeStage) -> None:
    host = stage.exchange.url.removesuffix(stage.exchange.path)
    signed_in = log_in(stage, ews_url=f"{host}/owa/", version="2019")
    assert signed_in.credentials["ews_url"] == stage.exchange.url
    assert signed_in.notes == (f"The address was completed to {stage.exchange.url}.",)


def test_the_operator_s_address_is_used_where_none_is_typed(stage: ExchangeStage, sandbox: Sandbox) -> None:
    provider = Exchange({"ews_url": stage.exchange.url}, session_factory=stage.provider._make_session)
    assert log_in(stage, provider, ews_url="").mailbox == PERSON


# Whose mailbox


def test_a_user_name_that_is_no_address_is_matched_with_the_mailbox_that_opens(stage: ExchangeStage) -> None:
    for other in ("alice.senior@northwind.example", "alicelle@northwind.example"):
        stage.exchange.add_person(other, name="Alice Other", domain="NORTHWIND", user=other.partition("@")[0])
    for user in ("NORTHWIND\\alice", "alice"):
        assert log_in(stage, user=user).mailbox == PERSON


def test_a_principal_name_need_not_be_the_address(stage: ExchangeStage) -> None:
    stage.exchange.add_person(PERSON, password=PASSWORD, user="a.meyer", upn="a.meyer@corp.northwind.example")
    assert log_in(stage, user="a.meyer@corp.northwind.example").mailbox == PERSON
    assert log_in(stage, user="NORTHWIND\\a.meyer").mailbox == PERSON


def test_the_account_is_known_by_its_address_in_any_spelling(stage: ExchangeStage) -> None:
    first, second = log_in(stage), log_in(stage, user=PERSON.upper())
    assert first.account_id == second.account_id == PERSON


def test_where_the_directory_hides_a_person_the_address_typed_is_believed(
    stage: ExchangeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.exchange, "search_people", lambda entry: [])
    assert log_in(stage, user=PERSON).mailbox == PERSON
    with pytest.raises(ReconnectNeeded) as caught:
        log_in(stage, user="NORTHWIND\\alice")
    assert caught.value.sentence == WORDS.who


def test_what_was_typed_is_recalled_but_for_the_password(stage: ExchangeStage) -> None:
    credentials: Any = log_in(stage, version="2016").credentials
    assert stage.provider.recall(credentials) == {
        "user": "NORTHWIND\\alice",
        "version": "2019",
        "ews_url": stage.exchange.url,
    }
    assert stage.provider.recall({**credentials, "version": "online"})["version"] == ""
    assert stage.provider.recall({}) == {"user": "", "version": "", "ews_url": ""}
