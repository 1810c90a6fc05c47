"""Exchange's answers, in the shapes that it documents, and which of our errors each becomes.

Shapes: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/responsecode,
https://learn.microsoft.com/en-us/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange
"""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from integrations.errors import (
    AdminNeeded,
    Conflict,
    CursorExpired,
    Gone,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Rejected,
    Unexpected,
    Unreachable,
)
from integrations.providers.exchange.codes import TooMuch, WrongVersion
from integrations.providers.exchange.responses import (
    MESSAGES,
    TYPES,
    check,
    code_of,
    make_error,
    parse_xml,
    read_answer,
    split,
)
from integrations.providers.exchange.words import EwsWords
from integrations.providers.http import Answer
from tests.integrations.providers.exchange.answers import (
    back_off,
    envelope,
    failure,
    fault,
    good,
    response,
    success,
)

WORDS = EwsWords("Exchange")
ONLINE = EwsWords("Office 365", is_online=True)

CODES: list[tuple[str, type[ProviderError]]] = [
    ("ErrorPasswordExpired", ReconnectNeeded),
    ("ErrorPasswordChangeRequired", ReconnectNeeded),
    ("ErrorMissingEmailAddress", ReconnectNeeded),
    ("ErrorNonExistentMailbox", ReconnectNeeded),
    ("ErrorAccountDisabled", AdminNeeded),
    ("ErrorAccessDenied", AdminNeeded),
    ("ErrorServerBusy", RateLimited),
    ("ErrorTooManyObjectsOpened", RateLimited),
    ("ErrorMailboxStoreUnavailable", Unreachable),
    ("ErrorMailboxMoveInProgress", Unreachable),
    ("ErrorInternalServerError", Unreachable),
    ("ErrorTimeoutExpired", Unreachable),
    ("ErrorItemNotFound", Gone),
    ("ErrorFolderNotFound", Gone),
    ("ErrorSyncFolderNotFound", Gone),
    ("ErrorIrresolvableConflict", Conflict),
    ("ErrorOccurrenceCrossingBoundary", Rejected),
    ("ErrorCalendarEndDateIsEarlierThanStartDate", Rejected),
    ("ErrorInvalidRecipients", Rejected),
    ("ErrorItemSavePropertyError", Rejected),
    ("ErrorQuotaExceeded", Rejected),
    ("ErrorCalendarOccurrenceIsDeletedFromRecurrence", Gone),
    ("ErrorExceededFindCountLimit", TooMuch),
    ("ErrorCalendarViewRangeTooBig", TooMuch),
    ("ErrorInvalidServerVersion", WrongVersion),
    ("ErrorSomethingNew", Unexpected),
]


@pytest.mark.parametrize(("code", "kind"), CODES)
def test_the_code_of_a_message_decides(code: str, kind: type[ProviderError]) -> None:
    answer = Answer(200, {}, envelope(response("GetItem", failure("GetItem", code))))
    _, (message,) = read_answer(answer, WORDS)
    assert code_of(message) == code
    with pytest.raises(kind) as caught:
        check(message, WORDS)
    assert type(caught.value) is kind
    assert caught.value.sentence and caught.value.detail == code
    assert "Words" not in f"{caught.value}"


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(("code", "kind"), CODES)
def test_a_fault_says_the_same_whatever_http_says(code: str, kind: type[ProviderError], status: int) -> None:
    with pytest.raises(kind) as caught:
        read_answer(Answer(status, {}, fault(code)), WORDS)
    assert type(caught.value) is kind
    assert caught.value.detail == code


@pytest.mark.parametrize(
    "code",
    [
        "ErrorInvalidSyncStateData",
        "ErrorSyncFolderNotFound",
        "ErrorFolderNotFound",
        "ErrorItemNotFound",
        "ErrorInvalidIdMalformed",
        "ErrorSchemaValidation",
    ],
)
def test_a_sync_state_that_cannot_be_used_has_expired_and_without_one_it_has_not(code: str) -> None:
    _, (message,) = read_answer(
        Answer(200, {}, envelope(response("SyncFolderItems", failure("SyncFolderItems", code)))), WORDS
    )
    with pytest.raises(CursorExpired):
        check(message, WORDS, has_cursor=True)
    with pytest.raises(ProviderError) as caught:
        check(message, WORDS)
    assert not isinstance(caught.value, CursorExpired)


