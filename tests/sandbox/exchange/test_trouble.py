"""Each kind of trouble, over the wire: its shape, whom it befalls, and how exchangelib takes it."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import pytest
import requests
from lxml import etree
from requests_ntlm import HttpNtlmAuth

from sandbox.exchange.trouble import ERRORS, FAULTS, INSIDE, KINDS
from sandbox.faults import LINE_KINDS
from tests.sandbox.exchange.stage import ALICE, BEN, LOGON, NS, PASSWORD, Soap, Stage, meeting

GET_CALENDAR = (
    "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>"
    '<t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'
)
WINDOW = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
EWS = "/EWS/*"
SYNCING = ("invalid-sync-state", "invalid-sync-state-bare", "sync-folder-gone")


@pytest.fixture
def ntlm(exchange: Stage) -> Iterator[Soap]:
    """Alice's client by NTLM."""
    client = Soap(exchange)
    client.session.auth = HttpNtlmAuth(LOGON, PASSWORD)
    yield client
    client.close()


@pytest.mark.parametrize(
    ("kind", "status", "header", "content"),
    [
        ("401", 401, ("WWW-Authenticate", "Negotiate"), b"401 - Unauthorized"),
        ("401-locked", 401, ("WWW-Authenticate", "NTLM"), b"The referenced account is currently locked out"),
        ("403", 403, ("Content-Length", "0"), b""),
        ("302-elsewhere", 302, ("Location", "https://elsewhere.example/"), b""),
        ("302-metadata", 302, ("Location", "https://169.254.169.254/"), b""),
        ("404-html", 404, ("Content-Type", "text/html"), b"404 - File or directory not found."),
        ("440", 440, ("Content-Length", "0"), b""),
        ("503", 503, ("Retry-After", "30"), b"unavailable"),
        ("html-200", 200, ("Content-Type", "text/html"), b'type="password"'),
        ("502-html", 502, ("Content-Type", "text/html"), b"Bad Gateway"),
        ("html", 200, ("Content-Type", "text/html"), b"guest network"),
        ("empty-body", 200, ("Content-Length", "0"), b""),
        ("redirect", 302, ("Location", "https://elsewhere.example/"), b""),
    ],
)
def test_plain_answers_come_once_and_leave_no_trace(
    exchange: Stage, soap: Soap, kind: str, status: int, header: tuple[str, str], content: bytes
) -> None:
    exchange.faults.add(kind, EWS)
    response = soap.session.post(soap.url, data=b"<x/>", allow_redirects=False)
    assert response.status_code == status
    assert header[1] in response.headers[header[0]]
    assert content in response.content
    assert soap.send(GET_CALENDAR).codes == ["NoError"]
    assert exchange.bad_tries(ALICE) == 0


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_of_the_whole_request(exchange: Stage, soap: Soap, kind: str) -> None:
    exchange.faults.add(kind, EWS)
    answer = soap.send(GET_CALENDAR)
    assert (answer.status, answer.fault) == (500, FAULTS[kind])
    assert soap.send(GET_CALENDAR).codes == ["NoError"]


def test_busy_says_how_long_to_wait(exchange: Stage, soap: Soap) -> None:
    exchange.faults.add("busy", EWS, amount=1.5)
    answer = soap.send(GET_CALENDAR)
    assert (answer.status, answer.fault) == (500, "ErrorServerBusy")
    value = answer.find("t:MessageXml/t:Value")
    assert (value.get("Name"), value.text) == ("BackOffMilliseconds", "1500")
    exchange.faults.add("503", EWS, amount=7)
    assert soap.session.post(soap.url, data=b"").headers["Retry-After"] == "7"


@pytest.mark.parametrize("kind", ["access-denied", "move-in-progress", "store-unavailable", "no-mailbox"])
@pytest.mark.parametrize("operation", ["GetFolder", "GetItem", "FindItem", "SyncFolderItems"])
def test_errors_of_an_item_come_in_the_operations_own_answer(
    exchange: Stage, soap: Soap, kind: str, operation: str
) -> None:
    exchange.faults.add(kind, f"*/{operation}")
    item = exchange.item_id(ALICE, exchange.add_event(ALICE, meeting())["id"])
    calls = {
        "GetFolder": lambda: soap.send(GET_CALENDAR), "GetItem": lambda: soap.get_items(item),
        "FindItem": lambda: soap.view(*WINDOW), "SyncFolderItems": lambda: soap.sync("calendar"),
    }  # fmt: skip
    others = [name for name in calls if name != operation]
    assert all(calls[name]().codes == ["NoError"] for name in others)
    answer = calls[operation]()
    assert answer.codes == [ERRORS[kind]]
    assert answer.find(f"m:{operation}ResponseMessage").get("ResponseClass") == "Error"
    assert calls[operation]().codes == ["NoError"]


