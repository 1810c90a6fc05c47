"""Meetings with others: what an organizer does reaches the attendees' copies, and an answer reaches the organizer's.

Only between mailboxes of the same site that have been opened; everybody else would get a mail.
"""

from __future__ import annotations

from typing import Any

from sandbox.mailbox.errors import MailboxError
from sandbox.mailbox.event_shapes import OWN
from sandbox.mailbox.events import Events
from sandbox.mailbox.ids import make_occurrence_id, split_occurrence_id
from sandbox.mailbox.times import dump_stamp

# what an invitation carries
SENT = ("subject", "body", "start", "end", "isAllDay", "location", "locations", "recurrence", "attendees",
        "onlineMeeting", "onlineMeetingProvider", "responseRequested", "allowNewTimeProposals", "sensitivity",
        "importance")  # fmt: skip
CANCELLED = "Canceled: "


class Meetings(Events):
    """An event's writing, with the copies of others kept alike. tells: whether the others hear of it."""

    def add_event(self, doc: dict[str, Any], folder: str = "", *, tells: bool = True) -> dict[str, Any]:
        with self._store.transaction():
            made = super().add_event(doc, folder)
            if tells:
                self._invite(made, dict.fromkeys(SENT))
        return made

    def change_event(
        self, event_id: str, patch: dict[str, Any], if_match: str = "", *, tells: bool = True
    ) -> dict[str, Any]:
        with self._store.transaction():
            before = self.find_event(event_id)
            doc = super().change_event(event_id, patch, if_match)
            gone = _addresses(before or doc) - _addresses(doc)
            if tells:
                self._invite(doc, patch)
            if tells and gone and doc["isOrganizer"]:
                self._call_off(doc, gone)
        return doc

    def delete_event(self, event_id: str, if_match: str = "", *, tells: bool = True) -> None:
        """The organizer's deletion cancels the meeting for all others."""
        with self._store.transaction():
            doc = self.find_event(event_id)
            super().delete_event(event_id, if_match)
            if tells and doc and doc["isOrganizer"] and not doc["isCancelled"]:
                self._call_off(doc, _addresses(doc))

    def answer_invitation(self, event_id: str, response: str) -> dict[str, Any]:
        """response: "accepted", "tentativelyAccepted" or "declined"; a declined event stays, as free time.

        Raises MailboxError, for an event of one's own too.
        """
        with self._store.transaction():
            doc = self.get_event(event_id)
            if doc["isOrganizer"]:
                raise MailboxError("ErrorCalendarIsOrganizerForAccept")
            status = {"response": response, "time": dump_stamp(self._clock.now())}
            shown = {"accepted": "busy", "tentativelyAccepted": "tentative", "declined": "free"}[response]
            attendees = _answered(doc, self.email, status)
            changed = Events.change_event(
                self, event_id, {"responseStatus": status, "showAs": shown, "attendees": attendees}
            )
            organizer = self.mailboxes.find(self.site, doc["organizer"]["emailAddress"]["address"])
            theirs = self._same_in(organizer, doc) if organizer else None
            if organizer and theirs:
                Events.change_event(organizer, theirs["id"], {"attendees": _answered(theirs, self.email, status)})
        return changed

    def _same_in(self, other: Meetings, doc: dict[str, Any]) -> dict[str, Any] | None:
        """The other mailbox's copy of an event."""
        split = split_occurrence_id(doc["id"])
        if split is None:
            return other.find_by_uid(doc["iCalUId"])
        master = self.find_event(split[0])
        theirs = other.find_by_uid(master["iCalUId"]) if master else None
        return other.find_event(make_occurrence_id(theirs["id"], split[1])) if theirs else None

    def _others(self, addresses: set[str]) -> list[Meetings]:
        found = [self.mailboxes.find(self.site, address) for address in sorted(addresses - {self.email})]
        return [mailbox for mailbox in found if mailbox]

    def _invite(self, doc: dict[str, Any], patch: dict[str, Any]) -> None:
        if not doc["isOrganizer"] or not doc["attendees"]:
            return
        for other in self._others(_addresses(doc)):
            theirs = self._same_in(other, doc)
            if theirs:
                changed = {name: doc[name] for name in SENT if name in patch and name not in OWN}
                if "start" in changed or "end" in changed:
                    changed |= _with_zones(doc)
                if changed:
                    Events.change_event(other, theirs["id"], changed)
            elif doc["type"] in ("singleInstance", "seriesMaster"):
                copy = {name: doc[name] for name in SENT} | _with_zones(doc)
                copy |= {"organizer": doc["organizer"], "iCalUId": doc["iCalUId"], "showAs": "tentative"}
                Events.add_event(other, copy)

    def _call_off(self, doc: dict[str, Any], addresses: set[str]) -> None:
        for other in self._others(addresses):
            theirs = self._same_in(other, doc)
            if theirs and not theirs["isCancelled"]:
                Events.change_event(other, theirs["id"], {"isCancelled": True, "showAs": "free",
                                                          "subject": CANCELLED + theirs["subject"]})  # fmt: skip


def _addresses(doc: dict[str, Any]) -> set[str]:
    return {one["emailAddress"]["address"].lower() for one in doc["attendees"]}


def _answered(doc: dict[str, Any], email: str, status: dict[str, str]) -> list[dict[str, Any]]:
    return [one | {"status": status} if one["emailAddress"]["address"].lower() == email else one
            for one in doc["attendees"]]  # fmt: skip


def _with_zones(doc: dict[str, Any]) -> dict[str, Any]:
    """A stored event's times as something to write: an all-day event's with the zone whose midnights they are."""
    names = {"originalStartTimeZone": doc["originalStartTimeZone"], "originalEndTimeZone": doc["originalEndTimeZone"]}
    if not doc["isAllDay"]:
        return {"start": doc["start"], "end": doc["end"], **names}
    return {"start": doc["start"] | {"timeZone": doc["originalStartTimeZone"]},
            "end": doc["end"] | {"timeZone": doc["originalEndTimeZone"]}, **names}  # fmt: skip
