"""How events and contacts leave: ids, time zone, body and properties as the request wants them, pages put together
from the stored JSON without parsing it where nothing of that differs.

Reference: https://learn.microsoft.com/en-us/graph/query-parameters
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.mailbox.texts import to_text
from sandbox.mailbox.times import dump_moment, read_moment
from sandbox.microsoft.graph_call import Call, Preferences
from sandbox.microsoft.graph_errors import bad_request
from sandbox.microsoft.graph_ids import to_ordinary

EVENT_NAMES = (
    "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "transactionId",
    "originalStartTimeZone", "originalEndTimeZone", "iCalUId", "reminderMinutesBeforeStart", "isReminderOn",
    "hasAttachments", "subject", "bodyPreview", "importance", "sensitivity", "isAllDay", "isCancelled", "isOrganizer",
    "responseRequested", "seriesMasterId", "showAs", "type", "webLink", "onlineMeetingUrl", "isOnlineMeeting",
    "onlineMeetingProvider", "allowNewTimeProposals", "isDraft", "hideAttendees", "originalStart", "responseStatus",
    "body", "start", "end", "location", "locations", "recurrence", "attendees", "organizer", "onlineMeeting",
    "cancelledOccurrences",
)  # fmt: skip
CONTACT_NAMES = (
    "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "parentFolderId", "birthday", "fileAs",
    "displayName", "givenName", "initials", "middleName", "nickName", "surname", "title", "yomiGivenName",
    "yomiSurname", "yomiCompanyName", "generation", "imAddresses", "jobTitle", "companyName", "department",
    "officeLocation", "profession", "businessHomePage", "assistantName", "manager", "homePhones", "mobilePhone",
    "businessPhones", "spouseName", "personalNotes", "children", "emailAddresses", "homeAddress", "businessAddress",
    "otherAddress", "primaryEmailAddress", "secondaryEmailAddress", "tertiaryEmailAddress",
)  # fmt: skip
NAMES = {
    "event": EVENT_NAMES, "contact": CONTACT_NAMES, "contactFolder": ("id", "parentFolderId", "displayName"),
    "calendar": ("id", "name", "color", "hexColor", "isDefaultCalendar", "changeKey", "canShare",
                 "canViewPrivateItems", "canEdit", "allowedOnlineMeetingProviders", "defaultOnlineMeetingProvider",
                 "isTallyingResponses", "isRemovable", "owner"),
    "user": ("id", "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
             "preferredLanguage", "surname", "userPrincipalName", "accountEnabled", "userType"),
}  # fmt: skip
EXTENDED = ("singleValueExtendedProperties", "multiValueExtendedProperties")
EXPAND = re.compile(r"(\w+)\s*(?:\((.*)\))?$", re.DOTALL)


def parse_select(text: str, kind: str) -> tuple[str, ...]:
    """$select → names as the resource writes them; nothing for all. Raises GraphError."""
    known = {name.lower(): name for name in NAMES[kind]}
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name.lower() not in known:
            raise bad_request(f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.")
    chosen = dict.fromkeys(known[name.lower()] for name in wanted)
    if kind == "event" and "location" in chosen:
        # a place brings the list of places along, as the documentation's answers show
        chosen["locations"] = None
    return tuple(chosen)


def parse_expand(call: Call) -> tuple[str, str]:
    """$expand of extended properties: which kind, and the one id it asks for. Raises GraphError."""
    text = call.query.get("$expand", "").strip()
    if not text:
        return "", ""
    match = EXPAND.match(text)
    if not match or match[1] not in EXTENDED:
        raise bad_request(f"Could not expand '{text}': only extended properties are.")
    wanted = re.search(r"id\s+eq\s+'((?:[^']|'')*)'", match[2] or "")
    if not wanted:
        raise bad_request(
            "Extended properties can be expanded only with a $filter on their id.", "ErrorInvalidUrlQuery"
        )
    return match[1], wanted[1].replace("''", "'")


@dataclass(frozen=True, slots=True)
class Shape:
    """What one request wants its items to look like. kind: "event", "contact" and so on."""

    kind: str
    prefer: Preferences
    select: tuple[str, ...] = ()
    typed: bool = False
    web_root: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, call: Call, kind: str, *, select: str | None = None, typed: bool = False,
           web_root: tuple[str, str] = ("", "")) -> Shape:  # fmt: skip
        """typed: with @odata.type, as change tracking gives them. Raises GraphError."""
        chosen = parse_select(call.query.get("$select", "") if select is None else select, kind)
        return cls(kind, call.prefer, chosen, typed, web_root)

    def context(self, call: Call, collection: str, *, single: bool = False) -> str:
        """@odata.context."""
        chosen = f"({','.join(self.select)})" if self.select else ""
        return f"{call.root}$metadata#{collection}{chosen}{'/$entity' if single else ''}"

    @property
    def _parses(self) -> bool:
        return bool(
            self.select or (self.kind == "event" and (self.prefer.zone is not None or self.prefer.body_as_text))
        )

    def show(self, item: str | dict[str, Any], folder: str, *, floats: bool = False) -> bytes:
        """An item as JSON. folder: where it lies; floats: it lasts all day, although it does not say so."""
        if self._parses:
            item = self._change(orjson.loads(item) if isinstance(item, str) else item, floats)
        text = item.encode() if isinstance(item, str) else orjson.dumps(item)
        if self.web_root[0]:
            text = text.replace(self.web_root[0].encode(), self.web_root[1].encode())
        if not self.prefer.immutable_ids:
            text = _with_ordinary_ids(text, folder)
        if self.typed:
            text = b'{"@odata.type":"#microsoft.graph.' + self.kind.encode() + b'",' + text[1:]
        return text

    def _change(self, doc: dict[str, Any], floats: bool) -> dict[str, Any]:
        if self.kind == "event":
            zone, name = self.prefer.zone, self.prefer.zone_name
            if zone is not None:
                floats = doc.get("isAllDay", floats)
                doc = doc | {
                    which: doc[which] | {"timeZone": name}
                    if floats
                    else dump_moment(read_moment(doc[which]), name, zone)
                    for which in ("start", "end")
                    if which in doc
                }
            if self.prefer.body_as_text and "body" in doc:
                doc = doc | {"body": {"contentType": "text", "content": to_text(doc["body"]["content"])}}
        if self.select:
            kept = {"id", *self.select}
            doc = {name: value for name, value in doc.items() if name in kept or name.startswith("@")}
        return doc


IDS = re.compile(rb'"(?:id|seriesMasterId)":"(AAkALg[A-Za-z0-9_-]+)"')


def _with_ordinary_ids(text: bytes, folder: str) -> bytes:
    for found in set(IDS.findall(text)):
        text = text.replace(found, to_ordinary(found.decode(), folder).encode())
    return text


def dump_page(head: dict[str, Any], items: Iterable[bytes]) -> bytes:
    """A collection: @odata.context first, then the items, then the link, as Graph orders them."""
    context = orjson.dumps({"@odata.context": head.pop("@odata.context")})
    count = orjson.dumps({"@odata.count": head.pop("@odata.count")})[1:-1] + b"," if "@odata.count" in head else b""
    rest = orjson.dumps(head)
    tail = b"," + rest[1:] if head else b"}"
    return context[:-1] + b"," + count + b'"value":[' + b",".join(items) + b"]" + tail
