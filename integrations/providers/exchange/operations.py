"""What is asked of Exchange: the XML of each operation, and the envelope around it. Pure.

Requests are small and always of one form, so they are written as text. Whatever comes from outside goes through
`dump_text` or `dump_attribute`.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/ews-operations-in-exchange
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from xml.sax.saxutils import escape

_NAMESPACES = (
    'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" '
    'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
)
# What XML cannot hold, and what no name of anything holds.
_FORBIDDEN = dict.fromkeys((*range(32), 0xFFFE, 0xFFFF))

_FORBIDDEN_IN_LINES = {code: None for code in _FORBIDDEN if code not in (9, 10)}

_PLAIN = re.compile(r"[A-Za-z0-9+/=_-]*")

MOST_CHANGES = 512
"""The most that one SyncFolderItems may ask for."""

# All of these a calendar view finds without opening each event.
# https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/calendarview
_VIEW_FIELDS = (
    "item:Subject",
    "item:Sensitivity",
    "calendar:UID",
    "calendar:Start",
    "calendar:End",
    "calendar:IsAllDayEvent",
    "calendar:LegacyFreeBusyStatus",
    "calendar:Location",
    "calendar:IsCancelled",
    "calendar:CalendarItemType",
)
_EVENT_FIELDS = (
    *_VIEW_FIELDS,
    "item:LastModifiedTime",
    "item:WebClientReadFormQueryString",
    "calendar:IsMeeting",
    "calendar:MyResponseType",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
    "calendar:Resources",
    "calendar:StartTimeZone",
)
# What is asked of one event alone.
_SINGLE_FIELDS = (
    "item:ParentFolderId",
    "calendar:OriginalStart",
    "calendar:Recurrence",
    "calendar:FirstOccurrence",
    "calendar:LastOccurrence",
    "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences",
)
_SINCE_2013 = ("calendar:JoinOnlineMeetingUrl",)
_CONTACT_FIELDS = (
    "contacts:DisplayName",
    "contacts:FileAs",
    "contacts:GivenName",
    "contacts:Surname",
    "contacts:CompanyName",
    "contacts:JobTitle",
)
PHONE_KEYS = (
    "MobilePhone",
    "BusinessPhone",
    "BusinessPhone2",
    "HomePhone",
    "HomePhone2",
    "CompanyMainPhone",
    "PrimaryPhone",
    "AssistantPhone",
    "CarPhone",
    "Callback",
    "OtherTelephone",
    "RadioPhone",
    "Pager",
    "Isdn",
    "TtyTddPhone",
    "Telex",
    "BusinessFax",
    "HomeFax",
    "OtherFax",
)
_EMAIL_KEYS = ("EmailAddress1", "EmailAddress2", "EmailAddress3")
_ADDRESS_KEYS = ("Business", "Home", "Other")
_ADDRESS_PARTS = ("Street", "City", "State", "CountryOrRegion", "PostalCode")
KEY_NAME = "PorticoKey"
KEY = (
    f'<t:ExtendedFieldURI PropertySetId="5b6a4b04-7ff5-4a6f-9a34-0c5d2f7c7d1e" PropertyName="{KEY_NAME}" '
    'PropertyType="String"/>'
)
"""A property of our own that events and contacts made here have. It stays in this mailbox, which a UID does not."""
IS_HIDDEN = "0x10f4"
"""PidTagAttributeHidden. Reference: https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxprops"""


def dump_text(value: str) -> str:
    """Between tags."""
    return escape(value.translate(_FORBIDDEN))


def dump_lines(value: str) -> str:
    """Between tags, with its line ends."""
    return escape(value.replace("\r\n", "\n").translate(_FORBIDDEN_IN_LINES))


def dump_attribute(value: str) -> str:
    """Within double quotes."""
    # Ids are base64, by the hundred.
    if value.isascii() and _PLAIN.fullmatch(value):
        return value
    return escape(value.translate(_FORBIDDEN), {'"': "&quot;"})


def dump_envelope(operation: str, schema: str) -> bytes:
    """The whole request. `schema`: what RequestServerVersion names. Times without a TimeZoneContext are UTC."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope {_NAMESPACES}><s:Header>'
        f'<t:RequestServerVersion Version="{schema}"/></s:Header><s:Body>{operation}</s:Body></s:Envelope>'
    ).encode()


def get_folders(*names: str) -> str:
    """GetFolder of the account's own folders, by their distinguished names."""
    ids = "".join(f'<t:DistinguishedFolderId Id="{name}"/>' for name in names)
    return _get_folder(ids)


def get_folder(folder: str) -> str:
    """GetFolder of one by its id."""
    return _get_folder(f'<t:FolderId Id="{dump_attribute(folder)}"/>')


def get_calendars_of(addresses: Iterable[str]) -> str:
    """GetFolder of the calendar of each of these mailboxes."""
    ids = "".join(
        '<t:DistinguishedFolderId Id="calendar"><t:Mailbox>'
        f"<t:EmailAddress>{dump_text(address)}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"
        for address in addresses
    )
    return _get_folder(ids)


def _get_folder(ids: str) -> str:
    return (
        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
        f"<m:FolderIds>{ids}</m:FolderIds></m:GetFolder>"
    )


def resolve_names(entry: str) -> str:
    return (
        '<m:ResolveNames ReturnFullContactData="true" SearchScope="ActiveDirectory">'
        f"<m:UnresolvedEntry>{dump_text(entry)}</m:UnresolvedEntry></m:ResolveNames>"
    )