def test_a_state_is_refused_only_to_who_goes_on_from_one(exchange: Stage, soap: Soap) -> None:
    exchange.faults.add("invalid-sync-state", EWS)
    exchange.faults.add("invalid-sync-state-bare", EWS)
    first = soap.sync("calendar")
    assert first.codes == ["NoError"]
    refused = soap.sync("calendar", first.text("m:SyncState"))
    assert refused.codes == ["ErrorInvalidSyncStateData"]
    assert (refused.text("m:SyncState"), refused.text("m:IncludesLastItemInRange")) == ("", "true")
    bare = soap.sync("calendar", first.text("m:SyncState"))
    assert bare.codes == ["ErrorInvalidSyncStateData"] and bare.find("m:SyncState") is None
    assert soap.sync("calendar", first.text("m:SyncState")).codes == ["NoError"]
    exchange.faults.add("sync-folder-gone", EWS)
    assert soap.view(*WINDOW).codes == ["NoError"]
    assert soap.sync("calendar").codes == ["ErrorSyncFolderNotFound"]


def test_half_an_answer_is_no_xml(exchange: Stage, soap: Soap) -> None:
    exchange.faults.add("half-xml", EWS)
    response = soap.session.post(soap.url, data=_envelope(GET_CALENDAR))
    assert response.status_code == 200
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(response.content)


@pytest.mark.parametrize(("kind", "entity"), [("entity-bomb", b"&bomb;"), ("xxe", b"&outside;")])
def test_entities_stand_where_a_name_was_and_a_careful_reader_lives(
    exchange: Stage, soap: Soap, kind: str, entity: bytes
) -> None:
    exchange.faults.add(kind, EWS)
    content = soap.session.post(soap.url, data=_envelope(GET_CALENDAR)).content
    assert entity in content and b"<!DOCTYPE" in content
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        # a newer libxml2 counts the laughs
        assert "amplification" in str(error)
    else:
        assert root.find(".//t:DisplayName", NS).text is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize("kind", ["other-build", "garbage-version", "no-version"])
def test_the_server_may_be_wrong_about_itself(exchange: Stage, soap: Soap, kind: str) -> None:
    exchange.faults.add(kind, EWS)
    answer = soap.send(GET_CALENDAR)
    assert answer.codes == ["NoError"]
    info = answer.find("t:ServerVersionInfo")
    if kind == "no-version":
        assert info is None
    else:
        assert info.get("MajorVersion") == {"other-build": "14", "garbage-version": "fifteen"}[kind]


def test_the_line_itself_may_fail(exchange: Stage, soap: Soap) -> None:
    for kind, error in (
        ("hang-up", requests.ConnectionError), ("lost-answer", requests.ConnectionError),
        ("cut-off", requests.exceptions.ChunkedEncodingError),
    ):  # fmt: skip
        exchange.faults.add(kind, EWS)
        with pytest.raises(error):
            soap.session.post(soap.url, data=_envelope(GET_CALENDAR))
    exchange.faults.add("slow", EWS, amount=0.2)
    began = time.perf_counter()
    assert soap.send(GET_CALENDAR).codes == ["NoError"]
    assert time.perf_counter() - began > 0.2
    exchange.faults.add("huge", EWS, amount=3)
    response = soap.session.post(soap.url, data=_envelope(GET_CALENDAR))
    assert len(response.content) == 3_000_000 and response.headers["Content-Type"].startswith("text/xml")
    exchange.faults.add("gzip-bomb", EWS, amount=3)
    response = soap.session.post(soap.url, data=_envelope(GET_CALENDAR))
    assert len(response.content) == 3_000_000 and int(response.headers["Content-Length"]) < 10_000