@pytest.mark.parametrize("code", ["ErrorServerBusy", "ErrorPasswordExpired", "ErrorInternalServerError"])
def test_other_trouble_is_no_expired_cursor(code: str) -> None:
    with pytest.raises(ProviderError) as caught:
        read_answer(Answer(500, {}, fault(code)), WORDS, has_cursor=True)
    assert not isinstance(caught.value, CursorExpired)


@pytest.mark.parametrize("milliseconds", [1500, 297_749])
def test_a_busy_server_says_for_how_long(milliseconds: int) -> None:
    with pytest.raises(RateLimited) as caught:
        read_answer(Answer(500, {}, fault("ErrorServerBusy", back_off(milliseconds))), WORDS)
    assert caught.value.retry_after == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize("text", ["-5", "soon", "", "9" * 40, "²"])
def test_an_odd_wait_is_none(text: str) -> None:
    value = f'<t:Value Name="BackOffMilliseconds">{text}</t:Value>'
    with pytest.raises(RateLimited) as caught:
        read_answer(Answer(500, {}, fault("ErrorServerBusy", value)), WORDS)
    assert caught.value.retry_after is None


HTML = b"<html><head><title>Service</title></head><body>Words.</body></html>"
STATUSES: list[tuple[int, dict[str, str], bytes, type[ProviderError], str]] = [
    (200, {}, HTML, Unexpected, WORDS.not_exchange),
    (200, {}, b"<!DOCTYPE html>\n" + HTML, Unexpected, WORDS.not_exchange),
    (200, {}, b"\r\n\r\n<!doctype HTML PUBLIC '-//W3C//DTD HTML 4.0'>" + HTML, Unexpected, WORDS.not_exchange),
    (200, {}, b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', Unexpected, WORDS.not_exchange),
    (200, {}, b"", Unexpected, WORDS.not_understood),
    (200, {}, b"OK", Unexpected, WORDS.not_understood),
    (200, {}, b'{"error": "soap"}', Unexpected, WORDS.not_understood),
    (401, {}, HTML, ReconnectNeeded, WORDS.wrong_password),
    (403, {}, HTML, AdminNeeded, WORDS.switched_off),
    (404, {}, HTML, Unexpected, WORDS.not_exchange),
    (405, {}, b"", Unexpected, WORDS.not_exchange),
    (408, {}, b"", Unreachable, WORDS.unreachable),
    (429, {}, b"", RateLimited, WORDS.slow_down),
    (440, {}, HTML, Unexpected, WORDS.not_exchange),
    (456, {}, b"", ReconnectNeeded, WORDS.locked),
    (457, {}, b"", ReconnectNeeded, WORDS.expired),
    (
        302,
        {"Location": "https://mail.northwind.example/owa/auth/logon.aspx?url=x"},
        b"",
        Unexpected,
        WORDS.not_exchange,
    ),
    (302, {"Location": "https://evil.example/"}, b"", Unexpected, WORDS.redirected),
    (307, {"Location": "http://169.254.169.254/latest/"}, b"", Unexpected, WORDS.redirected),
    (
        302,
        {"Location": "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx"},
        b"",
        Unreachable,
        WORDS.unreachable,
    ),
    (500, {}, b"Server Error in '/EWS' Application", Unreachable, WORDS.unreachable),
    (500, {}, HTML, Unreachable, WORDS.unreachable),
    (502, {}, HTML, Unreachable, WORDS.unreachable),
    (503, {}, HTML, Unreachable, WORDS.unreachable),
    (503, {"Retry-After": "17"}, HTML, RateLimited, WORDS.slow_down),
    (504, {}, b"", Unreachable, WORDS.unreachable),
    (418, {}, b"", Unexpected, WORDS.not_understood),
]


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "sentence"), STATUSES, ids=[f"{one[0]} {one[3].__name__}" for one in STATUSES]
)
def test_what_is_no_soap_is_judged_by_its_number(
    status: int, headers: dict[str, str], body: bytes, kind: type[ProviderError], sentence: str
) -> None:
    with pytest.raises(kind) as caught:
        read_answer(Answer(status, headers, body), WORDS)
    assert caught.value.sentence == sentence
    said = f"{caught.value}"
    assert not any(word in said for word in ("Words", "evil", "169.254", "northwind"))


