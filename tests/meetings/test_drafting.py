"""Descriptions that are composed and taken apart again, and drafts that are kept as JSON."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from integrations.providers.drafts import escape
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import DRAFT_FIELDS, Attendee, EventDraft
from meetings.bodies import to_text
from meetings.drafting import RULE, compose_body, dump_draft, find_block, parse_draft, says_the_same, split_body
from meetings.intended import Change, changed_draft

HOSTILE = [
    "",
    "Bring tea.",
    "שלום עולם\nמחר ‏10:00‏",
    "🎉🎉\n\n\n👩‍👩‍👧‍👦",
    "line\r\nline\r\n\r\nline",
    "  indented\n\tmore\n",
    f"{RULE}\nthis is mine\n{RULE}",
    f"before {RULE} in between",
    f"{RULE}",
    "Join Zoom meeting\nhttps://us02web.zoom.us/j/1\nPasscode: 1",
    "<b>not bold</b> &amp; <script>alert(1)</script>",
    "x" * 10_000,
    "zero\u200bwidth\u202eand back",
]
JOIN: dict[str, Any] = {
    "join_url": "https://us02web.zoom.us/j/83212345678?pwd=abc",
    "host_name": "Zoom",
    "number": "832 1234 5678",
    "passcode": "123456",
    "dial_in": "+49 69 1234567\n+1 646 1234567",
}
NOTHING: dict[str, Any] = dict.fromkeys(JOIN, "")
texts = some.one_of(some.sampled_from(HOSTILE), some.text(max_size=200).filter(lambda one: "\x00" not in one))


def squeeze(text: str) -> str:
    return " ".join(text.split())


@given(texts)
def test_what_a_person_wrote_comes_back_without_what_was_added(description: str) -> None:
    body = compose_body(description, **JOIN)

    assert all(part in body for part in (JOIN["join_url"], JOIN["number"], JOIN["passcode"], JOIN["dial_in"]))
    assert split_body(body) == description.strip()
    assert compose_body(split_body(body), **JOIN) == compose_body(description.strip(), **JOIN)
    assert compose_body(description, **NOTHING) == description


@given(texts)
def test_it_does_so_after_a_provider_has_made_html_of_it(description: str) -> None:
    described = description.replace("\x0b", " ").replace("\x0c", " ")
    returned, _ = to_text(f"<html><body>{escape(compose_body(described, **JOIN))}</body></html>")

    assert squeeze(split_body(returned)) == squeeze(to_text(escape(described))[0]) if described.strip() else True
    assert JOIN["passcode"] not in split_body(returned) or JOIN["passcode"] in description


@pytest.mark.parametrize("separator", ["\r\n", "\n", "\n\n"])
def test_what_was_written_around_the_block_there_is_kept(separator: str) -> None:
    body = separator.join(["Before.", compose_body("", **JOIN), "After."])

    assert squeeze(split_body(body)) == "Before. After."


def test_a_block_that_was_cut_off_there_is_not_taken_for_what_a_person_wrote() -> None:
    body = compose_body("Bring tea.", **JOIN)
    assert split_body(body[: body.index("Passcode")]) == "Bring tea."


@pytest.mark.parametrize("description", HOSTILE)
def test_a_new_description_replaces_the_old_one_and_keeps_how_to_join(description: str) -> None:
    body = compose_body("Old words.", **JOIN)
    changed = changed_draft(EventDraft(), Change(description=description), find_block(body))

    assert split_body(changed.body) == description.strip()
    assert changed.body.count(JOIN["join_url"]) == 1 + description.count(JOIN["join_url"])
    assert "Old words." not in changed.body


emails = some.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True)
moments = some.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))
recurrences = some.none() | some.builds(
    Recurrence, some.just(Repeats.WEEKLY), some.integers(1, 9), some.just((0, 3)), count=some.integers(1, 60)
)
timed = some.builds(
    lambda draft, starts, minutes: replace(draft, starts=starts, ends=starts + timedelta(minutes=minutes)),
    some.builds(
        EventDraft,
        title=texts,
        body=texts,
        location=texts,
        timezone=some.sampled_from(["Europe/Berlin", "UTC"]),
        attendees=some.lists(some.builds(Attendee, emails, texts, is_optional=some.booleans()), max_size=4).map(tuple),
        recurrence=recurrences,
        is_private=some.booleans(),
    ),
    moments,
    some.integers(1, 2000),
)
all_day = timed.map(
    lambda one: replace(one, starts=None, ends=None, starts_on=date(2026, 11, 25), ends_on=date(2026, 11, 27))
)


@given(some.one_of(timed, all_day, some.just(EventDraft())))
def test_a_draft_comes_back_from_json(draft: EventDraft) -> None:
    back = parse_draft(json.loads(json.dumps(dump_draft(draft))))
    assert back == draft
    assert says_the_same(draft, back, DRAFT_FIELDS)


@given(timed)
def test_what_a_provider_does_to_spaces_zones_and_names_is_no_difference(draft: EventDraft) -> None:
    assert draft.starts and draft.ends
    theirs = replace(
        draft,
        title=f" {draft.title} ",
        body=draft.body.replace("\n", "\r\n") + "\r\n\r\n",
        starts=draft.starts.astimezone(ZoneInfo("America/New_York")),
        attendees=tuple(reversed([replace(one, email=one.email.upper(), name="") for one in draft.attendees])),
    )
    assert says_the_same(draft, theirs, DRAFT_FIELDS - {"recurrence"})


@given(timed, some.sampled_from(sorted(DRAFT_FIELDS)))
def test_a_difference_is_one_in_the_field_that_is_asked_about_and_in_no_other(draft: EventDraft, name: str) -> None:
    assert draft.ends
    other: dict[str, Any] = {
        "title": {"title": draft.title + " x"},
        "body": {"body": draft.body + " x"},
        "location": {"location": draft.location + " x"},
        "time": {"ends": draft.ends + timedelta(minutes=1)},
        "attendees": {"attendees": (*draft.attendees, Attendee("another@else.example.org"))},
        "recurrence": {"recurrence": Recurrence(Repeats.DAILY, count=61)},
        "is_private": {"is_private": not draft.is_private},
    }
    theirs = replace(draft, **other[name])
    assert not says_the_same(draft, theirs, frozenset({name}))
    assert says_the_same(draft, theirs, DRAFT_FIELDS - {name})


@pytest.mark.parametrize("broken", [{}, {"title": "x"}, {**dump_draft(EventDraft()), "starts": "soon"}])
def test_what_something_else_wrote_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError, TypeError)):
        parse_draft(broken)