@pytest.mark.parametrize("kind", sorted(set(INSIDE) - {"trickle", "cut-off", "lost-answer"} - set(SYNCING)))
def test_what_concerns_the_service_waits_until_ntlm_has_signed_in(exchange: Stage, ntlm: Soap, kind: str) -> None:
    """A rule for one request is not used up by the messages of the handshake."""
    exchange.faults.add(kind, EWS)
    response = ntlm.session.post(ntlm.url, data=_envelope(GET_CALENDAR))
    assert exchange.faults.rules() == []
    struck = [entry.path for entry in exchange.log.requests() if entry.fault]
    assert struck == ["/EWS/Exchange.asmx/GetFolder"]
    assert response.status_code in (200, 401, 403, 500)
    assert exchange.bad_tries(ALICE) == 0


def test_a_connection_that_was_signed_in_is_asked_again_after_a_401_and_signs_in_again(
    exchange: Stage, ntlm: Soap
) -> None:
    assert ntlm.send(GET_CALENDAR).status == 200
    exchange.faults.add("401", EWS)
    assert ntlm.send(GET_CALENDAR).status == 200
    assert exchange.door.handshakes == 2


def test_trouble_can_be_one_persons(exchange: Stage, soap: Soap) -> None:
    ben = Soap(exchange, user="NORTH\\ben")
    exchange.faults.add("500-fault", EWS, account=BEN, times=None)
    assert soap.send(GET_CALENDAR).status == 200
    assert ben.send(GET_CALENDAR).status == 500
    ben.session.auth = HttpNtlmAuth(BEN, PASSWORD)
    assert ben.send(GET_CALENDAR).status == 500
    ben.close()


def test_what_is_done_to_an_account_is_done_at_once(exchange: Stage, soap: Soap) -> None:
    exchange.faults.add("lock-account", EWS, account=ALICE)
    assert soap.send(GET_CALENDAR).status == 401
    exchange.faults.add("unlock-account", EWS, account=ALICE)
    assert soap.send(GET_CALENDAR).status == 200
    state = soap.sync("calendar").text("m:SyncState")
    exchange.faults.add("expire-sync", EWS, account=ALICE)
    assert soap.sync("calendar", state).codes == ["ErrorInvalidSyncStateData"]
    exchange.faults.add("move-to-cloud", EWS, account=ALICE)
    assert soap.send(GET_CALENDAR).codes == ["ErrorMissingEmailAddress"]
    exchange.faults.add("expire-password", EWS, account=ALICE)
    assert soap.send(GET_CALENDAR).status == 401


def test_the_two_sites_have_their_own_troubles(exchange: Stage, soap: Soap) -> None:
    exchange.online.allow()
    exchange.online.add_person(ALICE, password=PASSWORD)
    online = Soap(exchange, exchange.online.url, user=ALICE)
    exchange.faults.add("503", "/office365/EWS/*")
    assert soap.send(GET_CALENDAR).status == 200
    assert online.send(GET_CALENDAR).status == 503
    assert online.send(GET_CALENDAR).status == 200
    online.close()


def test_every_kind_says_what_it_does() -> None:
    assert set(INSIDE) <= set(KINDS) | set(LINE_KINDS)
    assert set(FAULTS) | set(ERRORS) <= set(KINDS)
    assert all(words and words[0] != " " for words in KINDS.values())


def test_the_log_names_the_operation_and_the_person_and_no_secret(exchange: Stage, soap: Soap) -> None:
    state = soap.sync("calendar").text("m:SyncState")
    soap.sync("calendar", state)
    requests_ = exchange.log.requests(method="POST")
    assert [entry.path for entry in requests_] == [
        "/EWS/Exchange.asmx/SyncFolderItems", "/EWS/Exchange.asmx/SyncFolderItems/go-on",
    ]  # fmt: skip
    assert {entry.account for entry in requests_} == {ALICE}
    assert PASSWORD not in repr(requests_)


def _envelope(body: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{NS["s"]}" xmlns:m="{NS["m"]}" xmlns:t="{NS["t"]}"><s:Header>'
        f'<t:RequestServerVersion Version="Exchange2016"/></s:Header><s:Body>{body}</s:Body></s:Envelope>'
    ).encode()
