"""Meetings that people made at the meeting host itself (in Zoom), as rows beside those of their calendars.

One person at a time, each some fifteen minutes after the last time. What is listed under the number of a meeting that
was scheduled here is left out, and `Meeting.objects.shown` leaves out what a calendar has as well.
"""

import hashlib
import logging
import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.errors import AdminNeeded, Gone, ProviderError, RateLimited, Unreachable
from integrations.policy_models import policy_for
from meetings import assistants, host_settings
from meetings.hosting import HostedMeeting
from meetings.joining import find_links
from meetings.models import HostCursor, Meeting, MeetingHost, Origin, ScheduledMeeting, dump_json, number_of
from organizations.models import User

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=15)
SPREAD = 0.1
UNKNOWN_USER_EVERY = timedelta(hours=6)
"""How often it is looked whether somebody has become a user of the host."""
LONGEST_WAIT = timedelta(hours=6)
AWAY_FOR = timedelta(minutes=5)
"""How long an organization's host is left alone by everybody once it could not be reached for somebody."""
LONGEST_AWAY = timedelta(hours=1)
TAKEN_FOR = timedelta(minutes=5)
MOST_DUE = 200
"""Of one sweep: what a host's limits and the workers take in a minute."""
MOST_MEETINGS = 5_000
LONGEST_TITLE = 1_000

Values = dict[str, Any]


def find_due(now: datetime | None = None) -> list[int]:
    """Keys of the people whose turn it is, the longest due first. New people get a cursor, spread over an interval."""
    now = now or timezone.now()
    _add_cursors(now)
    due = HostCursor.objects.filter(user__in=_find_people(), next_read_at__lte=now).order_by("next_read_at", "pk")
    return list(due.values_list("user_id", flat=True)[:MOST_DUE])


def _add_cursors(now: datetime) -> None:
    missing = _find_people().filter(host_cursor__isnull=True).values_list("pk", flat=True)
    cursors = [
        HostCursor(user_id=pk, next_read_at=now + EVERY * _chance() if number >= MOST_DUE else now)
        for number, pk in enumerate(missing)
    ]
    HostCursor.objects.bulk_create(cursors, ignore_conflicts=True)


def _find_people() -> QuerySet[User]:
    """Whose meetings are read: of organizations with a host that lists them."""
    kinds = [kind for kind in settings.HOSTS if (info := host_settings.find_info(kind)) and info.lists_upcoming]
    organizations = MeetingHost.objects.filter(kind__in=kinds, reads_upcoming=True).values("organization")
    return User.objects.filter(is_active=True, membership__organization__in=organizations)


def read_one(user_id: int) -> None:
    """Read what one person has coming up at the host, and make rows of it. Nothing is raised: it is tried again."""
    now = timezone.now()
    person = _find_people().filter(pk=user_id).first()
    if person is None:
        forget(user_id)
        return
    if not _take(person, now):
        return
    row = host_settings.find_row(person.organization)
    if row is None:
        return
    try:
        found = _fetch(row, person)
    except Gone:
        found = []
        _keep(row, person, found, wait=UNKNOWN_USER_EVERY, code=Gone.code)
    except ProviderError as error:
        _postpone(row, person, error)
    else:
        _keep(row, person, found, wait=_jitter(EVERY))


def _take(person: User, now: datetime) -> bool:
    """Whether it is this worker's turn: the next one sees a cursor that is not due."""
    cursor = HostCursor.objects.filter(user=person, next_read_at__lte=now)
    return bool(cursor.update(next_read_at=now + TAKEN_FOR))


def _fetch(row: MeetingHost, person: User) -> list[HostedMeeting]:
    """Raises ProviderError."""
    with host_settings.make_host(row).open() as host:
        found = list(islice(host.upcoming(person.email), MOST_MEETINGS))
        assistants.read(host, row, person)
        return found


def _postpone(row: MeetingHost, person: User, error: ProviderError) -> None:
    """Where it is not about this person alone, nobody of the organization is tried again for a while."""
    now = timezone.now()
    cursor = HostCursor.objects.filter(user=person).first()
    failures = cursor.failures + 1 if cursor else 1
    asked = error.retry_after if isinstance(error, RateLimited | Unreachable) else None
    longest = LONGEST_AWAY if isinstance(error, Unreachable) else LONGEST_WAIT
    wait = min(asked or EVERY * 2 ** min(failures - 1, 8), longest)
    log.info("Upcoming meetings were not read: %s", error.code, extra={"detail": error.detail, "user": person.pk})
    kept = {"failures": failures, "error_code": error.code}
    HostCursor.objects.filter(user=person).update(**kept, next_read_at=now + _jitter(wait))
    others = HostCursor.objects.filter(user__membership__organization=row.organization_id).exclude(user=person)
    if isinstance(error, AdminNeeded):
        # Their failure as well: so the next of them waits longer, and a change of the host ends it for all.
        others.filter(next_read_at__lt=now + wait).update(**kept, next_read_at=now + wait)
        host_settings.note_outcome(row, code=error.code, sentence=error.sentence)
    elif isinstance(error, RateLimited):
        others.filter(next_read_at__lt=now + wait).update(next_read_at=now + wait)
    elif isinstance(error, Unreachable):
        others.filter(next_read_at__lt=now + AWAY_FOR).update(next_read_at=now + AWAY_FOR)


