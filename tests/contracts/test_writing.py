"""The contract about writing single events. Series have `test_writing_series.py`.

A write may be made again whenever its answer was lost, and then does nothing more. `drafts.is_written` helps: what is
found changed meanwhile may have been changed by the write itself.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from integrations.errors import (
    Conflict,
    Gone,
    PermissionMissing,
    ProviderError,
    RateLimited,
    Rejected,
    Unreachable,
)
from integrations.permissions import Permission
from integrations.providers.base import Calendar
from integrations.remote import DRAFT_FIELDS, Attendee, EventDraft, RemoteEvent, RemoteRef, Response, Window
from meetings.bodies import to_text
from tests.contracts.stages import OAuthStage, Stage, open_account
from tests.contracts.writing import (
    BEN,
    MIA,
    answers_of,
    invite,
    is_made_with,
    list_events,
    make_days,
    make_draft,
    new_key,
    soon,
    unversioned,
)

TITLE = frozenset({"title"})
BODY = "First line\nsecond <line> & more\n\nhttps://example.test/?a=1&b=2"


@pytest.fixture
def calendar(stage: Stage) -> Iterator[Calendar]:
    with open_account(stage, stage.sign_in().credentials) as account:
        yield account.calendar


def show(event: RemoteEvent) -> dict[str, Any]:
    """What DRAFT_FIELDS name, of an event."""
    return {
        "title": event.title,
        "body": to_text(event.body)[0].strip(),
        "location": event.location,
        "time": (event.starts, event.ends, event.starts_on, event.ends_on),
        "attendees": set(answers_of(event)),
        "is_private": event.is_private,
    }


def wanted(draft: EventDraft) -> dict[str, Any]:
    return {
        "title": draft.title,
        "body": draft.body,
        "location": draft.location,
        "time": (draft.starts, draft.ends, draft.starts_on, draft.ends_on),
        "attendees": {one.email for one in draft.attendees},
        "is_private": draft.is_private,
    }


# creating


def test_everything_of_a_draft_is_there_when_the_event_is_read(calendar: Calendar, window: Window) -> None:
    draft = make_draft(body=BODY, location="Room 4", attendees=invite(BEN, MIA), is_private=True)
    made = calendar.create(draft, key=new_key())
    assert show(made) == wanted(draft)
    assert made.is_organizer and not made.is_series and made.recurrence is None
    read = calendar.read(made.ref)
    assert show(read) == wanted(draft)
    assert read.ref == made.ref and made.ref.version and made.ref.container == ""
    (listed,) = list_events(calendar, window)
    assert show(listed) == wanted(draft)
    assert listed.ref.id == made.ref.id and listed.web_url and listed.series_id == ""


def test_a_draft_with_little_in_it_makes_an_event_with_little_in_it(calendar: Calendar) -> None:
    draft = make_draft("")
    read = calendar.read(calendar.create(draft, key=new_key()).ref)
    assert show(read) == wanted(draft)
    assert answers_of(read) == {}


def test_days_are_written_as_days(calendar: Calendar, window: Window) -> None:
    draft = make_days("Off-site", soon().date(), 3)
    made = calendar.create(draft, key=new_key())
    (listed,) = list_events(calendar, window)
    for event in (made, calendar.read(made.ref), listed):
        assert show(event) == wanted(draft)


@pytest.mark.parametrize(
    "title",
    ["Café 🎉👩‍👩‍👧 — “quoted” <b>&amp;</b>", "اجتماع الفريق ‏(عاجل)", "x" * 255],
    ids=["emoji", "right to left", "long"],
)
def test_a_title_comes_back_as_it_was_written(calendar: Calendar, title: str) -> None:
    made = calendar.create(make_draft(title, body=title, location=title), key=new_key())
    read = calendar.read(made.ref)
    assert (read.title, to_text(read.body)[0].strip(), read.location) == (title, title, title)


def test_a_very_long_title_is_written_whole_or_rejected(stage: Stage, calendar: Calendar) -> None:
    title = "word " * 199 + "last!"
    try:
        made = calendar.create(make_draft(title), key=new_key())
    except Rejected:
        assert stage.count_events(title) == 0
    else:
        assert calendar.read(made.ref).title == title


def test_the_same_key_makes_one_event_however_often(stage: Stage, calendar: Calendar) -> None:
    key = new_key()
    first = calendar.create(make_draft(), key=key)
    again = calendar.create(make_draft(), key=key)
    assert again.ref.id == first.ref.id
    assert stage.count_events("Planning") == 1
    other = calendar.create(make_draft(), key=new_key())
    assert other.ref.id != first.ref.id
    assert stage.count_events("Planning") == 2


def test_an_answer_that_was_lost_does_not_make_a_second_event(stage: Stage, calendar: Calendar, window: Window) -> None:
    key = new_key()
    stage.lose_answer("create")
    with pytest.raises(Unreachable):
        calendar.create(make_draft(), key=key)
    assert stage.count_events("Planning") == 1
    (listed,) = list_events(calendar, window)
    assert is_made_with(key, listed)
    made = calendar.create(make_draft(), key=key)
    assert made.ref.id == listed.ref.id
    assert stage.count_events("Planning") == 1


def test_a_listing_tells_what_was_made_from_here(stage: Stage, calendar: Calendar, window: Window) -> None:
    key = new_key()
    made = calendar.create(make_draft(), key=key)
    stage.add_event("Made elsewhere", soon())
    found = {event.title: is_made_with(key, event) for event in list_events(calendar, window)}
    assert found == {"Planning": True, "Made elsewhere": False}
    assert is_made_with(key, made) and is_made_with(key, calendar.read(made.ref))


def test_those_invited_have_the_event_in_their_calendars(stage: Stage, calendar: Calendar) -> None:
    if not stage.invites:
        pytest.skip("nobody else is there")
    assert (stage.find_invited(BEN), stage.find_invited(MIA)) == ([], [])
    made = calendar.create(make_draft(attendees=invite(BEN)), key=new_key())
    assert (stage.find_invited(BEN), stage.find_invited(MIA)) == (["Planning"], [])
    changed = replace(make_draft("Planning again"), attendees=invite(BEN, MIA))
    calendar.update(unversioned(made), changed, fields=TITLE | {"attendees"})
    assert (stage.find_invited(BEN), stage.find_invited(MIA)) == (["Planning again"], ["Planning again"])
    calendar.delete(made.ref)
    assert (stage.find_invited(BEN), stage.find_invited(MIA)) == ([], [])


def test_an_end_before_the_start_is_rejected(stage: Stage, calendar: Calendar) -> None:
    with pytest.raises(Rejected):
        calendar.create(make_draft(minutes=-30), key=new_key())
    with pytest.raises(Rejected):
        calendar.create(make_days("Planning", soon().date(), -1), key=new_key())
    assert stage.count_events("Planning") == 0
    assert calendar.create(make_draft(minutes=0), key=new_key()).starts == soon()


# changing


@pytest.mark.parametrize("name", sorted(DRAFT_FIELDS - {"recurrence"}))
def test_each_field_is_written_alone(calendar: Calendar, name: str) -> None:
    before = make_draft(body=BODY, location="Room 4", attendees=invite(BEN))
    made = calendar.create(before, key=new_key())
    after = make_draft(
        "Other", soon(5, 15), 90, body="Other\nwords", location="", attendees=invite(MIA), is_private=True
    )
    changed = calendar.update(made.ref, after, fields=frozenset({name}))
    expected = wanted(before) | {name: wanted(after)[name]}
    assert show(changed) == expected
    read = calendar.read(changed.ref)
    assert show(read) == expected
    assert read.ref == changed.ref and changed.ref.version != made.ref.version


def test_a_description_that_is_only_laid_out_anew_is_written(calendar: Calendar) -> None:
    made = calendar.create(make_draft(body="Bring tea. Bring cups."), key=new_key())
    draft = make_draft(body="Bring tea.\n\nBring cups.")
    changed = calendar.update(made.ref, draft, fields=frozenset({"body"}))
    assert show(changed) == show(calendar.read(made.ref)) == wanted(draft)


def test_a_zone_that_nobody_knows_never_breaks_a_write(stage: Stage, calendar: Calendar) -> None:
    draft = replace(make_draft(), timezone="Mars/Olympus")
    try:
        made = calendar.create(draft, key=new_key())
    except Rejected as error:
        assert error.sentence
        assert stage.count_events("Planning") == 0
    else:
        assert calendar.read(made.ref).starts == draft.starts


def test_a_timed_event_may_become_one_of_days_and_back(calendar: Calendar, window: Window) -> None:
    timed, days = make_draft(), make_days("Planning", soon(6).date(), 2)
    made = calendar.create(timed, key=new_key())
    for draft in (days, timed):
        made = calendar.update(made.ref, draft, fields=frozenset({"time"}))
        (listed,) = list_events(calendar, window)
        assert show(made) == show(listed) == wanted(draft)


def test_a_change_is_seen_by_who_follows_the_calendar(calendar: Calendar, window: Window) -> None:
    made = calendar.create(make_draft(), key=new_key())
    *_, last = calendar.changes(None, window)
    changed = calendar.update(made.ref, make_draft("Other"), fields=TITLE)
    pages = list(calendar.changes(last.cursor, window))
    assert [(event.ref, event.title) for page in pages for event in page.changed] == [(changed.ref, "Other")]
    calendar.delete(changed.ref)
    pages = list(calendar.changes(pages[-1].cursor, window))
    assert not [event for page in pages for event in page.changed]
    assert made.ref.id in [one for page in pages for one in page.gone] or pages[-1].complete


def test_answers_of_those_invited_outlive_changes(stage: Stage, calendar: Calendar) -> None:
    if not stage.invites:
        pytest.skip("nobody else is there")
    stage.find_invited(BEN)
    made = calendar.create(make_draft(attendees=invite(BEN)), key=new_key())
    stage.answer_invitation(made.ref.id, BEN)
    assert answers_of(calendar.read(made.ref)) == {BEN: Response.ACCEPTED}
    after = make_draft("Other", attendees=invite(MIA, BEN))
    changed = calendar.update(unversioned(made), after, fields=TITLE | {"attendees", "body"})
    assert answers_of(changed) == {BEN: Response.ACCEPTED, MIA: Response.NEEDS_ACTION}
    assert answers_of(calendar.read(made.ref)) == answers_of(changed)


def test_rooms_and_those_who_need_not_come_stay_so_when_somebody_is_added(calendar: Calendar) -> None:
    room = Attendee("room4@northwind.example", "Room 4", is_resource=True)
    people = (*invite(BEN), Attendee(MIA, "Mia", is_optional=True), room)
    made = calendar.create(make_draft(attendees=people), key=new_key())
    kinds = {(BEN, False, False), (MIA, True, False), (room.email, False, True)}
    assert {(one.email, one.is_optional, one.is_resource) for one in made.attendees if not one.is_organizer} == kinds
    added = make_draft(attendees=(*people, *invite("kim@northwind.example")))
    changed = calendar.update(made.ref, added, fields=frozenset({"attendees"}))
    found = {(one.email, one.is_optional, one.is_resource) for one in changed.attendees if not one.is_organizer}
    assert found == kinds | {("kim@northwind.example", False, False)}


def test_an_event_of_five_hundred_keeps_them_when_it_is_renamed(calendar: Calendar) -> None:
    people = invite(*(f"person{number}@elsewhere.example" for number in range(500)))
    made = calendar.create(make_draft(attendees=people), key=new_key())
    changed = calendar.update(made.ref, make_draft("Other"), fields=TITLE)
    for event in (made, changed, calendar.read(made.ref)):
        assert len(answers_of(event)) == 500


def test_what_was_changed_there_meanwhile_is_a_conflict_and_stays_as_it_is(stage: Stage, calendar: Calendar) -> None:
    made = calendar.create(make_draft(), key=new_key())
    stage.rename_event(made.ref.id, "Theirs")
    with pytest.raises(Conflict):
        calendar.update(made.ref, make_draft("Ours"), fields=TITLE)
    theirs = calendar.read(made.ref)
    assert theirs.title == "Theirs"
    assert calendar.update(theirs.ref, make_draft("Ours"), fields=TITLE).title == "Ours"


def test_without_a_version_whatever_is_there_is_written_over(stage: Stage, calendar: Calendar) -> None:
    made = calendar.create(make_draft(location="Room 4"), key=new_key())
    stage.rename_event(made.ref.id, "Theirs")
    changed = calendar.update(unversioned(made), make_draft("Ours"), fields=TITLE)
    assert (changed.title, changed.location) == ("Ours", "Room 4")


@pytest.mark.parametrize("name", sorted(DRAFT_FIELDS - {"recurrence"}))
def test_a_change_whose_answer_was_lost_is_no_conflict_with_itself(stage: Stage, calendar: Calendar, name: str) -> None:
    made = calendar.create(make_draft(attendees=invite(BEN)), key=new_key())
    after = make_draft("Other", soon(5), body=BODY, location="Room 5", attendees=invite(MIA), is_private=True)
    stage.lose_answer("update")
    with pytest.raises(Unreachable):
        calendar.update(made.ref, after, fields=frozenset({name}))
    changed = calendar.update(made.ref, after, fields=frozenset({name}))
    assert show(changed)[name] == wanted(after)[name]
    assert show(calendar.read(made.ref)) == show(changed)


def test_what_is_gone_is_neither_read_nor_changed(stage: Stage, calendar: Calendar) -> None:
    made = calendar.create(make_draft(), key=new_key())
    stage.remove_event(made.ref.id)
    for ref in (made.ref, unversioned(made)):
        with pytest.raises(Gone):
            calendar.update(ref, make_draft("Other"), fields=TITLE)
    with pytest.raises(Gone):
        calendar.read(made.ref)
    assert stage.count_events("Other") == 0


# deleting


def test_what_is_deleted_is_gone_and_may_be_deleted_again(stage: Stage, calendar: Calendar, window: Window) -> None:
    made = calendar.create(make_draft(), key=new_key())
    calendar.delete(made.ref)
    assert list_events(calendar, window) == []
    assert stage.count_events("Planning") == 0
    calendar.delete(made.ref)


def test_deleting_asks_for_no_version(stage: Stage, calendar: Calendar) -> None:
    made = calendar.create(make_draft(), key=new_key())
    stage.rename_event(made.ref.id, "Theirs")
    calendar.delete(made.ref)
    assert stage.count_events("Theirs") == 0


def test_deleting_may_be_tried_again_when_the_answer_was_lost(stage: Stage, calendar: Calendar) -> None:
    made = calendar.create(make_draft(), key=new_key())
    stage.lose_answer("delete")
    with pytest.raises(Unreachable):
        calendar.delete(made.ref)
    calendar.delete(made.ref)
    assert stage.count_events("Planning") == 0


def test_what_was_deleted_is_made_again_under_another_key(stage: Stage, calendar: Calendar) -> None:
    key = new_key()
    calendar.delete(calendar.create(make_draft(), key=key).ref)
    assert calendar.create(make_draft(), key=new_key()).title == "Planning"
    assert stage.count_events("Planning") == 1


# trouble

Write = Any
WRITES: dict[str, Write] = {
    "create": lambda calendar, made: calendar.create(make_draft("Other"), key=new_key()),
    "update": lambda calendar, made: calendar.update(unversioned(made), make_draft("Other"), fields=TITLE),
    "delete": lambda calendar, made: calendar.delete(made.ref),
}
TROUBLES = {"slow down": RateLimited, "broken": Unreachable, "cut off": Unreachable}


@pytest.mark.parametrize("write", WRITES)
def test_what_the_service_does_not_take_is_rejected_with_a_sentence(
    stage: Stage, calendar: Calendar, write: str
) -> None:
    made = calendar.create(make_draft(), key=new_key())
    stage.reject_next(write)
    with pytest.raises(Rejected) as caught:
        WRITES[write](calendar, made)
    assert caught.value.sentence
    assert (stage.count_events("Planning"), stage.count_events("Other")) == (1, 0)
    WRITES[write](calendar, made)
    expected = {"create": (1, 1), "update": (0, 1), "delete": (0, 0)}[write]
    assert (stage.count_events("Planning"), stage.count_events("Other")) == expected


@pytest.mark.parametrize("kind", TROUBLES)
@pytest.mark.parametrize("write", WRITES)
def test_trouble_with_a_write_becomes_one_of_our_errors_and_it_may_be_made_again(
    stage: Stage, calendar: Calendar, write: str, kind: str
) -> None:
    made = calendar.create(make_draft(), key=new_key())
    key = new_key()
    act = WRITES[write] if write != "create" else lambda calendar, _: calendar.create(make_draft("Other"), key=key)
    stage.fail(kind)
    with pytest.raises(ProviderError) as caught:
        act(calendar, made)
    assert type(caught.value) is TROUBLES[kind]
    act(calendar, made)
    expected = {"create": (1, 1), "update": (0, 1), "delete": (0, 0)}[write]
    assert (stage.count_events("Planning"), stage.count_events("Other")) == expected


def test_writing_without_the_permission_is_refused_as_such(oauth_stage: OAuthStage) -> None:
    remote_id = oauth_stage.add_event("Planning", soon())
    # A provider may open whatever was ever consented to, so nothing else is.
    credentials = oauth_stage.sign_in(frozenset({Permission.CALENDAR_READ})).credentials
    with open_account(oauth_stage, credentials) as account:
        made = account.calendar.read(RemoteRef(remote_id))
        for write in WRITES.values():
            with pytest.raises(PermissionMissing):
                write(account.calendar, made)
        assert account.calendar.read(made.ref).title == "Planning"


# several calendars


def test_the_persons_own_calendar_is_the_first_and_has_no_id(stage: Stage, calendar: Calendar) -> None:
    other = stage.second_calendar("Side project")
    own, *others = calendar.calendars()
    assert (own.id, own.is_own, own.is_writable, bool(own.name)) == ("", True, True, True)
    (found,) = [one for one in others if one.id == other]
    assert (found.name, found.is_own, found.is_writable) == ("Side project", True, True)


def test_an_event_lives_in_the_calendar_it_was_made_in(stage: Stage, calendar: Calendar, window: Window) -> None:
    other = stage.second_calendar("Side project")
    key = new_key()
    made = calendar.create(make_draft(), key=key, calendar=other)
    assert calendar.create(make_draft(), key=key, calendar=other).ref.id == made.ref.id
    assert made.ref.container == other
    assert list_events(calendar, window) == []
    (listed,) = list_events(calendar, window, other)
    assert (listed.ref.container, listed.title, is_made_with(key, listed)) == (other, "Planning", True)
    changed = calendar.update(made.ref, make_draft("Other"), fields=TITLE)
    assert (changed.ref.container, calendar.read(changed.ref).title) == (other, "Other")
    calendar.delete(changed.ref)
    assert list_events(calendar, window, other) == []


def test_each_calendar_is_followed_for_itself(stage: Stage, calendar: Calendar, window: Window) -> None:
    other = stage.second_calendar("Side project")
    cursors = {one: list(calendar.changes(None, window, calendar=one))[-1].cursor for one in ("", other)}
    calendar.create(make_draft("Here"), key=new_key())
    calendar.create(make_draft("There"), key=new_key(), calendar=other)
    for container, title in (("", "Here"), (other, "There")):
        pages = list(calendar.changes(cursors[container], window, calendar=container))
        assert [event.title for page in pages for event in page.changed] == [title]


def test_a_calendar_that_is_not_there_is_gone(calendar: Calendar, window: Window) -> None:
    nowhere = "no-such-calendar"
    with pytest.raises(Gone):
        list(calendar.changes(None, window, calendar=nowhere))
    with pytest.raises(Gone):
        calendar.create(make_draft(), key=new_key(), calendar=nowhere)
    with pytest.raises(Gone):
        calendar.read(RemoteRef(new_key(), nowhere))
    calendar.delete(RemoteRef(new_key(), nowhere))
    assert list_events(calendar, window) == []


def test_an_id_that_is_none_is_gone(calendar: Calendar) -> None:
    ref = calendar.create(make_draft(), key=new_key()).ref
    calendar.delete(ref)
    for _ in range(2):
        with pytest.raises(Gone):
            calendar.instances(ref, Window(soon() - timedelta(days=1), soon() + timedelta(days=1)))
