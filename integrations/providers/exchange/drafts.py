"""Drafts as Exchange takes them: CreateItem, and UpdateItem of what differs. Pure.

Text goes through `dump_text` or `dump_lines`. Elements come in the order of the schema.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/calendaritem
"""

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from integrations.errors import Rejected
from integrations.providers.drafts import is_backwards, is_written
from integrations.providers.exchange.operations import (
    KEY,
    dump_attribute,
    dump_lines,
    dump_moment,
    dump_text,
    place,
)
from integrations.providers.exchange.recurring import dump_recurrence, move_recurrence
from integrations.providers.exchange.single import Item
from integrations.providers.exchange.words import EwsWords
from integrations.providers.time_zones import find_alike_windows_name, find_zone_name
from integrations.recurrence import to_moment
from integrations.remote import Attendee, EventDraft, RemoteEvent, Response

MOST_SUBJECT = 255
"""Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/subject"""
_GROUPS = ("RequiredAttendees", "OptionalAttendees", "Resources")
_ANSWERS = {
    Response.NONE: "Unknown",
    Response.NEEDS_ACTION: "Unknown",
    Response.ACCEPTED: "Accept",
    Response.TENTATIVE: "Tentative",
    Response.DECLINED: "Decline",
}
Sending = Literal["SendToNone", "SendToAllAndSaveCopy", "SendToChangedAndSaveCopy"]


def check_draft(draft: EventDraft, fields: frozenset[str], words: EwsWords) -> None:
    """Refuse what is known not to be taken, in better words than the server's.

    Raises:
        Rejected
    """
    if "title" in fields and len(draft.title) > MOST_SUBJECT:
        raise Rejected(words.long_title, detail=f"a title of {len(draft.title)} characters")
    if "time" not in fields:
        return
    if is_backwards(draft) or (draft.starts is None and draft.starts_on is None):
        raise Rejected(words.odd_time, detail="no time, or backwards")
    if draft.timezone and not find_alike_windows_name(draft.timezone) and draft.recurrence is not None:
        raise Rejected(words.odd_time, detail="a zone that Windows knows nothing like")


def create_event(draft: EventDraft, *, key: str, folder: str) -> str:
    """CreateItem. `folder` as in operations.place.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/createitem-operation
    """
    sending: Sending = "SendToAllAndSaveCopy" if draft.attendees else "SendToNone"
    groups = _group(draft.attendees, {})
    parts = [
        _subject(draft),
        _sensitivity(draft),
        _body(draft),
        f"<t:ExtendedProperty>{KEY}<t:Value>{dump_text(key)}</t:Value></t:ExtendedProperty>",
        *(element for _, element in _times(draft)[:3]),
        _location(draft) if draft.location else "",
        *(_attendees(name, groups[name], {}) for name in _GROUPS if groups[name]),
        dump_recurrence(draft.recurrence, first_day(draft)) if draft.recurrence else "",
        *(element for _, element in _times(draft)[3:]),
    ]
    return (
        f'<m:CreateItem SendMeetingInvitations="{sending}"><m:SavedItemFolderId>{place(folder)}</m:SavedItemFolderId>'
        f"<m:Items><t:CalendarItem>{''.join(parts)}</t:CalendarItem></m:Items></m:CreateItem>"
    )


def find_differing(event: RemoteEvent, draft: EventDraft, fields: frozenset[str]) -> frozenset[str]:
    """Those of the fields that have to be written."""
    return frozenset(name for name in fields if _differs(event, draft, name))


def _differs(event: RemoteEvent, draft: EventDraft, name: str) -> bool:
    match name:
        case "body":
            # What was read is Exchange's own mark-up, or another's: it cannot be compared to the letter.
            return True
        case "attendees":
            wanted = _group(draft.attendees, _known(event))
            return any(_addresses(wanted[group]) != _addresses(_group_of(event, group)) for group in _GROUPS)
        case "time" if event.is_series and _zone_name(draft) != event.timezone:
            return True
    return not is_written(event, draft, frozenset({name}))


