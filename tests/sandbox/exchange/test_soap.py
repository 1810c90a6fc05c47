"""The envelope: what is let in, which versions are spoken, and how a refusal of the whole request looks."""

from __future__ import annotations

import time

import pytest

from sandbox.exchange.soap import MESSAGES, SOAP, TYPES
from tests.sandbox.exchange.stage import ALICE, LOGON, PASSWORD, Soap, Stage, meeting

GET_CALENDAR = (
    "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>"
    '<t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'
)


def envelope(body: str, prolog: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{prolog}<s:Envelope xmlns:s="{SOAP}" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


@pytest.mark.parametrize(
    ("version", "build", "label"),
    [
        ("2010_SP2", ("14", "2", "390", "3"), "Exchange2010_SP2"),
        ("2013_SP1", ("15", "0", "847", "32"), "V2_8"),
        ("2016", ("15", "1", "2507", "61"), "V2017_07_11"),
        ("2019", ("15", "2", "1748", "39"), "V2017_07_11"),
        ("SE", ("15", "2", "2562", "17"), "V2017_07_11"),
    ],
)
def test_every_answer_says_which_server_it_comes_from(
    exchange: Stage, soap: Soap, version: str, build: tuple[str, ...], label: str
) -> None:
    exchange.use_version(version)
    answer = soap.send(GET_CALENDAR, schema="Exchange2010_SP2")
    info = answer.find("t:ServerVersionInfo")
    names = ("MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber")
    assert tuple(info.get(name) for name in names) == build
    assert info.get("Version") == label


@pytest.mark.parametrize(
    ("version", "schema", "fault"),
    [
        ("2010_SP2", "Exchange2010_SP2", None),
        ("2010_SP2", "Exchange2013", "ErrorInvalidServerVersion"),
        ("2010_SP2", "Exchange2019", "ErrorInvalidServerVersion"),
        ("2013_SP1", "Exchange2013_SP1", None),
        ("2013_SP1", "Exchange2016", "ErrorInvalidServerVersion"),
        ("2019", "Exchange2007_SP1", None),
        ("2019", "Exchange2016", None),
        # github.com/ecederstrand/exchangelib/issues/927 and 605
        ("2019", "Exchange2019", "ErrorInvalidRequest"),
        # github.com/gautamsi/ews-javascript-api/issues/441
        ("2019", "V2018_01_08", "ErrorInvalidRequest"),
        # github.com/jamesiarmes/php-ews/issues/346
        ("SE", "Exchange2007_SP3", "ErrorInvalidServerVersion"),
    ],
)
def test_a_version_that_a_server_does_not_know_is_a_fault_as_that_server_gives_it(
    exchange: Stage, soap: Soap, version: str, schema: str, fault: str | None
) -> None:
    exchange.use_version(version)
    answer = soap.send(GET_CALENDAR, schema=schema)
    assert answer.fault == fault
    assert answer.status == (500 if fault else 200)
    assert (answer.find("t:ServerVersionInfo") is None) == bool(fault)


def test_a_property_newer_than_the_request_and_one_newer_than_the_server_are_faults(
    exchange: Stage, soap: Soap
) -> None:
    event = exchange.add_event(ALICE, meeting())
    item_id = exchange.item_id(ALICE, event["id"])
    shape = (
        "<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
        '<t:FieldURI FieldURI="calendar:JoinOnlineMeetingUrl"/></t:AdditionalProperties>'
    )
    assert soap.get_items(item_id, shape=shape, schema="Exchange2013").codes == ["NoError"]
    answer = soap.get_items(item_id, shape=shape, schema="Exchange2010_SP2")
    assert (answer.status, answer.fault) == (500, "ErrorIncorrectSchemaVersion")
    exchange.use_version("2010_SP2")
    answer = soap.get_items(item_id, shape=shape, schema="Exchange2010_SP2")
    # github.com/ecederstrand/exchangelib/issues/1306
    assert answer.fault == "ErrorSchemaValidation"
    assert "Enumeration constraint failed" in (answer.text("t:Violation") or "")


def test_without_a_version_a_request_is_of_the_oldest(soap: Soap, exchange: Stage) -> None:
    exchange.add_event(ALICE, meeting())
    answer = soap.send(GET_CALENDAR, schema="")
    assert answer.codes == ["NoError"]
    shape = "<t:BaseShape>Default</t:BaseShape>"
    found = soap.sync("calendar", shape=shape)
    assert found.find("t:IsAssociated") is not None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no xml at all",
        b"<s:Envelope",
        b"<html/>",
        envelope(""),
        envelope("<m:GetFolder/>"),
        envelope("<t:Nothing/>"),
        envelope(GET_CALENDAR).replace(b"Default", b"Everything"),
        envelope(GET_CALENDAR).replace(b"<t:DistinguishedFolderId", b"<t:Folder"),
        b"\xff\xfe\x00<",
    ],
)
def test_a_request_that_is_none_is_a_schema_fault(soap: Soap, data: bytes) -> None:
    answer = soap.post(data, check=False)
    assert (answer.status, answer.fault) == (500, "ErrorSchemaValidation")


