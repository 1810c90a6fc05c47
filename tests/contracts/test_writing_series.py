"""The contract about writing series and their occurrences."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from integrations.errors import Conflict, Gone, Rejected, Unreachable
from integrations.providers.base import Calendar
from integrations.recurrence import LAST_DAY, MOST_OCCURRENCES, Recurrence, Repeats, month_pattern
from integrations.remote import RemoteEvent, Response, Window
from tests.contracts.stages import BERLIN, Stage, open_account
from tests.contracts.writing import (
    BEN,
    NEXT_YEAR,
    answers_of,
    around,
    at,
    daily,
    invite,
    is_made_with,
    list_events,
    make_days,
    make_draft,
    make_series,
    new_key,
    occurrences_of,
    soon,
    starts_of,
    unversioned,
)

TITLE, TIME = frozenset({"title"}), frozenset({"time"})
PLAIN = frozenset({"title", "body", "location"})
MONDAY, TUESDAY, THURSDAY = 0, 1, 3


@pytest.fixture
def calendar(stage: Stage) -> Iterator[Calendar]:
    with open_account(stage, stage.sign_in().credentials) as account:
        yield account.calendar


def first_weekday(weekday: int, month: int, day: int = 1) -> date:
    """The first such day of next year from a date on."""
    start = date(NEXT_YEAR, month, day)
    return start + timedelta(days=(weekday - start.weekday()) % 7)


PATTERNS = {
    "every day": (Recurrence(Repeats.DAILY, count=8), date(NEXT_YEAR, 3, 24)),
    "every third day until": (
        Recurrence(Repeats.DAILY, every=3, until=date(NEXT_YEAR, 11, 9)),
        date(NEXT_YEAR, 10, 10),
    ),
    "every week": (Recurrence(Repeats.WEEKLY, weekdays=(MONDAY,), count=45), first_weekday(MONDAY, 2)),
    "two days a week": (
        Recurrence(Repeats.WEEKLY, weekdays=(TUESDAY, THURSDAY), until=date(NEXT_YEAR, 5, 1)),
        first_weekday(THURSDAY, 3),
    ),
    "two days every other week": (
        Recurrence(Repeats.WEEKLY, every=2, weekdays=(MONDAY, THURSDAY), count=9),
        first_weekday(THURSDAY, 10),
    ),
    "a day of the month": (Recurrence(Repeats.MONTHLY, month_day=15, count=12), date(NEXT_YEAR, 1, 15)),
    "the last day of the month": (Recurrence(Repeats.MONTHLY, month_day=LAST_DAY, count=6), date(NEXT_YEAR, 1, 31)),
    "the second Tuesday": (
        Recurrence(Repeats.MONTHLY, weekdays=(TUESDAY,), week=2, until=date(NEXT_YEAR, 12, 24)),
        first_weekday(TUESDAY, 2, 8),
    ),
    "the last Thursday, every other month": (
        Recurrence(Repeats.MONTHLY, every=2, weekdays=(THURSDAY,), week=LAST_DAY, count=5),
        first_weekday(THURSDAY, 3, 25),
    ),
    "as often as can be": (Recurrence(Repeats.DAILY, count=MOST_OCCURRENCES), date(NEXT_YEAR, 9, 20)),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_series_takes_place_when_its_recurrence_says_over_changes_of_daylight_saving(
    stage: Stage, calendar: Calendar, name: str
) -> None:
    recurrence, day = PATTERNS[name]
    starts = at(day, 9)
    expected = recurrence.starts_of(starts, BERLIN)
    assert len(expected) > 2
    series = calendar.create(make_series(recurrence, starts), key=new_key())
    assert (series.is_series, series.recurrence, series.starts) == (True, recurrence, starts)
    found = occurrences_of(calendar, series, around(expected))
    assert [one.starts for one in found] == expected
    assert {(one.ends or one.starts) - one.starts for one in found if one.starts} == {timedelta(minutes=30)}
    assert {one.series_id for one in found} == {series.ref.id}
    assert stage.count_events("Stand-up") == 1


@some.composite
def recurrences(draw: some.DrawFn) -> tuple[Recurrence, date]:
    """A pattern, and a day that fits it."""
    day = date(NEXT_YEAR, 1, 1) + timedelta(days=draw(some.integers(0, 364)))
    match draw(some.sampled_from(Repeats)):
        case Repeats.DAILY:
            pattern = Recurrence(Repeats.DAILY)
        case Repeats.WEEKLY:
            others = draw(some.sets(some.integers(0, 6), max_size=3))
            pattern = Recurrence(Repeats.WEEKLY, weekdays=tuple(sorted({day.weekday(), *others})))
        case Repeats.MONTHLY:
            pattern = month_pattern(day, by_weekday=draw(some.booleans()))
            if pattern.month_day == LAST_DAY:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    pattern = replace(pattern, every=draw(some.integers(1, 4)))
    if draw(some.booleans()):
        return replace(pattern, count=draw(some.integers(1, 12))), day
    return replace(pattern, until=day + timedelta(days=draw(some.integers(0, MOST_OCCURRENCES - 1)))), day


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(planned=recurrences(), hour=some.integers(4, 23))
def test_any_series_takes_place_when_its_recurrence_says(
    stage: Stage, calendar: Calendar, planned: tuple[Recurrence, date], hour: int
) -> None:
    recurrence, day = planned
    starts = at(day, hour)
    expected = recurrence.starts_of(starts, BERLIN)
    assert expected
    series = calendar.create(make_series(recurrence, starts), key=new_key())
    assert starts_of(calendar, series, around(expected)) == expected
    assert calendar.read(series.ref).recurrence == recurrence


def test_a_series_of_days_is_one_of_days(calendar: Calendar) -> None:
    first = first_weekday(MONDAY, 3)
    recurrence = Recurrence(Repeats.WEEKLY, weekdays=(MONDAY,), until=first + timedelta(days=35))
    series = calendar.create(make_days("Duty", first, 2, recurrence=recurrence), key=new_key())
    assert (series.starts_on, series.recurrence) == (first, recurrence)
    days = [first + timedelta(days=7 * number) for number in range(6)]
    found = calendar.instances(series.ref, around([at(first), at(days[-1])]))
    assert sorted((one.starts_on, one.ends_on) for one in found) == [(day, day + timedelta(days=2)) for day in days]


def test_instances_are_those_of_the_window(calendar: Calendar) -> None:
    series = calendar.create(make_series(daily(20), at(date(NEXT_YEAR, 5, 4))), key=new_key())
    window = Window(at(date(NEXT_YEAR, 5, 8), 0), at(date(NEXT_YEAR, 5, 18), 0))
    assert starts_of(calendar, series, window) == [at(date(NEXT_YEAR, 5, day)) for day in range(8, 18)]


def test_everything_of_a_draft_is_in_each_occurrence(calendar: Calendar, window: Window) -> None:
    key = new_key()
    draft = make_series(daily(3), location="Room 4", attendees=invite(BEN), is_private=True)
    series = calendar.create(draft, key=key)
    listed = list_events(calendar, window)
    instances = calendar.instances(series.ref, window)
    assert sorted(one.ref.id for one in listed) == sorted(one.ref.id for one in instances)
    for one in (*listed, *instances):
        assert (one.title, one.location, one.is_private) == ("Stand-up", "Room 4", True)
        assert set(answers_of(one)) == {BEN}
        assert one.series_id == series.ref.id and not one.is_series and is_made_with(key, one)
    assert {one.ref for one in listed} == {one.ref for one in instances}


def test_a_lost_answer_does_not_make_a_second_series(stage: Stage, calendar: Calendar, window: Window) -> None:
    key = new_key()
    stage.lose_answer("create")
    with pytest.raises(Unreachable):
        calendar.create(make_series(daily()), key=key)
    series = calendar.create(make_series(daily()), key=key)
    assert series.is_series and series.recurrence == daily()
    assert stage.count_events("Stand-up") == 1
    assert len(calendar.instances(series.ref, window)) == 5


# occurrences


def make_five(calendar: Calendar, window: Window) -> tuple[RemoteEvent, list[RemoteEvent]]:
    series = calendar.create(make_series(daily(), location="Room 4"), key=new_key())
    return series, occurrences_of(calendar, series, window)


def test_an_occurrence_is_read_with_when_its_series_has_it(calendar: Calendar, window: Window) -> None:
    _, (_, second, *_) = make_five(calendar, window)
    read = calendar.read(second.ref)
    assert (read.ref, read.starts, read.original_starts) == (second.ref, second.starts, second.starts)
    assert not read.is_series and read.series_id == second.series_id


def test_the_series_of_an_occurrence_is_found(calendar: Calendar, window: Window) -> None:
    series, (_, second, *_) = make_five(calendar, window)
    for ref in (second.ref, series.ref):
        found = calendar.read_series(ref)
        assert (found.ref, found.is_series, found.recurrence) == (series.ref, True, daily())
    calendar.delete(series.ref)
    with pytest.raises(Gone):
        calendar.read_series(second.ref)


def test_an_occurrence_that_is_changed_is_an_exception_of_its_series(calendar: Calendar, window: Window) -> None:
    series, (_, second, *_) = make_five(calendar, window)
    *_, last = calendar.changes(None, window)
    changed = calendar.update(second.ref, make_draft("With guests"), fields=TITLE)
    assert (changed.ref.id, changed.title, changed.starts) == (second.ref.id, "With guests", second.starts)
    after = occurrences_of(calendar, series, window)
    assert [one.title for one in after] == ["Stand-up", "With guests", "Stand-up", "Stand-up", "Stand-up"]
    assert {(one.series_id, one.location) for one in after} == {(series.ref.id, "Room 4")}
    seen = [event for page in calendar.changes(last.cursor, window) for event in page.changed]
    assert [(one.ref, one.title, one.series_id) for one in seen if one.title != "Stand-up"] == [
        (changed.ref, "With guests", series.ref.id)
    ]
    assert calendar.read(series.ref).title == "Stand-up"


def test_an_occurrence_that_is_moved_is_known_by_when_its_series_has_it(calendar: Calendar, window: Window) -> None:
    # Not every service lets one move past the next.
    series, (*_, last) = make_five(calendar, window)
    assert last.starts
    later = last.starts + timedelta(days=9, hours=3)
    moved = calendar.update(last.ref, make_draft(starts=later), fields=TIME)
    assert (moved.starts, moved.ref.id, moved.location) == (later, last.ref.id, "Room 4")
    assert starts_of(calendar, series, window)[-1] == later
    read = calendar.read(last.ref)
    assert (read.starts, read.original_starts) == (later, last.starts)
    again = calendar.update(read.ref, make_draft("Moved"), fields=TITLE)
    assert (again.starts, again.title) == (later, "Moved")
    back = calendar.update(again.ref, make_draft(starts=last.starts, minutes=30), fields=TIME)
    assert (back.starts, back.title) == (last.starts, "Moved")


def test_an_occurrence_that_was_changed_meanwhile_is_a_conflict(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    _, (_, second, *_) = make_five(calendar, window)
    stage.rename_event(second.ref.id, "Theirs")
    with pytest.raises(Conflict):
        calendar.update(second.ref, make_draft("Ours"), fields=TITLE)
    assert calendar.read(second.ref).title == "Theirs"
    assert calendar.update(unversioned(second), make_draft("Ours"), fields=TITLE).title == "Ours"


def test_a_lost_answer_about_an_occurrence_is_no_conflict_with_itself(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    series, (_, second, *_) = make_five(calendar, window)
    stage.lose_answer("update")
    with pytest.raises(Unreachable):
        calendar.update(second.ref, make_draft("Other"), fields=TITLE)
    calendar.update(second.ref, make_draft("Other"), fields=TITLE)
    assert [one.title for one in occurrences_of(calendar, series, window)].count("Other") == 1


def test_an_occurrence_that_is_deleted_leaves_the_others(stage: Stage, calendar: Calendar, window: Window) -> None:
    series, (first, second, *rest) = make_five(calendar, window)
    calendar.delete(second.ref)
    expected = [one.starts for one in (first, *rest)]
    assert starts_of(calendar, series, window) == expected
    assert sorted(one.starts for one in list_events(calendar, window) if one.starts) == expected
    calendar.delete(second.ref)
    with pytest.raises(Gone):
        calendar.update(unversioned(second), make_draft("Other"), fields=TITLE)
    with pytest.raises(Gone):
        calendar.read(second.ref)
    assert starts_of(calendar, series, window) == expected
    assert stage.count_events("Stand-up") == 1


def test_one_occurrence_does_not_repeat(calendar: Calendar, window: Window) -> None:
    series, (_, second, *_) = make_five(calendar, window)
    with pytest.raises(Rejected):
        calendar.update(second.ref, make_series(daily(3)), fields=frozenset({"recurrence"}))
    assert len(calendar.instances(series.ref, window)) == 5


# whole series


def test_a_series_that_is_renamed_is_so_in_every_occurrence(calendar: Calendar, window: Window) -> None:
    series, before = make_five(calendar, window)
    changed = calendar.update(series.ref, make_draft("Sit-down"), fields=TITLE)
    assert changed.is_series and changed.recurrence == daily() and changed.ref.id == series.ref.id
    after = occurrences_of(calendar, series, window)
    assert [(one.ref.id, one.starts, one.title) for one in after] == [
        (one.ref.id, one.starts, "Sit-down") for one in before
    ]
    assert {one.location for one in after} == {"Room 4"}


def test_a_series_keeps_its_exceptions_when_it_is_renamed(calendar: Calendar, window: Window) -> None:
    series, (_, second, third, *_) = make_five(calendar, window)
    assert second.starts
    later = second.starts + timedelta(hours=2)
    calendar.update(second.ref, make_draft(starts=later), fields=TIME)
    calendar.delete(third.ref)
    calendar.update(unversioned(series), make_draft("Sit-down"), fields=TITLE)
    found = starts_of(calendar, series, window)
    assert len(found) == 4
    assert later in found and third.starts not in found


@pytest.mark.parametrize("hour", [8, 17, 23])
def test_a_series_moves_to_another_time_of_day_with_every_occurrence(calendar: Calendar, hour: int) -> None:
    day = first_weekday(TUESDAY, 3, 10)
    recurrence = Recurrence(Repeats.WEEKLY, weekdays=(TUESDAY, THURSDAY), until=date(NEXT_YEAR, 4, 12))
    series = calendar.create(make_series(recurrence, at(day, 9)), key=new_key())
    moved = calendar.update(series.ref, make_series(recurrence, at(day, hour)), fields=TIME)
    expected = recurrence.starts_of(at(day, hour), BERLIN)
    assert (moved.starts, moved.recurrence) == (at(day, hour), recurrence)
    assert starts_of(calendar, series, around(expected)) == expected


def test_a_series_moves_to_other_days_with_every_occurrence(calendar: Calendar) -> None:
    day = first_weekday(TUESDAY, 10, 13)
    recurrence = Recurrence(Repeats.WEEKLY, weekdays=(TUESDAY, THURSDAY), count=9)
    series = calendar.create(make_series(recurrence, at(day, 9)), key=new_key())
    other = day + timedelta(days=1)
    after = recurrence.moved(day, other)
    moved = calendar.update(series.ref, make_series(after, at(other, 11)), fields=TIME | {"recurrence"})
    expected = after.starts_of(at(other, 11), BERLIN)
    assert (moved.starts, moved.recurrence) == (at(other, 11), after)
    assert starts_of(calendar, series, around([at(day), *expected])) == expected


def test_a_series_gets_another_pattern(calendar: Calendar) -> None:
    day = first_weekday(MONDAY, 6)
    series = calendar.create(make_series(daily(), at(day)), key=new_key())
    after = Recurrence(Repeats.WEEKLY, weekdays=(MONDAY, THURSDAY), count=7)
    changed = calendar.update(series.ref, make_series(after, at(day)), fields=frozenset({"recurrence"}))
    expected = after.starts_of(at(day), BERLIN)
    assert changed.recurrence == after
    assert starts_of(calendar, series, around(expected)) == expected


def test_a_series_that_was_changed_meanwhile_is_a_conflict(stage: Stage, calendar: Calendar, window: Window) -> None:
    series, _ = make_five(calendar, window)
    stage.rename_event(series.ref.id, "Theirs")
    with pytest.raises(Conflict):
        calendar.update(series.ref, make_draft("Ours"), fields=TITLE)
    with pytest.raises(Conflict):
        calendar.end_series(series.ref, before=soon(5))
    assert {one.title for one in calendar.instances(series.ref, window)} == {"Theirs"}
    assert len(calendar.instances(series.ref, window)) == 5
    assert calendar.update(unversioned(series), make_draft("Ours"), fields=TITLE).title == "Ours"


@pytest.mark.parametrize("fields", [TIME, TITLE | {"time", "recurrence"}])
def test_a_lost_answer_about_a_series_is_no_conflict_with_itself(
    stage: Stage, calendar: Calendar, window: Window, fields: frozenset[str]
) -> None:
    series, _ = make_five(calendar, window)
    after = replace(make_series(daily(4), soon(hour=14)), title="Other")
    stage.lose_answer("update")
    with pytest.raises(Unreachable):
        calendar.update(series.ref, after, fields=fields)
    changed = calendar.update(series.ref, after, fields=fields)
    assert changed.starts == soon(hour=14)
    assert len(calendar.instances(series.ref, window)) == (4 if "recurrence" in fields else 5)


def test_answers_to_a_series_outlive_its_changes(stage: Stage, calendar: Calendar, window: Window) -> None:
    if not stage.invites:
        pytest.skip("nobody else is there")
    stage.find_invited(BEN)
    series = calendar.create(make_series(daily(), attendees=invite(BEN)), key=new_key())
    assert stage.find_invited(BEN) == ["Stand-up"]
    stage.answer_invitation(series.ref.id, BEN)
    calendar.update(unversioned(series), make_draft("Sit-down", attendees=invite(BEN)), fields=TITLE | {"attendees"})
    answers = [answers_of(one) for one in calendar.instances(series.ref, window)]
    assert answers == [{BEN: Response.ACCEPTED}] * 5


# ending and deleting


def test_a_series_ends_with_its_last_occurrence_before_a_moment(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    series, before = make_five(calendar, window)
    third = before[2]
    assert third.starts
    ended = calendar.end_series(series.ref, before=third.starts)
    assert ended.is_series and ended.recurrence
    assert ended.recurrence.starts_of(soon(), BERLIN) == [one.starts for one in before[:2]]
    assert [one.ref.id for one in occurrences_of(calendar, series, window)] == [one.ref.id for one in before[:2]]
    again = calendar.end_series(series.ref, before=third.starts)
    assert again.ref == ended.ref
    assert len(calendar.instances(series.ref, window)) == 2
    assert stage.count_events("Stand-up") == 1


def test_ending_over_a_change_of_daylight_saving_hits_the_right_occurrence(calendar: Calendar) -> None:
    for month, last_day in ((3, 31), (10, 31)):
        day = date(NEXT_YEAR, month, last_day) - timedelta(days=10)
        recurrence = Recurrence(Repeats.DAILY, until=day + timedelta(days=20))
        series = calendar.create(make_series(recurrence, at(day, 0, 30)), key=new_key())
        every = recurrence.starts_of(at(day, 0, 30), BERLIN)
        for count in (15, 3):
            calendar.end_series(unversioned(series), before=every[count])
            assert starts_of(calendar, series, around(every)) == every[:count]


@pytest.mark.parametrize("hours", [-9, 0, 5], ids=["of Tokyo", "of UTC", "of New York"])
def test_a_series_of_days_ends_before_the_midnight_of_a_day(calendar: Calendar, hours: int) -> None:
    first = first_weekday(MONDAY, 3)
    series = calendar.create(make_days("Duty", first, recurrence=daily(8)), key=new_key())
    third = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=2)
    calendar.end_series(series.ref, before=third + timedelta(hours=hours))
    found = calendar.instances(series.ref, around([at(first), at(first + timedelta(days=9))]))
    assert sorted(one.starts_on for one in found if one.starts_on) == [first, first + timedelta(days=1)]


def test_a_series_does_not_end_before_it_begins(calendar: Calendar, window: Window) -> None:
    series, _ = make_five(calendar, window)
    with pytest.raises(Rejected):
        calendar.end_series(series.ref, before=soon())
    assert len(calendar.instances(series.ref, window)) == 5


def test_a_series_is_deleted_with_every_occurrence(stage: Stage, calendar: Calendar, window: Window) -> None:
    series, (_, second, *_) = make_five(calendar, window)
    kept = calendar.create(make_draft("Kept"), key=new_key())
    calendar.update(second.ref, make_draft("Exception"), fields=TITLE)
    calendar.delete(series.ref)
    assert [one.ref.id for one in list_events(calendar, window)] == [kept.ref.id]
    assert (stage.count_events("Stand-up"), stage.count_events("Kept")) == (0, 1)
    calendar.delete(series.ref)
    for one in (series, second):
        with pytest.raises(Gone):
            calendar.update(unversioned(one), make_draft("Other"), fields=TITLE)
    with pytest.raises(Gone):
        calendar.instances(series.ref, window)


def test_a_series_lives_in_the_calendar_it_was_made_in(stage: Stage, calendar: Calendar, window: Window) -> None:
    other = stage.second_calendar("Side project")
    series = calendar.create(make_series(daily()), key=new_key(), calendar=other)
    found = occurrences_of(calendar, series, window)
    assert {one.ref.container for one in (series, *found)} == {other}
    calendar.delete(found[0].ref)
    calendar.end_series(unversioned(series), before=soon(6))
    assert len(list_events(calendar, window, other)) == 2
    assert list_events(calendar, window) == []


# what a listing says afterwards


def test_what_a_write_answers_is_what_the_next_round_reports(stage: Stage, calendar: Calendar, window: Window) -> None:
    """So that a sync after it finds nothing to do: what a row is stamped with is the version."""
    *_, last = calendar.changes(None, window)
    rows: dict[str, str] = {}

    def keep(written: RemoteEvent) -> None:
        listed = calendar.instances(written.ref, window) if written.is_series else (written,)
        rows.update({one.ref.id: one.ref.version for one in listed})

    def follow() -> dict[str, str]:
        """What a round reports in another version than was written."""
        nonlocal last
        pages = list(calendar.changes(last.cursor, window))
        last = pages[-1]
        told = {one.ref.id: one.ref.version for page in pages for one in page.changed}
        other = {name: version for name, version in told.items() if rows.get(name) != version}
        rows.update(told)
        return other

    keep(single := calendar.create(make_draft(attendees=invite(BEN)), key=new_key()))
    assert follow() == {}
    keep(calendar.update(single.ref, make_draft("Other", body="Words", location="Room 5"), fields=PLAIN))
    assert follow() == {}
    keep(series := calendar.create(make_series(daily(), attendees=invite(BEN)), key=new_key()))
    assert follow() == {}
    _, second, third, *_ = occurrences_of(calendar, series, window)
    assert third.starts
    keep(changed := calendar.update(second.ref, make_draft("With guests"), fields=TITLE))
    # Some services give all of a series another version where one of it changes.
    assert changed.ref.id not in follow()
    keep(
        moved := calendar.update(unversioned(third), make_draft(starts=third.starts + timedelta(hours=1)), fields=TIME)
    )
    assert moved.ref.id not in follow()
    keep(calendar.update(unversioned(series), make_draft("Sit-down", location="Room 5"), fields=PLAIN - {"body"}))
    assert follow() == {}
    keep(calendar.update(unversioned(series), make_series(daily(), soon(hour=14)), fields=TIME))
    assert follow() == {}
    keep(calendar.end_series(unversioned(series), before=soon(5)))
    assert follow() == {}


@pytest.mark.parametrize("clock", [(2, 30), (3, 0), (0, 15)])
def test_a_series_cut_in_the_night_of_a_change_of_daylight_saving_is_cut_there(
    calendar: Calendar, clock: tuple[int, int]
) -> None:
    """Ended before an occurrence, and gone on with from it as another: each occurrence takes place once."""
    for month, last_day in ((3, 31), (10, 31)):
        sunday = last_sunday(NEXT_YEAR, month, last_day)
        starts = at(sunday - timedelta(days=2), *clock)
        recurrence = Recurrence(Repeats.DAILY, count=5)
        every = recurrence.starts_of(starts, BERLIN)
        series = calendar.create(make_series(recurrence, starts), key=new_key())
        cut = every[2]
        left = recurrence.from_occurrence(cut, starts, BERLIN)
        assert left
        calendar.end_series(series.ref, before=cut)
        assert starts_of(calendar, series, around(every)) == every[:2]
        calendar.delete(series.ref)


def last_sunday(year: int, month: int, day: int) -> date:
    last = date(year, month, day)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def test_a_series_in_a_zone_that_the_service_has_no_name_for_keeps_its_time_of_day(calendar: Calendar) -> None:
    zone = ZoneInfo("America/Punta_Arenas")
    first = datetime(NEXT_YEAR, 3, 1, 9, tzinfo=zone)
    recurrence = Recurrence(Repeats.WEEKLY, weekdays=(first.weekday(),), count=8)
    draft = replace(make_series(recurrence, first.astimezone(UTC)), timezone=zone.key)
    series = calendar.create(draft, key=new_key())
    expected = recurrence.starts_of(first, zone)
    assert starts_of(calendar, series, around(expected)) == expected


def test_the_last_occurrence_in_a_night_without_that_hour_is_cut_off_too(calendar: Calendar) -> None:
    sunday = last_sunday(NEXT_YEAR, 3, 31)
    starts = at(sunday - timedelta(days=2), 2, 30)
    recurrence = Recurrence(Repeats.DAILY, count=3)
    every = recurrence.starts_of(starts, BERLIN)
    series = calendar.create(make_series(recurrence, starts), key=new_key())
    calendar.end_series(series.ref, before=every[2])
    assert starts_of(calendar, series, around(every)) == every[:2]
