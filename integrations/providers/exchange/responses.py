"""Exchange's answers: SOAP as response messages, or the error that says who must act.

An answer is judged by its response codes and by HTTP's status. Nothing of an answer's text reaches an error: codes are
kept only where they look like names. The one text that is looked for is Windows' own about a locked account, because no
code says it.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/responsecode
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from integrations.errors import (
    AdminNeeded,
    CursorExpired,
    Gone,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Rejected,
    Unexpected,
    Unreachable,
)
from integrations.providers.exchange.codes import CODES, DEAD_CURSOR, STATUSES, WrongVersion
from integrations.providers.exchange.words import EwsWords
from integrations.providers.http import Answer, parse_retry_after

Element = Any
"""An lxml element. lxml is imported where it is used: it takes its time, and only workers need it."""

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
MESSAGES = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
ERRORS = "{http://schemas.microsoft.com/exchange/services/2006/errors}"

_LONGEST_WAIT = timedelta(days=1)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:]{0,79}")
_LOCKED = b"account is currently locked out"
_WRONG_VERSION = b"The specified server version is invalid"
# What XML 1.0 does not allow, but bodies that people have pasted hold, as a reference or as it is.
_REFERENCE = re.compile(rb"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,8}));")
_SURROGATES = re.compile(rb"&#x([dD][89abAB][0-9a-fA-F]{2});&#x([dD][c-fC-F][0-9a-fA-F]{2});")
_CONTROLS = bytes(code for code in range(32) if code not in (9, 10, 13))


def read_answer(answer: Answer, words: EwsWords, *, has_cursor: bool = False) -> tuple[Element, list[Element]]:
    """(the SOAP header or None, the response messages) of an answer. The messages may still hold errors: `check`.

    `has_cursor`: the request went on from a sync state.

    Raises:
        CursorExpired: the answer to a sync state cannot be read.
        ProviderError: any of the family.
    """
    if answer.status == 200 or (answer.status == 500 and _looks_like_xml(answer.body)):
        try:
            root = parse_xml(answer.body, words)
            return root.find(f"{SOAP}Header"), _find_messages(root, words, has_cursor=has_cursor)
        except _Unreadable as error:
            if answer.status == 200 and has_cursor:
                raise CursorExpired(words.read_again, detail=error.detail) from error
            if answer.status == 200:
                raise Unexpected(error.sentence, detail=error.detail) from error
    raise make_error(answer.status, answer.headers, answer.body, words)


class _Unreadable(Unexpected):
    """An answer that is no SOAP, or SOAP without what we asked for."""


def _looks_like_xml(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:5] == b"<?xml" or b":Envelope" in body[:200]


def parse_xml(body: bytes, words: EwsWords) -> Element:
    """The root of an answer. Strict, but for characters that XML does not allow, which are left out.

    There is no document type in SOAP, and so nothing that could be expanded or fetched: one is refused unread. The
    encoding is said here and not believed, so that nothing hides from that look behind another one.

    Raises:
        Unexpected
    """
    from lxml import etree

    # In SOAP the mark-up of a text is escaped.
    if b"<html" in body[:4096].lower():
        raise _Unreadable(words.not_exchange, detail="a page of HTML")
    for mend in (bytes, _mend):
        try:
            return _parse_plainly(mend(body), words)
        except etree.XMLSyntaxError:
            continue
    raise _Unreadable(words.not_understood, detail=f"{len(body)} bytes that are not XML")


def _parse_plainly(text: bytes, words: EwsWords) -> Element:
    from lxml import etree

    if b"<!DOCTYPE" in text:
        raise Unexpected(words.not_understood, detail="XML with a document type")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(text, parser)


def _mend(body: bytes) -> bytes:
    """The same without the characters that XML does not allow; halves of a character put together."""
    text = body.decode("utf-8", "replace").encode().translate(None, _CONTROLS)
    return _REFERENCE.sub(_mend_reference, _SURROGATES.sub(_join, text))


def _join(found: re.Match[bytes]) -> bytes:
    high, low = (int(half, 16) for half in found.groups())
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)).encode()


def _mend_reference(found: re.Match[bytes]) -> bytes:
    code = int(found[1], 16) if found[1] else int(found[2])
    is_allowed = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return found[0] if is_allowed else b""


def _find_messages(root: Element, words: EwsWords, *, has_cursor: bool) -> list[Element]:
    body = root.find(f"{SOAP}Body") if root.tag == f"{SOAP}Envelope" else None
    if body is None or not len(body):
        raise _Unreadable(words.not_understood, detail="XML that is not SOAP")
    content = body[0]
    if content.tag == f"{SOAP}Fault":
        code = (content.findtext(f".//{ERRORS}ResponseCode") or content.findtext("faultcode") or "").strip()
        raise _error_of(code.rpartition(":")[2], _find_back_off(content), words, has_cursor=has_cursor)
    messages = content.find(f"{MESSAGES}ResponseMessages")
    if messages is None or not len(messages):
        raise _Unreadable(words.not_understood, detail="SOAP without response messages")
    return list(messages)


def code_of(message: Element) -> str:
    """ "NoError" where all went well."""
    text: str = message.findtext(f"{MESSAGES}ResponseCode") or ""
    return text.strip()


def check(message: Element, words: EwsWords, *, has_cursor: bool = False) -> Element:
    """The response message itself, where it holds what was asked for. A warning does.

    Raises:
        ProviderError: any of the family.
    """
    if message.get("ResponseClass") == "Error":
        raise _error_of(code_of(message), _find_back_off(message), words, has_cursor=has_cursor)
    return message


def split(messages: list[Element], words: EwsWords) -> Iterator[tuple[Element | None, str]]:
    """Each message of a batch as (message, "") or (None, the code of what is the matter with this one item).

    What is forbidden of one item among others is that item's matter.

    Raises:
        ProviderError: what is the matter is none of one item's.
    """
    is_let_in = any(message.get("ResponseClass") != "Error" for message in messages)
    for message in messages:
        if message.get("ResponseClass") != "Error":
            yield message, ""
            continue
        error = _error_of(code_of(message), _find_back_off(message), words, has_cursor=False)
        if type(error) not in (Gone, Rejected, Unexpected) and not (is_let_in and isinstance(error, AdminNeeded)):
            raise error
        yield None, code_of(message)


def _find_back_off(element: Element) -> timedelta | None:
    for value in element.iter(f"{TYPES}Value"):
        text = (value.text or "").strip()
        if value.get("Name") == "BackOffMilliseconds" and text.isascii() and text.isdigit() and len(text) < 12:
            return min(timedelta(milliseconds=int(text)), _LONGEST_WAIT)
    return None


def _error_of(code: str, back_off: timedelta | None, words: EwsWords, *, has_cursor: bool) -> ProviderError:
    detail = code if _NAME.fullmatch(code) else "an error without a code"
    kind, sentence = CODES.get(code, (Unexpected, "not_understood"))
    if has_cursor and code in DEAD_CURSOR:
        kind, sentence = CursorExpired, "read_again"
    if kind is CursorExpired and not has_cursor:
        kind, sentence = Gone, "gone"
    return _make(kind, getattr(words, sentence), detail, back_off)


def make_error(status: int, headers: Mapping[str, str], body: bytes, words: EwsWords) -> ProviderError:
    """The error that an answer stands for which is no SOAP."""
    detail = f"{status} {code}" if _NAME.fullmatch(code := headers.get("X-CasErrorCode", "")) else str(status)
    retry_after = parse_retry_after(headers.get("Retry-After", ""))
    kind, sentence = STATUSES.get(status, (Unexpected, "not_understood"))
    if _LOCKED in body:
        kind, sentence = ReconnectNeeded, "locked"
    elif 300 <= status < 400:
        location = headers.get("Location", "").lower()
        # Exchange sends what it fails at to its own error page; nothing is wrong with the address then.
        is_outage = location.startswith("/ews/genericerrorpage.htm")
        is_login = location.startswith(("/owa/", "/ecp/")) or "/owa/auth" in location
        kind, sentence = (Unreachable, "unreachable") if is_outage else (Unexpected, "redirected")
        if is_login:
            sentence = "not_exchange"
    elif status >= 500:
        kind, sentence = Unreachable, "unreachable"
        if _WRONG_VERSION in body:
            kind, sentence = WrongVersion, "not_understood"
        elif status == 501:
            kind, sentence = Unexpected, "not_exchange"
        elif status == 503 and retry_after is not None:
            kind, sentence = RateLimited, "slow_down"
    return _make(kind, getattr(words, sentence), detail, retry_after)


def _make(kind: type[ProviderError], sentence: str, detail: str, wait: timedelta | None) -> ProviderError:
    if issubclass(kind, RateLimited | Unreachable):
        return kind(sentence, detail=detail, retry_after=wait)
    return kind(sentence, detail=detail)
