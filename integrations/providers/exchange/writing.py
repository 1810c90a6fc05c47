"""Writing to Exchange's calendars.

A write is made to what stands there now: it is read first, and what already is as it should be is not written. So a
write whose answer was lost does nothing more, and tells nobody anything again, when it is made again.
"""

from datetime import datetime

from integrations.errors import Conflict, Gone, PermissionMissing, Rejected, Unexpected
from integrations.providers.drafts import check_zone, is_written, keep_zone
from integrations.providers.exchange.calendar import ReadableExchangeCalendar
from integrations.providers.exchange.drafts import (
    change_item,
    check_draft,
    choose_sending,
    create_event,
    delete_event,
    first_day,
    set_recurrence,
    update_event,
)
from integrations.providers.exchange.payloads import content_of
from integrations.providers.exchange.recurring import end_recurrence, last_day_before
from integrations.providers.exchange.responses import MESSAGES, TYPES, Element, check, code_of
from integrations.providers.exchange.single import Item, fetch_item, find_made
from integrations.remote import DRAFT_FIELDS, EventDraft, RemoteEvent, RemoteRef

_FORBIDDEN = frozenset({"ErrorAccessDenied", "ErrorCreateItemAccessDenied", "ErrorSendAsDenied"})


class ExchangeCalendar(ReadableExchangeCalendar):
    """The calendars of a mailbox: an integrations.providers.base.Calendar."""

    def create(self, draft: EventDraft, *, key: str, calendar: str = "") -> RemoteEvent:
        """As in base.Calendar. Exchange makes one as often as it is asked, so it is looked for first.

        Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/createitem-operation
        """
        check_draft(draft, DRAFT_FIELDS, self._wire.words)
        made = find_made(self._wire, calendar, key)
        if not made:
            message = self._write(create_event(draft, key=key, folder=calendar))
            item_id = message.find(f"{MESSAGES}Items/*/{TYPES}ItemId")
            if item_id is None or not item_id.get("Id"):
                raise Unexpected(self._wire.words.not_understood, detail="an event was made, and has no id")
            made = item_id.get("Id")
        return fetch_item(self._wire, RemoteRef(made, calendar)).event

    def update(self, ref: RemoteRef, draft: EventDraft, *, fields: frozenset[str]) -> RemoteEvent:
        """As in base.Calendar.

        Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/updateitem-operation
        """
        check_draft(draft, fields, self._wire.words)
        item = fetch_item(self._wire, ref)
        draft = keep_zone(item.event, draft, fields)
        is_current = content_of(ref.version) == content_of(item.event.ref.version)
        if not is_current and is_written(item.event, draft, fields):
            return item.event
        self._check_version(ref, item)
        operation = update_event(item, draft, fields=fields, is_bold=not ref.version, words=self._wire.words)
        return self._change(ref, item, operation)

    def end_series(self, ref: RemoteRef, *, before: datetime) -> RemoteEvent:
        """As in base.Calendar. One that ends after so many occurrences ends on a day from then on.

        Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/enddaterecurrence
        """
        words = self._wire.words
        item = fetch_item(self._wire, ref)
        event, pattern = item.event, item.recurrence
        if pattern is None or not event.is_series or (event.starts is None and event.starts_on is None):
            raise Rejected(words.no_series, detail="no series")
        check_zone(event)
        first, until = first_day(event), last_day_before(before, event.starts, item.zone)
        if until < first:
            raise Rejected(words.empty_series, detail="empty")
        last = item.find_last()
        if last is not None and last.astimezone(item.zone).date() <= until:
            return event
        self._check_version(ref, item)
        update = set_recurrence(end_recurrence(pattern, first, until))
        sending = choose_sending(event, EventDraft(), frozenset({"recurrence"}))
        return self._change(ref, item, change_item(item, [update], sending=sending, is_bold=not ref.version))

    def delete(self, ref: RemoteRef) -> None:
        """As in base.Calendar.

        Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/deleteitem-operation
        """
        try:
            self._write(delete_event(fetch_item(self._wire, ref)))
        except Gone:
            return

    def _check_version(self, ref: RemoteRef, item: Item) -> None:
        """Raises Conflict."""
        if ref.version and content_of(ref.version) != content_of(item.event.ref.version):
            raise Conflict(self._wire.words.changed, detail="another version")

    def _change(self, ref: RemoteRef, item: Item, operation: str) -> RemoteEvent:
        """What became of an event; `operation`: "" for nothing to write."""
        if not operation:
            return item.event
        self._write(operation)
        return fetch_item(self._wire, ref).event

    def _write(self, operation: str) -> Element:
        """The answer.

        Raises:
            PermissionMissing: the person may not write there.
            ProviderError: any other of the family.
        """
        (message,) = self._wire.ask(operation)[:1]
        if message.get("ResponseClass") == "Error" and code_of(message) in _FORBIDDEN:
            raise PermissionMissing(self._wire.words.read_only, detail=code_of(message))
        return check(message, self._wire.words)
