"""Restrictions and sort orders of FindItem, over the few properties that clients search by.

Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/restriction
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.exchange.contact_xml import ContactItem
from sandbox.exchange.errors import EwsError
from sandbox.exchange.event_xml import EventItem
from sandbox.exchange.extended import parse_path
from sandbox.exchange.item_xml import SENSITIVITY
from sandbox.exchange.soap import Element, T, invalid_request

Item = EventItem | ContactItem
Test = Callable[[Any], bool]
COMPARISONS = {
    "IsEqualTo": operator.eq, "IsNotEqualTo": operator.ne, "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge, "IsLessThan": operator.lt, "IsLessThanOrEqualTo": operator.le,
}  # fmt: skip


def _stamp(key: str) -> Callable[[Any], datetime]:
    return lambda item: datetime.fromisoformat(item.doc[key][:19]).replace(tzinfo=UTC)


FIELDS: dict[str, Callable[[Any], Any]] = {
    "item:Subject": lambda item: item.subject or "",
    "item:ItemClass": lambda item: item.item_class,
    "item:Sensitivity": lambda item: SENSITIVITY[item.doc.get("sensitivity", "normal")],
    "item:DateTimeCreated": _stamp("createdDateTime"),
    "item:DateTimeReceived": _stamp("createdDateTime"),
    "item:LastModifiedTime": _stamp("lastModifiedDateTime"),
    "calendar:Start": lambda item: item.span[0],
    "calendar:End": lambda item: item.span[1],
    "calendar:Location": lambda item: item.doc["location"]["displayName"],
    "contacts:DisplayName": lambda item: item.doc["displayName"] or "",
    "contacts:FileAs": lambda item: item.doc["fileAs"] or "",
    "contacts:CompanyName": lambda item: item.doc["companyName"] or "",
    "contacts:GivenName": lambda item: item.doc["givenName"] or "",
    "contacts:Surname": lambda item: item.doc["surname"] or "",
}


def read_field(path: Element | None) -> Callable[[Any], Any]:
    """The value of a property. Raises EwsError where nobody can search by it, SoapFault."""
    if path is not None and path.tag == f"{T}ExtendedFieldURI":
        name = parse_path(path)[0]
        return lambda item: item.extended.get(name, "")
    found = FIELDS.get(path.get("FieldURI", "") if path is not None else "")
    if found is None:
        raise EwsError("ErrorUnsupportedPathForQuery")
    return found


def parse_restriction(element: Element, zone: ZoneInfo) -> Test:
    """Whether an item fits; zone: of moments that name none. Raises EwsError, SoapFault."""
    name = element.tag.removeprefix(T)
    parts = [child for child in element if isinstance(child.tag, str)]
    if name in ("And", "Or", "Not"):
        tests = [parse_restriction(part, zone) for part in parts]
        if name == "Not":
            return lambda item: not tests[0](item)
        joined = all if name == "And" else any
        return lambda item: joined(test(item) for test in tests)
    path = element.find(f"{T}ExtendedFieldURI")
    read = read_field(element.find(f"{T}FieldURI") if path is None else path)
    if name == "Exists":
        return lambda item: bool(read(item))
    constant = element.find(f"{T}Constant" if name == "Contains" else f"{T}FieldURIOrConstant/{T}Constant")
    if constant is None:
        raise EwsError("ErrorUnsupportedPathForQuery")
    value = constant.get("Value", "")
    if name == "Contains":
        return _contains(element, read, value)
    if name not in COMPARISONS:
        raise invalid_request(f"The element '{name}' is no restriction that is known here.")
    return _compare(COMPARISONS[name], read, value, zone)


def _compare(compare: Callable[[Any, Any], bool], read: Callable[[Any], Any], value: str, zone: ZoneInfo) -> Test:
    def test(item: Any) -> bool:
        own = read(item)
        if not isinstance(own, datetime):
            return compare(str(own).casefold(), value.casefold())
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return False
        return compare(own, moment if moment.tzinfo else moment.replace(tzinfo=zone))

    return test


def _contains(element: Element, read: Callable[[Any], Any], value: str) -> Test:
    mode = element.get("ContainmentMode", "Substring")
    wanted = value.casefold()

    def test(item: Any) -> bool:
        own = str(read(item)).casefold()
        if mode == "FullString":
            return own == wanted
        if mode.startswith("Prefix"):
            return own.startswith(wanted)
        return wanted in own

    return test
