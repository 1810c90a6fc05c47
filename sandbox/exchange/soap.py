"""SOAP in and out: an envelope is read without trusting it, and written as text, which is quick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape as escape_text

from lxml import etree

from sandbox.exchange.errors import EwsError, SoapFault
from sandbox.exchange.versions import SCHEMAS, Version

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
S, M, T = f"{{{SOAP}}}", f"{{{MESSAGES}}}", f"{{{TYPES}}}"
LIMIT = 35_000_000
"""The most bytes of a request, as in the web.config of a fresh Exchange."""

Element = Any  # lxml's elements are untyped at our border
_ATTRIBUTE = {'"': "&quot;", "\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
# what XML 1.0 cannot hold; Exchange drops it too
_FORBIDDEN = {code: None for code in range(32) if code not in (9, 10, 13)} | {0xFFFE: None, 0xFFFF: None}


@dataclass(slots=True)
class Request:
    """One operation. zone: the name in TimeZoneContext; schema: RequestServerVersion, else the oldest there is."""

    operation: str
    body: Element
    schema: str = SCHEMAS[0]
    zone: str = ""


def text(value: str) -> str:
    """Safe between tags."""
    return escape_text(value.translate(_FORBIDDEN))


def attribute(value: str) -> str:
    """Safe within double quotes."""
    return escape_text(value.translate(_FORBIDDEN), _ATTRIBUTE)


def parse_request(data: bytes, version: Version) -> Request:
    """The operation within an envelope. No entity is resolved, no DTD read, nothing fetched.

    Raises:
        SoapFault: no envelope, a DTD, a schema version that this server does not speak, or another's name assumed.
    """
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise invalid_request(str(error), line=getattr(error, "lineno", 0) or 0) from None
    if root.getroottree().docinfo.doctype:
        raise invalid_request("For security reasons DTD is prohibited in this XML document.")
    body = root.find(f"{S}Body")
    if root.tag != f"{S}Envelope" or body is None:
        raise invalid_request("The root element is not a SOAP envelope.")
    operation = next((child for child in body if isinstance(child.tag, str)), None)
    if operation is None or not operation.tag.startswith(M):
        raise invalid_request("The body holds no operation of this service.")
    request = Request(operation.tag.removeprefix(M), operation)
    header = root.find(f"{S}Header")
    if header is not None:
        asked = header.find(f"{T}RequestServerVersion")
        if asked is not None:
            request.schema = asked.get("Version", "")
            _check_schema(request.schema, version)
        zone = header.find(f"{T}TimeZoneContext/{T}TimeZoneDefinition")
        request.zone = zone.get("Id", "") if zone is not None else ""
        if header.find(f"{T}ExchangeImpersonation") is not None:
            raise SoapFault("ErrorImpersonateUserDenied")
    return request


def _check_schema(schema: str, version: Version) -> None:
    """Raises SoapFault.

    Reference: https://github.com/ecederstrand/exchangelib/issues/927 (a version newer than any that a modern server
    knows is an invalid request to it; older servers say that the version is invalid).
    """
    if not version.accepts(schema):
        known = schema in SCHEMAS or schema.startswith(("Exchange2007", "Exchange2010", "Exchange2013"))
        raise SoapFault("ErrorInvalidServerVersion" if known or not version.is_modern else "ErrorInvalidRequest")


def invalid_request(violation: str, *, line: int = 0) -> SoapFault:
    """The fault for a request that the schema does not allow."""
    where = f"<t:LineNumber>{line}</t:LineNumber><t:LinePosition>0</t:LinePosition>" if line else ""
    return SoapFault(
        "ErrorSchemaValidation",
        f"The request failed schema validation: {violation}",
        f"{where}<t:Violation>{text(violation)}</t:Violation>",
    )


def dump_envelope(body: str, header: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}">{header}'
        '<s:Body xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        f"{body}</s:Body></s:Envelope>"
    ).encode()


def dump_server_version(version: Version) -> str:
    """The header that every answer but a fault has."""
    major, minor, build, revision = version.build
    return (
        f'<s:Header><h:ServerVersionInfo MajorVersion="{major}" MinorVersion="{minor}" MajorBuildNumber="{build}"'
        f' MinorBuildNumber="{revision}" Version="{version.label}" xmlns:h="{TYPES}"/></s:Header>'
    )


def dump_response(operation: str, messages: Iterable[str], version: Version) -> bytes:
    """An answer of ResponseMessages, each made by `success` or `failure`."""
    return dump_envelope(
        f'<m:{operation}Response xmlns:m="{MESSAGES}" xmlns:t="{TYPES}"><m:ResponseMessages>'
        f"{''.join(messages)}</m:ResponseMessages></m:{operation}Response>",
        dump_server_version(version),
    )


def success(operation: str, inner: str) -> str:
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{inner}'
        f"</m:{operation}ResponseMessage>"
    )


def failure(operation: str, error: EwsError, inner: str = "", *, level: str = "Error") -> str:
    """inner: the empty container that answers of this operation have."""
    xml = f"<m:MessageXml>{error.xml}</m:MessageXml>" if error.xml else ""
    return (
        f'<m:{operation}ResponseMessage ResponseClass="{level}"><m:MessageText>{text(error.text)}</m:MessageText>'
        f"<m:ResponseCode>{error.code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{xml}{inner}"
        f"</m:{operation}ResponseMessage>"
    )


def dump_fault(fault: SoapFault) -> bytes:
    """Reference: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange
    (the shape of a fault with MessageXml).
    """
    xml = f'<t:MessageXml xmlns:t="{TYPES}">{fault.xml}</t:MessageXml>' if fault.xml else ""
    message = text(fault.text)
    return dump_envelope(
        f'<s:Fault><faultcode xmlns:a="{TYPES}">a:{fault.faultcode}</faultcode>'
        f'<faultstring xml:lang="en-US">{message}</faultstring><detail>'
        f'<e:ResponseCode xmlns:e="{ERRORS}">{fault.code}</e:ResponseCode>'
        f'<e:Message xmlns:e="{ERRORS}">{message}</e:Message>{xml}</detail></s:Fault>'
    )


def first_child(element: Element | None) -> Element | None:
    """The first element in an element."""
    return None if element is None else next((one for one in element if isinstance(one.tag, str)), None)


def read_bool(value: str | None) -> bool:
    return (value or "").strip().lower() in ("true", "1")


def read_text(element: Element | None) -> str:
    """The text of an element; "" where there is none."""
    return "" if element is None else (element.text or "")