def test_an_operation_that_is_not_played_is_refused_by_name(soap: Soap) -> None:
    answer = soap.post(envelope("<m:GetUserOofSettingsRequest/>"), check=False)
    assert answer.fault == "ErrorInvalidOperation"


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x "calendar">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/">%p;',
    ],
)
def test_a_dtd_is_refused_and_what_it_names_is_never_read(soap: Soap, declaration: str) -> None:
    body = GET_CALENDAR.replace('"calendar"', '"calendar"/><t:FolderId Id="&x;"') if "ENTITY x" in declaration else ""
    answer = soap.post(envelope(body, f"<!DOCTYPE s [{declaration}]>"), check=False)
    assert answer.fault == "ErrorSchemaValidation"
    assert b"root:" not in answer.raw


def test_a_billion_laughs_cost_the_server_nothing(soap: Soap) -> None:
    steps = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    began = time.process_time()
    bomb = f'<!DOCTYPE s [<!ENTITY a "haha">{steps}]>'
    answer = soap.post(envelope("<m:GetFolder>&j;</m:GetFolder>", bomb), check=False)
    assert answer.fault == "ErrorSchemaValidation"
    assert time.process_time() - began < 1


def test_nobody_assumes_anothers_name(soap: Soap) -> None:
    header = (
        "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>ben@north.example</t:PrimarySmtpAddress>"
        "</t:ConnectingSID></t:ExchangeImpersonation>"
    )
    assert soap.send(GET_CALENDAR, header=header).fault == "ErrorImpersonateUserDenied"


@pytest.mark.parametrize("path", ["/EWS/Exchange.asmx", "/EWS/Services.wsdl", "/ews/exchange.asmx"])
def test_a_browser_is_asked_to_sign_in_and_then_told_that_a_service_is_here(exchange: Stage, path: str) -> None:
    url = exchange.url.replace("/EWS/Exchange.asmx", path)
    with exchange.open_session() as session:
        assert session.get(url).status_code == 401
        page = session.get(url, auth=(LOGON, PASSWORD.encode()))
        assert page.status_code == 200 and "You have created a service." in page.text


class TestExchangeOnline:
    """The EWS of Exchange Online, as it answers since October 2026."""

    @pytest.fixture
    def online(self, exchange: Stage):
        exchange.online.add_person(ALICE, password=PASSWORD)
        client = Soap(exchange, exchange.online.url, user=ALICE)
        yield client
        client.close()

    def test_a_password_is_not_taken_and_oauth_is_what_it_offers(self, exchange: Stage, online: Soap) -> None:
        answer = online.send(GET_CALENDAR)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer client_id=")
        assert exchange.online.bad_tries(ALICE) == 0

    def test_where_ews_is_blocked_for_the_tenant_a_good_password_earns_403(self, exchange: Stage, online: Soap) -> None:
        exchange.online.allow(basic=True, ews=False)
        answer = online.send(GET_CALENDAR)
        assert (answer.status, answer.raw) == (403, b"")

    def test_a_tenant_on_the_list_is_served_from_the_mailbox_in_the_cloud(self, exchange: Stage, online: Soap) -> None:
        exchange.online.allow()
        exchange.online.add_event(ALICE, meeting("In the cloud"))
        answer = online.view("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
        assert answer.texts("t:Subject") == ["In the cloud"]
        assert answer.find("t:ServerVersionInfo").get("MinorVersion") == "20"
        exchange.online.shut()
        assert online.send(GET_CALENDAR).status == 401

    def test_the_two_sites_know_nothing_of_each_other(self, exchange: Stage, soap: Soap) -> None:
        exchange.online.add_event(ALICE, meeting("In the cloud"))
        assert soap.view("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z").texts("t:Subject") == []
