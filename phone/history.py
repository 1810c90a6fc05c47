"""One page of a person's calls or voicemail, under the days they came on, in a few queries however many there are.

Pages are asked for by the row they go on from, never by number: counting fifty thousand calls, or walking past them,
takes longer than showing some, and a call that comes in meanwhile would push the rows of numbered pages along.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from itertools import groupby
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format

from integrations.numbers import find_digits, is_number_like, parse_number
from organizations.models import User
from phone.callers import CallerBook, book
from phone.models import Call, Voicemail
from phone.showing import Reader, Row, is_missed

PAGE_SIZE = 50
MOST_WORDS = 8
"""Words of a search that are looked for; more would only slow it down."""
NEAR = timedelta(days=1)
"""A voicemail is left in the call it belongs to: no need to look further for it."""

_read_mark = re.compile(r"(\d{1,18})-(\d{1,18})", re.ASCII).fullmatch


class Tab(StrEnum):
    ALL = "all"
    MISSED = "missed"
    VOICEMAIL = "voicemail"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a page says. `before` and `after`: marks of rows, "" for the newest page."""

    tab: Tab = Tab.ALL
    text: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """Rows of one day of the reader's. `heading`: "Yesterday", `date`: "Sunday 22 November"; else the date alone."""

    heading: str
    date: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Listing:
    """`older` and `newer`: marks to ask for the next pages with, "" where there are none."""

    rows: Sequence[Row]
    days: Sequence[Day]
    older: str = ""
    newer: str = ""

    @property
    def has_strangers(self) -> bool:
        """Whether somebody with a number is in none of the reader's contacts."""
        return any(row.is_stranger for row in self.rows)

    def digest(self, *more: Any) -> str:
        """Changes whenever a row, or anything else that is given, would be shown otherwise."""
        shown = [row.facts for row in self.rows]
        return blake2b(repr((shown, self.older, self.newer, more)).encode(), digest_size=8).hexdigest()


def list_history(reader: Reader, asked: Asked) -> Listing:
    """The rows, voicemail that was left in them, and whose numbers they are: at most four queries, with one more where
    "newer" leads to the newest page."""
    callers, user = book(), reader.user
    parties, older, newer = _cut(_find(user, asked, callers, reader.region), asked)
    known = callers.find_callers(user, {one.e164 for one in parties if one.e164})
    left = _find_left(user, [one for one in parties if isinstance(one, Call)])
    rows = [Row(reader, one, known.get(one.e164), left.get(one.call_id)) for one in parties]
    return Listing(rows, _group(rows), older, newer)


def count_unread(user: User) -> int:
    return Voicemail.objects.visible_to(user).unread().count()


def _find(user: User, asked: Asked, callers: CallerBook, region: str) -> QuerySet[Any]:
    found: QuerySet[Any]
    if asked.tab is Tab.VOICEMAIL:
        found = Voicemail.objects.visible_to(user)
    else:
        found = Call.objects.visible_to(user)
        if asked.tab is Tab.MISSED:
            found = Call.objects.visible_to(user).missed()
    return found.filter(_match(user, asked.text, callers, region)) if asked.text else found


def _match(user: User, text: str, callers: CallerBook, region: str) -> Q:
    """Every word occurs in the name that the phone system gives, or the words find a contact with the number, or they
    are a number: any part of it of two digits or more, in any spelling that someone in `region` would use."""
    wanted = Q()
    for word in text.split()[:MOST_WORDS]:
        wanted &= Q(name__icontains=word)
    if (numbers := callers.find_numbers(user, text)) is not None:
        wanted |= Q(e164__in=numbers)
    if is_number_like(text):
        if len(part := find_digits(text).lstrip("0")) >= 2:
            # What is dialled before the number proper (0, 00) is not part of it.
            wanted |= Q(e164__contains=part) | Q(number__contains=part)
        if e164 := parse_number(text, region).e164:
            wanted |= Q(e164=e164)
    return wanted


def _cut(found: QuerySet[Any], asked: Asked) -> tuple[list[Call | Voicemail], str, str]:
    """One page, newest first, and the marks of the pages beside it."""
    column = _column_of(asked)
    if after := _parse_mark(asked.after):
        wanted = _beyond(found, f"{column}__gte", f"{column}", "pk__lte", after)
        nearest = list(wanted.order_by(column, "pk")[: PAGE_SIZE + 1])
        if len(nearest) > PAGE_SIZE:
            rows = nearest[:PAGE_SIZE][::-1]
            return rows, _mark(rows[-1]), _mark(rows[0])
    before = None if after else _parse_mark(asked.before)
    wanted = _beyond(found, f"{column}__lte", f"{column}", "pk__gte", before) if before else found
    rows = list(wanted.newest_first()[: PAGE_SIZE + 1])  # type: ignore[attr-defined]
    older = _mark(rows[PAGE_SIZE - 1]) if len(rows) > PAGE_SIZE else ""
    rows = rows[:PAGE_SIZE]
    return rows, older, _mark(rows[0]) if before and rows else ""


def _column_of(asked: Asked) -> str:
    return "left_at" if asked.tab is Tab.VOICEMAIL else "started_at"


def _beyond(found: QuerySet[Any], reach: str, same: str, rest: str, mark: tuple[datetime, int]) -> QuerySet[Any]:
    """Rows beyond a mark, said so that an index by time serves: no later, less those of the moment itself."""
    moment, pk = mark
    return found.filter(**{reach: moment}).exclude(**{same: moment, rest: pk})


def _mark(row: Call | Voicemail) -> str:
    moment = row.left_at if isinstance(row, Voicemail) else row.started_at
    return f"{(moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)}-{row.pk}"


def _parse_mark(text: str) -> tuple[datetime, int] | None:
    """None for nonsense, which leads to the newest page."""
    if not (read := _read_mark(text)):
        return None
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(read[1])), int(read[2])
    except OverflowError:
        return None


def _find_left(user: User, calls: Sequence[Call]) -> dict[str, Voicemail]:
    """Messages left in these calls, by `call_id`."""
    ids = {one.call_id for one in calls if one.call_id and is_missed(one)}
    if not ids:
        return {}
    moments = [one.started_at for one in calls]
    around = Q(left_at__gte=min(moments) - NEAR, left_at__lte=max(moments) + NEAR)
    return {one.call_id: one for one in Voicemail.objects.visible_to(user).filter(around, call_id__in=ids)}


def _group(rows: Iterable[Row]) -> list[Day]:
    today = timezone.localdate()
    days = []
    for date, under in groupby(rows, key=lambda row: timezone.localtime(row.moment).date()):
        words = date_format(date, "l j F" if date.year == today.year else "l j F Y")
        nearby = {0: "Today", 1: "Yesterday"}.get((today - date).days, "")
        days.append(Day(nearby or words, words if nearby else "", list(under)))
    return days