def update_event(item: Item, draft: EventDraft, *, fields: frozenset[str], is_bold: bool, words: EwsWords) -> str:
    """UpdateItem that writes these fields, or "" where there is nothing to write. `is_bold`: whatever is there now.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/updateitem-operation

    Raises:
        Rejected: it cannot be written.
    """
    event = item.event
    differing = find_differing(event, draft, fields)
    updates: list[str] = []
    if "title" in differing:
        updates.append(_set("item:Subject", _subject(draft)))
    if "is_private" in differing:
        updates.append(_set("item:Sensitivity", _sensitivity(draft)))
    if "body" in differing:
        updates.append(_set("item:Body", _body(draft)))
    if "time" in differing:
        updates += [_set(uri, element) for uri, element in _times(draft)]
    updates += _update_series(item, draft, fields, differing, words)
    if "location" in differing:
        updates.append(_set("calendar:Location", _location(draft)) if draft.location else _delete("calendar:Location"))
    if "attendees" in differing:
        updates += _update_attendees(item, draft)
    return change_item(item, updates, sending=choose_sending(event, draft, differing), is_bold=is_bold)


def choose_sending(event: RemoteEvent, draft: EventDraft, differing: frozenset[str]) -> Sending:
    """Whom Exchange tells of a change. A change of another's meeting is the person's own affair."""
    if not event.is_organizer or not (event.attendees or ("attendees" in differing and draft.attendees)):
        return "SendToNone"
    return "SendToChangedAndSaveCopy" if differing == {"attendees"} else "SendToAllAndSaveCopy"


def change_item(item: Item, updates: Iterable[str], *, sending: Sending, is_bold: bool) -> str:
    """UpdateItem of the version that was read, or of whatever is there now; "" for no updates."""
    changes = "".join(updates)
    if not changes:
        return ""
    resolution = "AlwaysOverwrite" if is_bold else "NeverOverwrite"
    item_id = f'<t:ItemId Id="{dump_attribute(item.item_id)}" ChangeKey="{dump_attribute(item.change_key)}"/>'
    return (
        f'<m:UpdateItem ConflictResolution="{resolution}" SendMeetingInvitationsOrCancellations="{sending}">'
        f"<m:ItemChanges><t:ItemChange>{item_id}<t:Updates>{changes}</t:Updates></t:ItemChange></m:ItemChanges>"
        "</m:UpdateItem>"
    )


def set_recurrence(element: str) -> str:
    return _set("calendar:Recurrence", element)


def delete_event(item: Item) -> str:
    """DeleteItem, into the trash. Those invited to what is the person's own are told.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/deleteitem-operation
    """
    event = item.event
    sending: Sending = "SendToAllAndSaveCopy" if event.is_organizer and event.attendees else "SendToNone"
    return (
        f'<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="{sending}"><m:ItemIds>'
        f'<t:ItemId Id="{dump_attribute(item.item_id)}"/></m:ItemIds></m:DeleteItem>'
    )


def first_day(event: EventDraft | RemoteEvent) -> date:
    """On which it begins, in its own zone."""
    if event.starts_on is not None:
        return event.starts_on
    assert event.starts is not None
    return event.starts.astimezone(ZoneInfo(event.timezone or "UTC")).date()


def _zone_name(draft: EventDraft) -> str:
    """What Exchange makes of its zone."""
    return find_zone_name(find_alike_windows_name(draft.timezone or "UTC") or "UTC")


def _subject(draft: EventDraft) -> str:
    return f"<t:Subject>{dump_text(draft.title)}</t:Subject>"


def _sensitivity(draft: EventDraft) -> str:
    return f"<t:Sensitivity>{'Private' if draft.is_private else 'Normal'}</t:Sensitivity>"


def _body(draft: EventDraft) -> str:
    return f'<t:Body BodyType="Text">{dump_lines(draft.body)}</t:Body>'


def _location(draft: EventDraft) -> str:
    return f"<t:Location>{dump_text(draft.location)}</t:Location>"


def _times(draft: EventDraft) -> list[tuple[str, str]]:
    """(name, element) of what makes a time up. Days are midnights of the zone they are made in.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/exchange-web-services/time-zones-and-ews-in-exchange
    """
    is_days = draft.starts_on is not None
    zone = find_alike_windows_name(draft.timezone or "UTC") or "UTC"
    starts, ends = (_moment(draft, end) for end in (False, True))
    found = [
        ("Start", f"<t:Start>{dump_moment(starts)}</t:Start>"),
        ("End", f"<t:End>{dump_moment(ends)}</t:End>"),
        ("IsAllDayEvent", f"<t:IsAllDayEvent>{'true' if is_days else 'false'}</t:IsAllDayEvent>"),
        ("StartTimeZone", f'<t:StartTimeZone Id="{dump_attribute(zone)}"/>'),
        ("EndTimeZone", f'<t:EndTimeZone Id="{dump_attribute(zone)}"/>'),
    ]
    return [(f"calendar:{name}", element) for name, element in found]