def _jitter(wait: timedelta) -> timedelta:
    return wait * (1 + SPREAD * _chance())


def _chance() -> float:
    return random.random()  # noqa: S311 (spreads load, guards nothing)


def _keep(row: MeetingHost, person: User, found: list[HostedMeeting], *, wait: timedelta, code: str = "") -> None:
    """Rows and cursor in one transaction, unless the host was changed or switched off meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        is_same = MeetingHost.objects.select_for_update().filter(pk=row.pk, changed_at=row.changed_at).exists()
        cursor = HostCursor.objects.select_for_update().filter(user=person).first()
        if not is_same or cursor is None:
            return
        _apply(person, row, found, now)
        cursor.next_read_at, cursor.read_at, cursor.failures, cursor.error_code = now + wait, now, 0, code
        cursor.save(update_fields=["next_read_at", "read_at", "failures", "error_code"])
    if row.error_code and not code:
        host_settings.note_outcome(row)


def _apply(person: User, row: MeetingHost, found: Iterable[HostedMeeting], now: datetime) -> None:
    """Write what is new or different, and remove what is not listed any more; what is over stays for a while."""
    wanted = _make_values(person, _leave_out(person, row, found, now))
    held = {one.remote_id: one for one in Meeting.objects.filter(owner=person, origin=Origin.HOST).defer("body_text")}
    added = [Meeting(**values) for remote_id, values in wanted.items() if remote_id not in held]
    changed = []
    for remote_id, values in wanted.items():
        existing = held.get(remote_id)
        if existing is not None and existing.stamp != values["stamp"]:
            for name, value in values.items():
                setattr(existing, name, value)
            changed.append(existing)
    oldest = now - timedelta(days=settings.SYNC["days_back"])
    gone = [
        one.pk
        for remote_id, one in held.items()
        if remote_id not in wanted and one.ends is not None and (one.ends > now or one.ends < oldest)
    ]
    Meeting.objects.bulk_create(added, batch_size=500)
    if changed:
        names = [name for name in next(iter(wanted.values())) if name not in ("owner_id", "origin", "remote_id")]
        Meeting.objects.bulk_update(changed, names, batch_size=500)
    if gone:
        Meeting.objects.filter(pk__in=gone).delete()


def _leave_out(person: User, row: MeetingHost, found: Iterable[HostedMeeting], now: datetime) -> list[HostedMeeting]:
    """Without what was scheduled here, what has no time, and what lies beyond the window."""
    until = now + timedelta(days=settings.SYNC["days_ahead"])
    timed = [one for one in found if one.starts is not None and one.starts < until]
    # Those without an id are being made just now, or the answer was lost: the reference tells that they are ours.
    known = Q(host_id__in={one.id for one in timed}) | Q(host_id="")
    ours = list(ScheduledMeeting.objects.filter(known, owner=person, host=row.kind).values_list("host_id", "key"))
    ids, references = {host_id for host_id, _ in ours}, {key.hex[:12] for _, key in ours}
    return [one for one in timed if one.id not in ids and one.reference not in references]


def _make_values(person: User, found: Iterable[HostedMeeting]) -> dict[str, Values]:
    """Fields of the row of each meeting, or of each occurrence, by its remote id."""
    own_hosts = frozenset({urlsplit(settings.PUBLIC_URL).netloc})
    vanity_hosts = policy_for(person).vanity_hosts
    made: dict[str, Values] = {}
    links_of: dict[str, Values] = {}
    for one in found:
        if one.starts is None:
            continue
        if one.join_url not in links_of:
            links = find_links(conference=[one.join_url], own_hosts=own_hosts, vanity_hosts=vanity_hosts)
            services = dict.fromkeys(link.service for link in links if link.kind == "join")
            links_of[one.join_url] = {
                "links_json": dump_json(links) if links else "[]",
                "join_services": f" {' '.join(services)} " if services else "",
                # The link's before the meeting's own: in somebody's personal room they differ, and calendars have this.
                "meeting_number": number_of(links) or one.meeting_number[:20],
            }
        remote_id = f"{one.id}@{one.starts:%Y%m%dT%H%M%SZ}" if one.is_series else one.id
        title = one.topic.replace("\0", "")
        title = title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
        values: Values = {
            "owner_id": person.pk,
            "origin": Origin.HOST,
            "remote_id": remote_id,
            "series_id": one.id if one.is_series else "",
            "title": title,
            "starts": one.starts,
            "ends": one.starts + timedelta(minutes=one.minutes),
            "timezone": one.timezone[:64],
            "organizer_name": person.name,
            "organizer_email": person.email,
            "is_organizer": True,
            "search_text": "\n".join((title, person.name, person.email)).casefold(),
            **links_of[one.join_url],
        }
        made[remote_id] = values | {"stamp": _stamp(values)}
    return made


def _stamp(values: Mapping[str, Any]) -> str:
    return hashlib.blake2b(repr(sorted(values.items())).encode(errors="replace"), digest_size=16).hexdigest()


def forget(user_id: int) -> None:
    """Somebody left, or the host of their organization is not read any more."""
    HostCursor.objects.filter(user=user_id).delete()
    Meeting.objects.filter(owner=user_id, origin=Origin.HOST).delete()