def sync_hierarchy(state: str, *, with_rights: bool = False) -> str:
    """SyncFolderHierarchy of all that a person sees: the tree below the top of the information store."""
    rights = ("folder:EffectiveRights",) if with_rights else ()
    fields = _fields(("folder:FolderClass", "folder:ParentFolderId", "folder:DisplayName", *rights))
    hidden = f'<t:ExtendedFieldURI PropertyTag="{IS_HIDDEN}" PropertyType="Boolean"/>'
    return (
        "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>"
        f"<t:AdditionalProperties>{fields}{hidden}</t:AdditionalProperties></m:FolderShape>"
        f'<m:SyncFolderId><t:DistinguishedFolderId Id="msgfolderroot"/></m:SyncFolderId>{_state(state)}'
        "</m:SyncFolderHierarchy>"
    )


def sync_items(folder: str, state: str, *, is_calendar: bool) -> str:
    """SyncFolderItems: ids, and of events what tells one event from a series."""
    fields = _fields(("calendar:CalendarItemType", "calendar:UID")) if is_calendar else ""
    extra = f"<t:AdditionalProperties>{fields}</t:AdditionalProperties>" if fields else ""
    return (
        f"<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>{extra}</m:ItemShape>"
        f'<m:SyncFolderId><t:FolderId Id="{dump_attribute(folder)}"/></m:SyncFolderId>{_state(state)}'
        f"<m:MaxChangesReturned>{MOST_CHANGES}</m:MaxChangesReturned></m:SyncFolderItems>"
    )


def _state(state: str) -> str:
    return f"<m:SyncState>{dump_text(state)}</m:SyncState>" if state else ""


def find_events(folder: str, starts: datetime, ends: datetime) -> str:
    """FindItem with a CalendarView: events and occurrences of which some lies between two moments.

    `folder` as in `place`.
    """
    return (
        '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>'
        f"<t:AdditionalProperties>{_fields(_VIEW_FIELDS)}</t:AdditionalProperties></m:ItemShape>"
        f'<m:CalendarView StartDate="{dump_moment(starts)}" EndDate="{dump_moment(ends)}"/>'
        f"<m:ParentFolderIds>{place(folder)}</m:ParentFolderIds></m:FindItem>"
    )


def place(folder: str, own: str = "calendar") -> str:
    """A folder by its id; "" for the person's own of this distinguished name."""
    return f'<t:FolderId Id="{dump_attribute(folder)}"/>' if folder else f'<t:DistinguishedFolderId Id="{own}"/>'


def dump_moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def get_events(ids: Iterable[str], *, is_2013: bool, with_body: bool = True) -> str:
    fields = _EVENT_FIELDS + (_SINCE_2013 if is_2013 else ()) + (("item:Body",) if with_body else ())
    return _get_items(ids, _fields(fields) + KEY, body="Best")


def get_event(remote_id: str, *, is_2013: bool) -> str:
    """GetItem of one, with all that is asked of one alone."""
    return _get_event(f'<t:ItemId Id="{dump_attribute(remote_id)}"/>', is_2013)


def get_master(occurrence_id: str, *, is_2013: bool) -> str:
    """The same of the series of an occurrence."""
    return _get_event(f'<t:RecurringMasterItemId OccurrenceId="{dump_attribute(occurrence_id)}"/>', is_2013)


def _get_event(item: str, is_2013: bool) -> str:
    fields = _EVENT_FIELDS + _SINGLE_FIELDS + (_SINCE_2013 if is_2013 else ()) + ("item:Body",)
    return _get(item, _fields(fields) + KEY, body="Best")


def get_contacts(ids: Iterable[str], *, with_body: bool = True) -> str:
    return _get_items(ids, _contact_fields(with_body), body="Text")


def get_contact(remote_id: str) -> str:
    """GetItem of one, with the folder that it is in."""
    return _get_items([remote_id], _fields(("item:ParentFolderId",)) + _contact_fields(True), body="Text")


def _get_items(ids: Iterable[str], fields: str, *, body: str) -> str:
    return _get("".join(f'<t:ItemId Id="{dump_attribute(one)}"/>' for one in ids), fields, body=body)


def _get(items: str, fields: str, *, body: str) -> str:
    """`body`: "Text", or "Best" for HTML where it is stored as HTML: links are in the mark-up."""
    return (
        f"<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:BodyType>{body}</t:BodyType>"
        f"<t:AdditionalProperties>{fields}</t:AdditionalProperties></m:ItemShape>"
        f"<m:ItemIds>{items}</m:ItemIds></m:GetItem>"
    )


@cache
def _fields(names: tuple[str, ...]) -> str:
    return "".join(f'<t:FieldURI FieldURI="{name}"/>' for name in names)


@cache
def _contact_fields(with_body: bool) -> str:
    parts = [_fields(_CONTACT_FIELDS + (("item:Body",) if with_body else ()))]
    parts += [_indexed("contacts:EmailAddress", key) for key in _EMAIL_KEYS]
    parts += [_indexed("contacts:PhoneNumber", key) for key in PHONE_KEYS]
    parts += [_indexed(f"contacts:PhysicalAddress:{part}", key) for key in _ADDRESS_KEYS for part in _ADDRESS_PARTS]
    return "".join(parts) + KEY


def _indexed(uri: str, key: str) -> str:
    return f'<t:IndexedFieldURI FieldURI="{uri}" FieldIndex="{key}"/>'