def test_a_wait_comes_with_the_error() -> None:
    error = make_error(503, {"Retry-After": "30"}, b"", WORDS)
    assert isinstance(error, RateLimited)
    assert error.retry_after == timedelta(seconds=30)


def test_a_locked_account_is_told_by_the_one_text_that_tells_it() -> None:
    body = b"<html>The referenced account is currently locked out and may not be logged on to.</html>"
    assert make_error(401, {}, body, WORDS).sentence == WORDS.locked
    assert make_error(401, {}, HTML, WORDS).sentence == WORDS.wrong_password


def test_the_client_access_server_s_own_code_is_kept_where_it_looks_like_one() -> None:
    assert make_error(500, {"X-CasErrorCode": "UserNotFound"}, b"", WORDS).detail == "500 UserNotFound"
    assert make_error(500, {"X-CasErrorCode": "alice@northwind.example <x>"}, b"", WORDS).detail == "500"


def test_a_server_that_knows_no_such_version_may_say_so_in_plain_text() -> None:
    assert type(make_error(500, {}, b"The specified server version is invalid.", WORDS)) is WrongVersion


@pytest.mark.parametrize("status", [403, 401])
def test_the_cloud_s_sentences_lead_to_oauth(status: int) -> None:
    assert "OAuth 2.0" in make_error(status, {}, b"", ONLINE).sentence
    assert "OAuth 2.0" not in make_error(status, {}, b"", WORDS).sentence


# What hides in XML

BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {name} '{f'&{former};' * 10}'>" for former, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def bomb(inner: str) -> bytes:
    return envelope(response("GetFolder", success("GetFolder", inner)), prolog=f"{BOMB}]>")


@pytest.mark.parametrize(
    "body",
    [
        bomb("&i;"),
        bomb('<m:Folders><t:Folder><t:FolderId Id="&i;"/></t:Folder></m:Folders>'),
        envelope("&x;", prolog="<!DOCTYPE x [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>"),
        envelope("", prolog="<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/evil.dtd'>"),
        envelope("", prolog="<!DOCTYPE x [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/'> %p;]>"),
    ],
    ids=["in text", "in an attribute", "a file", "another server", "a parameter"],
)
def test_a_document_type_is_refused_unread(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(Unexpected) as caught:
        read_answer(Answer(200, {}, body), WORDS)
    assert time.process_time() - started < 0.1
    assert caught.value.detail == "XML with a document type"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7", "cp500"])
def test_a_document_type_does_not_hide_behind_another_encoding(encoding: str) -> None:
    text = bomb("&i;").decode().replace("utf-8", encoding.removesuffix("-le"))
    with pytest.raises(Unexpected):
        parse_xml(text.encode(encoding), WORDS)


def test_words_about_a_document_type_in_a_text_are_words() -> None:
    root = parse_xml(envelope("<t:Body>&lt;!DOCTYPE html&gt;</t:Body>"), WORDS)
    assert root.findtext(f".//{TYPES}Body") == "<!DOCTYPE html>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a&#x1F;b", "ab"),
        ("a&#0;b&#x0;c", "abc"),
        ("a\x0bb\x00c", "abc"),
        ("a&#xFFFE;b", "ab"),
        ("a&#xD83D;&#xDE00;b", "a\U0001f600b"),
        ("a&#xD83D;b", "ab"),
        ("a&#1114112;b", "ab"),
        ("a&#x1F;b&#x41;&amp;", "abA&"),
    ],
)
def test_characters_that_xml_does_not_allow_are_left_out_and_the_rest_is_read(text: str, expected: str) -> None:
    root = parse_xml(envelope(f"<t:Subject>{text}</t:Subject>"), WORDS)
    assert root.findtext(f".//{TYPES}Subject") == expected


