"""What somebody may do with a meeting, what stands in the way of the rest, and what is on its way to the calendar."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q
from django.urls import reverse

from integrations import registry
from integrations.connecting import find_connection
from integrations.models import Connection
from integrations.outgoing import WriteState
from integrations.standing import Standing
from meetings.delegating import Circle
from meetings.host_settings import find_info, find_row
from meetings.models import AccountCalendar, Meeting, Origin, Write
from meetings.offering import find_write_standing
from meetings.reader import Reader
from meetings.scheduling_models import WriteAction
from meetings.visibility import Relation
from organizations.models import User


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not offered, and where that can be changed."""

    sentence: str
    href: str = ""
    words: str = ""


@dataclass(frozen=True)
class Actions:
    """For one meeting and one viewer. None: it is offered."""

    meeting: Meeting
    owner: User
    is_own: bool
    write: "Pending | None"
    edit_refusal: Refusal | None
    delete_refusal: Refusal | None
    provider: str
    """What the owner's calendar is called; "" without one."""

    @property
    def may_edit(self) -> bool:
        return self.edit_refusal is None

    @property
    def may_delete(self) -> bool:
        return self.delete_refusal is None

    @property
    def web_url(self) -> str:
        url = self.meeting.web_url
        return url if url.startswith("https://") else ""

    @property
    def refusals(self) -> list[Refusal]:
        """Each sentence once."""
        found = [one for one in (self.edit_refusal, self.delete_refusal) if one and one.sentence]
        return list(dict.fromkeys(found))


def find_actions(reader: Reader, meeting: Meeting) -> Actions | None:
    """None where the viewer sees the time alone: what is hidden is not acted on, nor said to be."""
    relation = reader.circle.relation_to(meeting.owner_id)
    if meeting.is_private and relation is Relation.DELEGATE:
        return None
    owner = reader.circle.find_owner(meeting.owner_id)
    assert owner is not None
    connection = find_connection(owner)
    standing, is_own = find_write_standing(owner, connection), relation is Relation.OWNER
    return Actions(
        meeting=meeting,
        owner=owner,
        is_own=is_own,
        write=find_pending(meeting),
        edit_refusal=_why_not_edited(meeting, owner, standing, is_own=is_own),
        delete_refusal=_why_not_deleted(meeting, owner, standing, is_own=is_own),
        provider=standing.info.calendar_name if standing.info else "",
    )


def _why_not_edited(meeting: Meeting, owner: User, standing: Standing, *, is_own: bool) -> Refusal | None:
    there = standing.info.calendar_name if standing.info else "the calendar"
    if meeting.origin == Origin.HERE:
        return None
    if meeting.origin == Origin.HOST:
        row = find_row(owner.organization)
        info = find_info(row.kind) if row else None
        name = (info.name if info else "") or "the meeting host"
        return Refusal(f"This meeting was made in {name}. Change it in {name}.")
    if meeting.is_cancelled:
        return Refusal("")
    if not meeting.is_organizer:
        named = meeting.organizer_name or meeting.organizer_email
        who = f"the organizer, {named}," if named else "the organizer"
        return Refusal(f"Only {who} can change this meeting.")
    if meeting.kind:
        return Refusal(f"This is no ordinary event. Change it in {there}.")
    return why_not_written(owner, standing, is_own=is_own) or _why_not_there(meeting, there)


def _why_not_there(meeting: Meeting, there: str) -> Refusal | None:
    found = AccountCalendar.objects.filter(connection=meeting.connection_id, remote_id=meeting.container)
    if meeting.container and found.filter(is_writable=False).exists():
        return Refusal(f"This calendar can be read only. Change the meeting in {there}, if you may there.")
    return None


def _why_not_deleted(meeting: Meeting, owner: User, standing: Standing, *, is_own: bool) -> Refusal | None:
    if meeting.scheduled_id is None:
        there = standing.info.calendar_name if standing.info else ""
        is_ours = meeting.origin == Origin.CALENDAR and meeting.is_organizer and not meeting.is_cancelled
        return Refusal(f"It was not scheduled here: delete it in {there}." if is_ours and there else "")
    scheduled = meeting.scheduled
    assert scheduled is not None
    return why_not_written(owner, standing, is_own=is_own) if scheduled.wants_calendar else None


def why_not_written(owner: User, standing: Standing, *, is_own: bool) -> Refusal | None:
    """None where the owner's calendar may be written to now."""
    lacks, connection = standing.lacks, standing.connection
    whose, of_whose = ("Your", "your") if is_own else (f"{owner.label}’s", f"{owner.label}’s")
    if lacks == "integration":
        return Refusal(f"{whose} calendar is not used: the integration is switched off.")
    if lacks == "connection":
        connect = (reverse("integrations:connection_new"), "Connect it") if is_own else ("", "")
        return Refusal(f"{whose} calendar is not connected.", *connect)
    if lacks == "organization":
        return Refusal(standing.refusal)
    if lacks:
        change = (reverse("integrations:connection_edit"), "Change permissions") if is_own else ("", "")
        return Refusal(f"Calendar write is not part of {of_whose} connection.", *change)
    if connection is not None and connection.needs_reconnect:
        name = standing.info.name if standing.info else "The calendar service"
        mend = (reverse("integrations:profile"), "Reconnect") if is_own else ("", "")
        who = "you have to sign in" if is_own else f"{owner.label} has to sign in"
        return Refusal(f"Nothing can be written: {who} at {name} again.", *mend)
    return None


