"""What a server says of itself, and how one may sign in there.

Builds: https://learn.microsoft.com/en-us/exchange/new-features/build-numbers-and-release-dates
"""

import pytest
from lxml import etree

from integrations.errors import AdminNeeded, Refused
from integrations.providers.exchange import VERSION
from integrations.providers.exchange.responses import SOAP
from integrations.providers.exchange.versions import UNSURE, find_version, parse_version
from integrations.providers.exchange.wire import choose_kind, parse_offers
from integrations.providers.exchange.words import EwsWords
from tests.integrations.providers.exchange.answers import envelope

WORDS = EwsWords("Exchange")


@pytest.mark.parametrize(
    ("build", "key"),
    [
        ((14, 0, 639, 21), "2010"),
        ((14, 1, 218, 15), "2010_SP1"),
        ((14, 2, 247, 5), "2010_SP2"),
        ((14, 3, 513, 0), "2010_SP2"),
        ((15, 0, 516, 32), "2013"),
        ((15, 0, 847, 32), "2013_SP1"),
        ((15, 0, 1497, 48), "2013_SP1"),
        ((15, 1, 225, 42), "2016"),
        ((15, 2, 221, 12), "2019"),
        ((15, 2, 1748, 39), "2019"),
        ((15, 2, 2562, 17), "SE"),
        ((15, 20, 9412, 11), "online"),
        ((8, 3, 83, 6), None),
    ],
)
def test_the_build_tells_the_version(build: tuple[int, int, int, int], key: str | None) -> None:
    found = parse_version(etree.fromstring(envelope("", build=build)).find(f"{SOAP}Header"))
    assert (found.key if found else None) == key


@pytest.mark.parametrize("header", ["", "<s:Header/>"])
def test_a_server_may_say_nothing(header: str) -> None:
    root = etree.fromstring(f'<s:Envelope xmlns:s="{SOAP[1:-1]}">{header}</s:Envelope>')
    assert parse_version(root.find(f"{SOAP}Header")) is None


def test_every_choice_is_a_version_and_not_being_sure_is_one_that_all_know() -> None:
    for key, _ in VERSION.choices:
        assert find_version(key).key == (key or UNSURE)
    assert find_version("whatever").key == UNSURE


@pytest.mark.parametrize(
    ("header", "offers"),
    [
        ("Negotiate, NTLM", {"negotiate", "ntlm"}),
        ('Basic realm="mail.northwind.example"', {"basic"}),
        ('Negotiate, NTLM, Basic realm="a, b"', {"negotiate", "ntlm", "basic"}),
        (
            'Bearer client_id="0000", trusted_issuers="0001@*", token_types="app_asserted_user_v1", NTLM',
            {"bearer", "ntlm"},
        ),
        ("NTLM TlRMTVNTUAACAAAA", {"ntlm"}),
        ("", set()),
    ],
)
def test_a_refusal_names_the_ways_to_sign_in(header: str, offers: set[str]) -> None:
    assert parse_offers({"WWW-Authenticate": header}) >= offers


@pytest.mark.parametrize(
    ("offers", "kind"),
    [({"ntlm", "basic"}, "ntlm"), ({"negotiate"}, "ntlm"), ({"basic"}, "basic"), ({"bearer", "basic"}, "basic")],
)
def test_ntlm_is_preferred_because_the_password_does_not_travel(offers: set[str], kind: str) -> None:
    assert choose_kind(frozenset(offers), "https://mail.northwind.example/EWS/Exchange.asmx", WORDS) == kind


def test_a_password_does_not_travel_unprotected() -> None:
    with pytest.raises(Refused) as caught:
        choose_kind(frozenset({"basic"}), "http://mail.northwind.example/EWS/Exchange.asmx", WORDS)
    assert caught.value.sentence == WORDS.unprotected
    assert choose_kind(frozenset({"ntlm"}), "http://mail.northwind.example/EWS/Exchange.asmx", WORDS) == "ntlm"


@pytest.mark.parametrize("offers", [set(), {"bearer"}, {"digest"}])
def test_where_no_password_is_taken_an_administrator_is_needed(offers: set[str]) -> None:
    with pytest.raises(AdminNeeded) as caught:
        choose_kind(frozenset(offers), "https://outlook.office365.com/", EwsWords("Office 365", is_online=True))
    assert "OAuth 2.0" in caught.value.sentence