def test_bytes_that_are_no_text_cost_only_themselves() -> None:
    root = parse_xml(envelope("<t:Subject>aXb</t:Subject>").replace(b"aXb", b"a\xff\xfeb"), WORDS)
    assert root.findtext(f".//{TYPES}Subject") == "a��b"


def test_half_an_answer_is_no_answer() -> None:
    whole = envelope(response("FindItem", success("FindItem", "<t:Subject>one</t:Subject>")))
    for length in (len(whole) - 1, len(whole) // 2, 60):
        with pytest.raises(Unexpected):
            read_answer(Answer(200, {}, whole[:length]), WORDS)


@pytest.mark.parametrize(
    "body",
    [
        envelope(""),
        envelope("<m:GetItemResponse/>"),
        envelope("<m:GetItemResponse><m:ResponseMessages/></m:GetItemResponse>"),
        b"<other/>",
    ],
)
def test_an_answer_of_another_shape_is_unexpected_and_to_a_sync_state_an_expired_cursor(body: bytes) -> None:
    with pytest.raises(Unexpected):
        read_answer(Answer(200, {}, body), WORDS)
    with pytest.raises(CursorExpired):
        read_answer(Answer(200, {}, body), WORDS, has_cursor=True)


def test_one_item_s_trouble_is_its_own_and_the_server_s_is_everybody_s() -> None:
    def messages(*codes: str) -> list[object]:
        parts = [failure("GetItem", code) if code else success("GetItem") for code in codes]
        return read_answer(Answer(200, {}, envelope(response("GetItem", *parts))), WORDS)[1]

    found = list(split(messages("", "ErrorItemNotFound", "ErrorItemCorrupt"), WORDS))
    assert [code for _, code in found] == ["", "ErrorItemNotFound", "ErrorItemCorrupt"]
    assert [message is None for message, _ in found] == [False, True, True]
    with pytest.raises(RateLimited):
        list(split(messages("", "ErrorServerBusy"), WORDS))
    assert [code for _, code in split(messages("", "ErrorAccessDenied"), WORDS)] == ["", "ErrorAccessDenied"]
    with pytest.raises(AdminNeeded):
        list(split(messages("ErrorAccessDenied", "ErrorAccessDenied"), WORDS))


def test_a_warning_is_no_error() -> None:
    xml = (
        '<m:ResolveNamesResponseMessage ResponseClass="Warning"><m:ResponseCode>ErrorNameResolutionMultipleResults'
        "</m:ResponseCode></m:ResolveNamesResponseMessage>"
    )
    _, (message,) = read_answer(Answer(200, {}, envelope(response("ResolveNames", xml))), WORDS)
    assert check(message, WORDS) is message


def test_the_documented_answers_are_read(shared_data: Path) -> None:
    """MicrosoftDocs/office-developer-exchange-docs: each sample is an answer or an error of the family."""
    samples = sorted((shared_data / "ews" / "samples").glob("*Response-*.xml"))
    assert samples
    for sample in samples:
        header, messages = read_answer(Answer(200, {}, sample.read_bytes()), WORDS)
        assert header is not None
        for message in messages:
            if message.get("ResponseClass") == "Error":
                with pytest.raises(ProviderError):
                    check(message, WORDS)
            else:
                assert message.find(f"{MESSAGES}ResponseCode") is not None


def test_a_good_answer_gives_its_messages_in_their_order() -> None:
    _, messages = read_answer(good("GetItem", "<m:Items>1</m:Items>", "<m:Items>2</m:Items>"), WORDS)
    assert [message.findtext(f"{MESSAGES}Items") for message in messages] == ["1", "2"]