class Pending:
    """A write that a person should know of, in the words of a page."""

    def __init__(self, write: Write) -> None:
        self.write = write

    @cached_property
    def place(self) -> str:
        """Where it goes: the calendar, or the meeting host while its turn is first or there is nothing else."""
        if self.write.connection is None or (self.write.host_action and self.write.action != WriteAction.DELETE):
            scheduled = self.write.scheduled
            info = find_info(scheduled.host) if scheduled and scheduled.host else None
            if info is not None:
                return info.name or "the meeting host"
        return self.calendar

    @cached_property
    def calendar(self) -> str:
        connection: Connection | None = self.write.connection
        info = registry.find_info(connection.provider) if connection else None
        return info.calendar_name if info else "your calendar"

    @property
    def is_waiting(self) -> bool:
        return self.write.state == WriteState.WAITING

    @property
    def is_failed(self) -> bool:
        return self.write.state == WriteState.FAILED

    @property
    def is_conflict(self) -> bool:
        return self.write.state == WriteState.CONFLICT

    @property
    def is_delayed(self) -> bool:
        """It was tried, and is tried again."""
        return self.is_waiting and bool(self.write.error_code)

    @property
    def title(self) -> str:
        """What it is about; "" where that is not known any more."""
        write = self.write
        if write.scheduled is not None:
            return write.scheduled.topic
        draft = write.base_json or write.draft_json or {}
        return str(draft.get("title", ""))

    @property
    def act(self) -> str:
        """What is being done: "Saving to Google Calendar"."""
        if self.write.action == WriteAction.DELETE or (self.write.action == WriteAction.END_SERIES):
            return f"Removing from {self.place}"
        if self.write.host_action == WriteAction.CREATE and self.write.connection is None:
            return f"Getting a join link from {self.place}"
        return f"Saving to {self.place}"

    @property
    def failure(self) -> str:
        """What has not happened."""
        if self.write.action == WriteAction.DELETE:
            return f"This meeting could not be removed from {self.place}."
        if self.write.action == WriteAction.CREATE and self.write.connection is None:
            return f"There is no join link yet: {self.place} did not give one."
        if self.write.action == WriteAction.CREATE:
            return f"This meeting could not be put into {self.place}."
        return f"Your change could not be saved to {self.place}."

    @property
    def can_be_dropped(self) -> bool:
        """Whether what stands there can simply be left as it is."""
        is_change = self.write.action in (WriteAction.UPDATE, WriteAction.SPLIT)
        return is_change and bool(self.write.remote_id) and self.write.connection is not None


URGENCY = {WriteState.CONFLICT: 0, WriteState.FAILED: 1, WriteState.WAITING: 2}


def find_pending(meeting: Meeting) -> Pending | None:
    """The one of its writes that matters most to a person."""
    about = Q(pk__in=[])
    if meeting.scheduled_id is not None:
        about |= Q(scheduled=meeting.scheduled_id)
    if meeting.connection_id is not None:
        names = {meeting.remote_id} | ({meeting.series_id} - {""})
        is_here = Q(connection=meeting.connection_id, container=meeting.container)
        about |= is_here & (Q(remote_id__in=names) | Q(series_id__in=names, is_whole=True))
    found = Write.objects.open().filter(about, owner=meeting.owner_id).select_related("scheduled", "connection")
    ranked = sorted(found, key=lambda one: (URGENCY[WriteState(one.state)], -one.pk))
    return Pending(ranked[0]) if ranked else None


def find_troubled(circle: Circle) -> list[Pending]:
    """What could not be saved, newest first, as far as this person may know of it. At most two queries."""
    owners = [sight.owner_id for sight in circle.sights]
    states = [WriteState.FAILED, WriteState.CONFLICT]
    found = Write.objects.filter(owner__in=owners, state__in=states).order_by("-pk")
    return [Pending(one) for one in keep_visible(circle, found.select_related("scheduled", "connection", "owner"))]


def keep_visible(circle: Circle, writes: Iterable[Write]) -> list[Write]:
    """Without those about private meetings of owners who do not let this person manage them."""
    hidden_owners = {one.owner_id for one in circle.sights if one.hides_private}
    writes = list(writes)
    doubtful = [one for one in writes if one.owner_id in hidden_owners]
    if not doubtful:
        return writes
    private = _find_private(doubtful)
    return [one for one in writes if one.owner_id not in hidden_owners or one.pk not in private]


def _find_private(writes: list[Write]) -> set[int]:
    """Of these, those about something that is private here, there, or as it is to become."""
    scheduled = {one.scheduled_id for one in writes if one.scheduled_id}
    names = {name for one in writes for name in (one.remote_id, one.series_id) if name}
    rows = Meeting.objects.filter(Q(scheduled__in=scheduled) | Q(remote_id__in=names) | Q(series_id__in=names))
    rows = rows.filter(is_private=True, owner__in={one.owner_id for one in writes})
    facts = list(rows.values_list("scheduled_id", "remote_id", "series_id"))
    private_names = {name for fact in facts for name in fact[1:] if name}
    private_scheduled = {fact[0] for fact in facts if fact[0]}
    return {
        one.pk
        for one in writes
        if any(draft and draft.get("is_private") for draft in (one.base_json, one.draft_json, one.theirs_json))
        or (one.scheduled is not None and (one.scheduled.is_private or one.scheduled_id in private_scheduled))
        or bool({one.remote_id, one.series_id} & private_names)
    }
