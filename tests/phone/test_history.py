"""Which rows a page of the history holds: under their days, found by any spelling, page by page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.policy import CallScheme
from organizations.models import User
from phone import history
from phone.calling import Dialer
from phone.history import Asked, Listing, Tab
from phone.models import Call, Direction, Result, Voicemail
from phone.showing import Reader, say_length
from tests.phone.books import PAGES
from tests.phone.conftest import ADA, NOW

pytestmark = pytest.mark.usefixtures("morning")


@pytest.fixture
def read(alice: User) -> Callable[..., Listing]:
    """read(text, tab=…, before=…) -> the page as Alice sees it."""
    reader = Reader(alice, "DE", Dialer(CallScheme.TEL))
    return lambda text="", **asked: history.list_history(reader, Asked(text=text, **asked))


def put(owner: User, *moments: datetime, **fields: Any) -> list[Call]:
    fields = {"direction": Direction.INCOMING, "result": Result.ANSWERED, "number": ADA, "e164": ADA} | fields
    start = Call.objects.count()
    rows = [Call(owner=owner, call_id=f"c{start + n}", started_at=one, **fields) for n, one in enumerate(moments)]
    return Call.objects.bulk_create(rows)


def names(listing: Listing) -> list[str]:
    return [row.title for row in listing.rows]


# Days


def test_days_are_those_of_the_reader(alice: User, read: Callable[..., Listing]) -> None:
    """Half past eleven at night in Berlin is half past ten of the same day in UTC; an hour later it is not."""
    put(alice, *(datetime(2026, 11, day, hour, 30, tzinfo=UTC) for day, hour in ((23, 22), (23, 23), (24, 8))))
    put(alice, datetime(2026, 11, 16, 8, tzinfo=UTC), datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    put(alice, datetime(2025, 12, 31, 22, 30, tzinfo=UTC))
    with timezone.override(alice.zone):
        days = read().days
    assert [(day.heading, day.date, len(day.rows)) for day in days] == [
        ("Today", "Tuesday 24 November", 2),
        ("Yesterday", "Monday 23 November", 1),
        ("Monday 16 November", "", 1),
        ("Thursday 1 January", "", 1),
        ("Wednesday 31 December 2025", "", 1),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, ""), (45, "45 s"), (60, "1 min"), (245, "4 min 5 s"), (3600, "1 h"), (4805, "1 h 20 min")],
)
def test_lengths_are_said_in_words(seconds: int, words: str) -> None:
    assert say_length(seconds) == words


# Which


def test_missed_are_those_that_nobody_answered(alice: User, read: Callable[..., Listing]) -> None:
    for result in Result:
        put(alice, NOW, result=result, name=result.value)
        put(alice, NOW, result=result, name=f"out {result.value}", direction=Direction.OUTGOING)
    assert sorted(names(read(tab=Tab.MISSED))) == ["missed", "voicemail"]
    assert len(read().rows) == 2 * len(Result)


def test_hidden_and_others_rows_are_not_there(alice: User, bob: User, read: Callable[..., Listing]) -> None:
    put(alice, NOW, name="Mine")
    put(alice, NOW, name="Hidden", hidden_at=NOW)
    put(bob, NOW, name="Bob's")
    assert names(read()) == ["Mine"]


# Searching


@pytest.mark.parametrize("text", ["lovelace", "ADA love", "030 901820", "+49 (0)30 901820", "0049-30-901820", "9018"])
def test_a_search_finds_any_spelling(alice: User, read: Callable[..., Listing], text: str) -> None:
    put(alice, NOW, name="Ada Lovelace")
    put(alice, NOW, name="Bob", number="+12125550100", e164="+12125550100")
    put(alice, NOW, name="Eve", number="", e164="")
    assert names(read(text)) == ["Ada Lovelace"]
    Voicemail.objects.create(owner=alice, voicemail_id="1", left_at=NOW, name="Ada Lovelace", number=ADA, e164=ADA)
    assert names(read(text, tab=Tab.VOICEMAIL)) == ["Ada Lovelace"]


@pytest.mark.parametrize("text", ["nobody", "lovelace bob", "030 555", "7", "%", "_", "+", "'", "\\"])
def test_a_search_in_vain_finds_nothing(alice: User, read: Callable[..., Listing], text: str) -> None:
    put(alice, NOW, name="Ada Lovelace")
    assert read(text).rows == []


def test_a_search_finds_the_contacts_name_and_extensions(alice: User, read: Callable[..., Listing]) -> None:
    put(alice, NOW, name="A. L.")
    put(alice, NOW, number="4711", e164="")
    PAGES.put(alice, ADA, "Ada Lovelace")
    assert names(read("lovelace")) == ["Ada Lovelace"]
    assert names(read("4711")) == ["Extension 4711"]


# Paging


@pytest.mark.parametrize("tab", [Tab.ALL, Tab.VOICEMAIL])
def test_pages_hold_every_row_once_forth_and_back(
    alice: User, read: Callable[..., Listing], monkeypatch: pytest.MonkeyPatch, tab: Tab
) -> None:
    """Also where several came in the same moment."""
    monkeypatch.setattr(history, "PAGE_SIZE", 3)
    moments = [NOW - timedelta(minutes=n // 2) for n in range(8)]
    put(alice, *moments)
    Voicemail.objects.bulk_create(
        Voicemail(owner=alice, voicemail_id=f"v{n}", left_at=one) for n, one in enumerate(moments)
    )
    forth, page = [], read(tab=tab)
    assert page.newer == ""
    while True:
        forth.append([row.key for row in page.rows])
        if not page.older:
            break
        page = read(tab=tab, before=page.older)
    assert [len(keys) for keys in forth] == [3, 3, 2] and len({key for keys in forth for key in keys}) == 8
    back = [[row.key for row in page.rows]]
    while page.newer:
        page = read(tab=tab, after=page.newer)
        back.append([row.key for row in page.rows])
    assert back[::-1] == forth


def test_newer_than_a_page_near_the_newest_is_the_whole_newest_page(
    alice: User, read: Callable[..., Listing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE_SIZE", 3)
    put(alice, *(NOW - timedelta(minutes=n) for n in range(5)))
    older = read(before=read().older)
    Call.objects.filter(started_at=NOW - timedelta(minutes=1)).update(hidden_at=NOW)
    page = read(after=older.newer)
    assert len(page.rows) == 3 and page.newer == "" and page.rows[0].moment == NOW


@pytest.mark.parametrize("mark", ["", "x", "1-", "-1", "9" * 18 + "-1", "1" * 40 + "-1", "1764000000000000", "0-0-0"])
def test_a_mark_that_is_none_leads_to_the_newest_page(alice: User, read: Callable[..., Listing], mark: str) -> None:
    put(alice, NOW)
    assert len(read(before=mark).rows) == len(read(after=mark).rows) == 1


def test_a_page_far_back_is_read_by_the_index(alice: User, read: Callable[..., Listing]) -> None:
    """Nothing is counted, and nothing that stands before it is walked past."""
    put(alice, *(NOW - timedelta(minutes=n) for n in range(120)))
    with CaptureQueriesContext(database) as queries:
        page = read(before=read().older)
    assert len(page.rows) == history.PAGE_SIZE
    asked = [one["sql"] for one in queries if "phone_call" in one["sql"]]
    assert asked and not [one for one in asked if "COUNT" in one or "OFFSET" in one]
    with database.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if database.vendor == 'sqlite' else ''}{asked[-1]}")
        plan = str(cursor.fetchall())
    if database.vendor == "sqlite":  # PostgreSQL reads so few rows without an index
        assert "calls_newest_first" in plan and "TEMP B-TREE" not in plan