def _moment(draft: EventDraft, end: bool) -> datetime:
    day = draft.ends_on if end else draft.starts_on
    if day is not None:
        return to_moment(datetime.combine(day, time()), ZoneInfo(_zone_name(draft)))
    moment = draft.ends if end else draft.starts
    assert moment is not None
    return moment


def _update_series(
    item: Item, draft: EventDraft, fields: frozenset[str], differing: frozenset[str], words: EwsWords
) -> list[str]:
    event = item.event
    if event.series_id:
        if "recurrence" in differing:
            raise Rejected(words.one_of_many, detail="the recurrence of an occurrence")
        return []
    if "recurrence" in fields and differing & {"recurrence", "time"}:
        if draft.recurrence is None:
            return [_delete("calendar:Recurrence")] if event.is_series else []
        return [set_recurrence(dump_recurrence(draft.recurrence, first_day(draft if "time" in fields else event)))]
    if "time" not in differing or item.recurrence is None:
        return []
    moved = move_recurrence(item.recurrence, first_day(event), first_day(draft))
    if moved is None:
        raise Rejected(words.cannot_move, detail="a pattern of another kind")
    return [set_recurrence(moved)]


def _known(event: RemoteEvent) -> dict[str, Attendee]:
    return {one.email.lower(): one for one in event.attendees if one.email}


def _group_of(event: RemoteEvent, name: str) -> list[Attendee]:
    return [one for one in event.attendees if _group_name(one) == name and not one.is_organizer]


def _group_name(attendee: Attendee) -> str:
    if attendee.is_resource:
        return "Resources"
    return "OptionalAttendees" if attendee.is_optional else "RequiredAttendees"


def _group(attendees: Iterable[Attendee], known: dict[str, Attendee]) -> dict[str, list[Attendee]]:
    """By the elements of Exchange; a room that is there stays a room, whoever forgets that it is one."""
    found: dict[str, list[Attendee]] = {name: [] for name in _GROUPS}
    for one in attendees:
        there = known.get(one.email.lower())
        found["Resources" if there is not None and there.is_resource else _group_name(one)].append(one)
    return found


def _addresses(attendees: Iterable[Attendee]) -> set[str]:
    return {one.email.lower() for one in attendees}


def _update_attendees(item: Item, draft: EventDraft) -> list[str]:
    """Whole groups are written, those who stay with what they have answered."""
    known = _known(item.event)
    wanted = _group(draft.attendees, known)
    updates = []
    for name in _GROUPS:
        if _addresses(wanted[name]) == _addresses(_group_of(item.event, name)):
            continue
        uri = f"calendar:{name}"
        updates.append(_set(uri, _attendees(name, wanted[name], known)) if wanted[name] else _delete(uri))
    return updates


def _attendees(name: str, attendees: Iterable[Attendee], known: dict[str, Attendee]) -> str:
    # An attendee without a response counts as one who has accepted.
    entries = []
    for one in attendees:
        there = known.get(one.email.lower())
        answer = _ANSWERS[there.response if there is not None else Response.NEEDS_ACTION]
        called = one.name or (there.name if there is not None else "")
        shown = f"<t:Name>{dump_text(called)}</t:Name>" if called else ""
        entries.append(
            f"<t:Attendee><t:Mailbox>{shown}<t:EmailAddress>{dump_text(one.email)}</t:EmailAddress></t:Mailbox>"
            f"<t:ResponseType>{answer}</t:ResponseType></t:Attendee>"
        )
    return f"<t:{name}>{''.join(entries)}</t:{name}>"


def _set(uri: str, element: str) -> str:
    return f'<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:CalendarItem>{element}</t:CalendarItem></t:SetItemField>'


def _delete(uri: str) -> str:
    return f'<t:DeleteItemField><t:FieldURI FieldURI="{uri}"/></t:DeleteItemField>'
