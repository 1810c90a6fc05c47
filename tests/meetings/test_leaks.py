"""Private stays private: over every URL of the Meetings pages there is, a delegate who may not manage private events
finds of one its time and "Private"; and what it is about makes no difference to any answer whatever.

New URLs are asked by themselves. What a stranger sees of anything: tests/portal/test_strangers.py.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import connection as database
from django.db import models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse

from contacts.models import Contact
from integrations.remote import EventDraft, EventStatus, Response
from meetings import feed_views
from meetings.drafting import dump_draft
from meetings.joining import JoinLink
from meetings.models import (
    AccountCalendar,
    Delegation,
    FeedLink,
    Meeting,
    Origin,
    ScheduledMeeting,
    Write,
    dump_json,
)
from organizations.models import User, hash_token
from tests.meetings.conftest import NOW, ZOOM, make_connection
from tests.meetings.test_circle_pages import delegate
from tests.policies import set_policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]

HOUR = timedelta(hours=1)
WORD, OTHER = "zqxmarker", "wvyanother"
SOUGHT = WORD[:3]
"""What is searched for, which a page may repeat."""
NUMBER, OTHER_NUMBER = "99887766554", "88776655443"
TOKEN = "the-address-of-alices-feed"
WELL_FORMED = {
    "links_json",
    "attendees_json",
    "status",
    "response",
    "origin",
    "kind",
    "timezone",
    "search_text",
    "stamp",
}
"""Columns of a Meeting whose text has a form; `contents` gives them one."""


def contents(word: str, number: str, *, is_long: bool = False) -> dict[str, Any]:
    """All that a private event holds beside its time, with the word in whatever is text."""
    held: dict[str, Any] = {
        column.name: f"{word} {column.name}"[: column.max_length]
        for column in Meeting._meta.local_fields
        if isinstance(column, models.CharField | models.TextField) and column.name not in WELL_FORMED
    }
    link = JoinLink(url=f"https://zoom.us/j/{number}?pwd={word}", service="zoom", source="body", meeting_number=number)
    extra = JoinLink(url=f"https://meet.google.com/{word}", service="google_meet", source="body")
    people = [
        {"email": f"{word}{n}@x.example", "name": word, "response": "accepted"} for n in range(30 if is_long else 1)
    ]
    return held | {
        "web_url": f"https://calendar.example/{word}",
        "location": f"{word} {ZOOM.replace('83212345678', number)}",
        "body_text": f"{word} Passcode: 135790\nOne tap mobile\n+14155550123,,{number}# US " * (20 if is_long else 1),
        "search_text": f"{word} {number}",
        "meeting_number": number,
        "links_json": dump_json([link, extra] if is_long else [link]),
        "attendees_json": dump_json(people),
        "attendee_count": len(people),
        "attendees_omitted": is_long,
        "join_services": " zoom google_meet " if is_long else " zoom ",
        "kind": "focus_time" if is_long else "",
        "timezone": "Asia/Kathmandu" if is_long else "Europe/Berlin",
        "status": EventStatus.TENTATIVE if is_long else EventStatus.CONFIRMED,
        "response": Response.NEEDS_ACTION if is_long else Response.ACCEPTED,
        "is_free": is_long,
        "is_organizer": not is_long,
        "body_shortened": is_long,
    }


@dataclass
class Stage:
    """Bob's private affairs, and Alice who may not manage them."""

    bob: User
    private: list[Meeting]
    scheduled: list[ScheduledMeeting]
    writes: list[Write]
    calendar: AccountCalendar
    delegation: Delegation

    def fill(self, word: str, number: str, *, is_long: bool = False) -> None:
        """All that is private says this from now on; when it takes place does not change."""
        held = contents(word, number, is_long=is_long)
        for row in self.private:
            own = {"remote_id": f"{word} {row.pk}", "uid": f"{word} {row.pk}"}
            Meeting.objects.filter(pk=row.pk).update(**held | own | {"container": word, "series_id": word})
        for one in self.scheduled:
            texts = ("topic", "description", "passcode", "host_id", "join_url", "dial_in", "web_url", "remote_uid")
            fields = {name: word[: ScheduledMeeting._meta.get_field(name).max_length] for name in texts}
            fields["invitees_json"] = [{"email": f"{word}@x.example", "name": word}]
            fields |= {"container": word, "meeting_number": number}
            ScheduledMeeting.objects.filter(pk=one.pk).update(**fields)
        for write in self.writes:
            draft = dump_draft(
                EventDraft(title=word, location=word, body=word, is_private=True, starts=NOW, ends=NOW + HOUR)
            )
            fields = dict.fromkeys(("draft_json", "base_json", "theirs_json"), draft)
            texts = dict.fromkeys(("container", "remote_id", "series_id", "version", "host_id"), word)
            Write.objects.filter(pk=write.pk).update(**fields, **texts, error_sentence=f"{word} could not be saved.")
        AccountCalendar.objects.filter(pk=self.calendar.pk).update(name=word, remote_id=word)

    def photograph(self) -> list[dict[str, Any]]:
        rows = [*self.private, *self.scheduled, *self.writes]
        return [values for row in rows for values in type(row)._base_manager.filter(pk=row.pk).values()]

    @property
    def pks(self) -> list[int]:
        return sorted(
            {one.pk for one in [*self.private, *self.scheduled, *self.writes, self.calendar, self.delegation]}
        )


@pytest.fixture
def stage(settings: Any, alice: User, bob: User) -> Stage:
    settings.PROVIDERS = {"memory": "integrations.providers.memory.Memory"}
    settings.PROVIDER_SETTINGS = {}
    own, his = (
        make_connection(one, provider="memory", calendar_write=True, contacts_read=True) for one in (alice, bob)
    )
    for person, connection in ((alice, own), (bob, his)):
        for remote_id in ("", "team"):
            AccountCalendar.objects.create(connection=connection, remote_id=remote_id, name="Office", is_shown=True)
        Meeting.objects.create(
            owner=person, connection=connection, remote_id="open", title=f"Open of {person.name}",
            starts=NOW + 2 * HOUR, ends=NOW + 3 * HOUR, location=ZOOM,
            search_text=f"open of {person.name}".lower(), is_organizer=True,
        )  # fmt: skip
    calendar = AccountCalendar.objects.create(connection=his, remote_id="x", name="x", is_shown=True, is_writable=False)
    fields = {"owner": bob, "made_by": bob, "starts": NOW + 4 * HOUR, "minutes": 60, "timezone": "Europe/Berlin"}
    living = ScheduledMeeting.objects.create(is_private=True, connection=his, wants_calendar=True, **fields)
    gone = ScheduledMeeting.objects.create(is_private=True, deleted_at=NOW - HOUR, deleted_by=bob, **fields)
    times = {
        "running": (NOW - HOUR / 2, NOW + HOUR / 2), "soon": (NOW + HOUR / 6, NOW + HOUR),
        "past": (NOW - 30 * HOUR, NOW - 29 * HOUR), "later": (NOW + 26 * HOUR, NOW + 27 * HOUR),
    }  # fmt: skip
    private = [
        Meeting.objects.create(
            owner=bob, connection=his, remote_id=name, container="x", starts=starts, ends=ends, is_private=True
        )
        for name, (starts, ends) in times.items()
    ]
    days = {"starts_on": NOW.date(), "ends_on": NOW.date() + timedelta(days=3)}
    moments = {"starts": NOW - 10 * HOUR, "ends": NOW + 62 * HOUR}
    more = [
        {"origin": Origin.HERE, "scheduled": living, "starts": NOW + 4 * HOUR, "ends": NOW + 5 * HOUR},
        {"connection": his, "remote_id": "days", "container": "x", **days, **moments},
        {"connection": his, "remote_id": "timeless", "container": "x"},
    ]
    private += [Meeting.objects.create(owner=bob, is_private=True, **one) for one in more]
    writes = [
        Write.objects.create(owner=bob, by=bob, scheduled=scheduled, connection=his, action=action, state=state,
                             error_code="rejected", tries=1, next_try_at=NOW + HOUR)
        for scheduled, action, state in (
            (living, "create", "waiting"), (living, "update", "failed"), (living, "update", "conflict"),
            (gone, "delete", "failed"), (None, "update", "conflict"), (None, "update", "failed"),
        )
    ]  # fmt: skip
    Contact.objects.create(connection=own, remote_id="c", display_name="Known", sort_name="known", search_text="known")
    FeedLink.objects.create(user=alice, token_hash=hash_token(TOKEN), with_delegated=True)
    made = Stage(bob, private, [living, gone], writes, calendar, delegate(bob, alice))
    made.fill(WORD, NUMBER)
    return made


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for flood in (feed_views.READINGS, feed_views.MISSES):
        monkeypatch.setattr(flood, "_most", 10**9)
    cache.clear()


# --- Everything there is to ask ---


def list_names() -> list[str]:
    _, (_, patterns) = next(item for item in get_resolver().namespace_dict.items() if item[0] == "meetings")
    return sorted({name for name in patterns.reverse_dict if isinstance(name, str)})


def list_urls(name: str, stage: Stage) -> list[str]:
    """With every key of something private in each place for one."""
    (_, parts), *_ = get_resolver().namespace_dict["meetings"][1].reverse_dict.getlist(name)[0][0]
    if not parts:
        return [reverse(f"meetings:{name}")]
    values: dict[str, list[Any]] = {
        "pk": [*stage.pks, *(one.pk for one in Meeting.objects.exclude(pk__in=stage.pks))],
        "day": ["2026-11-23"],
        "week": ["2026-W48"],
        "secret": [TOKEN, "guess"],
    }
    assert len(parts) == 1, f"say what {name} is asked for"
    return [reverse(f"meetings:{name}", kwargs={parts[0]: value}) for value in values[parts[0]]]


def list_queries(stage: Stage) -> list[dict[str, str]]:
    bob = str(stage.bob.pk)
    chosen = {"host": bob, "owner": bob, "for": bob, "person": SOUGHT, "hours": "all"}
    answers = [{"answer": one.value, "host": bob} for one in Response]
    joins = [{"join": one} for one in ("any", "none", "zoom", "google_meet")]
    return [
        {}, chosen, {"q": SOUGHT}, {"q": "private"}, {"q": NUMBER[:7]}, {"q": OTHER[:3], "host": bob},
        {"person": SOUGHT, "declined": "1"}, {"when": "past"}, {"when": "past", "host": bob, "q": SOUGHT},
        {"on": "2026-11-24"}, {"page": "2", "host": bob}, {"calendar": str(stage.calendar.pk)}, {"pulse": "other"},
        {"host": "me"}, {"scope": "all"}, *answers, *joins,
    ]  # fmt: skip


TARGETS = ("", "meetings", "meetings-now", "calendars", "calendars-progress", "schedule", "planner", "main")
"""What htmx may ask for."""


def list_requests(name: str, stage: Stage) -> Iterator[tuple[str, dict[str, Any]]]:
    """(about, what the client is told) of every way to ask at a URL."""
    urls = list_urls(name, stage)
    queries = list_queries(stage)[: 25 if name in ("list", "export") else 6 if len(urls) <= 3 else 2]
    for url in urls:
        for query in queries:
            yield f"GET {url} {query}", {"method": "get", "path": url, "data": query}
        for target in TARGETS[: 1 if len(urls) > 3 else None]:
            headers = {"HX-Request": "true", "HX-Target": target, "HX-Current-URL": f"http://testserver{url}"}
            told = {"method": "get", "path": url, "data": queries[1], "headers": headers}
            yield f"GET {url} for {target}", told
        for data in ({}, make_post(stage)):
            yield f"POST {url} {data}", {"method": "post", "path": url, "data": data, "follow": True}


def make_post(stage: Stage) -> dict[str, str]:
    """What any form here may read, at the time of something private."""
    return {
        "owner": str(stage.bob.pk), "topic": "Lunch", "date": "2026-11-23", "time": "14:00", "hours": "1",
        "minutes": "0", "time_zone": "Europe/Berlin", "repeats": "never", "scope": "this", "keep": "theirs",
        "person": "nobody", "calendar": "none", "invitee": "",
        "invitees": f"{stage.bob.email}\n{WORD[:4]}@elsewhere.example",
    }  # fmt: skip


def text_of(response: Any) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    head = "\n".join(f"{name}: {value}" for name, value in response.items())
    steps = "\n".join(str(step) for step in getattr(response, "redirect_chain", []))
    return f"{head}\n{steps}\n{body.decode()}".replace("\r\n ", "")


def assert_nothing_leaks(text: str, about: str) -> None:
    """What a page offers to everybody to choose from (time zones) is no leak."""
    text = re.sub(r"<(select|datalist)\b.*?</\1>", "", text, flags=re.DOTALL)
    for leak in (WORD, NUMBER, "998 8776 6554", "135790", "+1415", "kathmandu"):
        assert leak not in text.lower(), f"{about}: {leak}"


def same(text: str) -> str:
    """Without what is new in each answer."""
    for pattern in (
        r'name="csrfmiddlewaretoken" value="[^"]*"', r"X-Request-ID: \S+", r"nonce[-=]\S+",
        r"<code>[0-9a-f]{12}</code>",
        r'"X-CSRFToken": "[^"]*"',
        r"http://localhost:8000/meetings/feed/\S+", r"webcal://\S+", r"(?i)last-modified: .*",
    ):  # fmt: skip
        text = re.sub(pattern, "", text)
    return text


@pytest.mark.parametrize("name", list_names())
def test_a_delegate_finds_no_word_of_what_is_private_and_what_it_says_makes_no_difference(
    stage, alice, sign_in, caplog, name
):
    """Asked twice, of two calendars that differ in what a private event is about: answers, status, headers and the
    number of queries are the same, and nothing of the first stands in any answer or in the log."""
    caplog.set_level(logging.INFO)
    first = ask_and_note(sign_in(alice), name, stage)
    stage.fill(OTHER, OTHER_NUMBER, is_long=True)
    second = ask_and_note(sign_in(alice), name, stage)
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert_nothing_leaks(one[-1], one[0])
        assert one[:-1] == other[:-1], one[0]
        assert one[-1] == other[-1], one[0]
    assert_nothing_leaks(caplog.text, "the log")


def ask_and_note(client: Client, name: str, stage: Stage) -> list[tuple[str, int, int, str]]:
    """(about, status, number of queries, text) of each answer; nothing that is private was changed by any."""
    client.get(reverse("meetings:list"))  # the first request of a session writes that it began
    answers, before, post_only = [], stage.photograph(), set()
    newest = max(model.objects.latest("pk").pk for model in (Meeting, ScheduledMeeting, Write))
    for about, told in list_requests(name, stage):
        if told["path"] in post_only and told["method"] == "get":
            continue
        with transaction.atomic():  # what one of them does is undone before the next
            with CaptureQueriesContext(database) as queries:
                response = getattr(client, told["method"])(**{key: told[key] for key in told if key != "method"})
                text = same(text_of(response))
            # What is made in the one calendar has another key than in the other.
            text = re.sub(r"/(\d+)/", lambda key: "/new/" if int(key[1]) > newest else key[0], text)
            if told["method"] == "post":
                assert stage.photograph() == before, f"{about} changed what is private"
            transaction.set_rollback(True)
        assert response.status_code < 500, about
        if response.status_code == 405:
            post_only.add(told["path"])
        answers.append((about, response.status_code, len(queries), text))
    return answers


def test_other_pages_say_nothing_of_it_either(stage, alice, dora, support_client, sign_in, caplog):
    caplog.set_level(logging.INFO)
    client, owner = sign_in(alice), sign_in(dora)
    pages = ["/", "/profile/", "/profile/settings/", "/profile/mail/", "/contacts/", f"/contacts/?q={SOUGHT}"]
    for path in pages:
        assert_nothing_leaks(text_of(client.get(path, follow=True)), path)
    names = ("organizations:audit", "organizations:audit_export", "administration:overview", "hosting:host")
    for name in names:
        response = owner.get(reverse(name))
        assert response.status_code == 200, name
        assert_nothing_leaks(text_of(response), name)
    for model in admin.site._registry:
        if model._meta.app_label == "meetings" and model is not Meeting:
            base = f"admin:meetings_{model._meta.model_name}"
            assert_without_ids(text_of(support_client.get(reverse(f"{base}_changelist"))), base)
            for pk in model._default_manager.values_list("pk", flat=True):
                assert_without_ids(text_of(support_client.get(reverse(f"{base}_change", args=[pk]))), base)
    assert_nothing_leaks(caplog.text, "the log")


def assert_without_ids(text: str, about: str) -> None:
    """Support sees ids at the provider, which here hold the word."""
    ids = "|".join(("Remote id", "remote_id"))
    text = re.sub(rf"(?s)(?:{ids}).{{0,40}}.*?</div>\s*</div>", "", text)
    text = re.sub(r'<td class="field-remote_id">.*?</td>', "", text)
    assert_nothing_leaks(text, about)


# --- Beside each refusal, its success ---

SHOWN_TO = {
    "list": "list", "day": "day", "week": "this_week", "detail": "detail", "export": "export", "edit": "edit",
    "writes": "writes", "write": "write", "deleted": "deleted", "feed": "feed", "now": "now",
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN_TO)
def test_who_may_manage_private_events_sees_them_there(stage, alice, sign_in, name):
    """Without this the tests above could pass on empty pages."""
    client = sign_in(alice)

    def finds() -> bool:
        url = reverse(f"meetings:{SHOWN_TO[name]}", kwargs=part) if (part := parts_of(name, stage)) else None
        answer = client.get(url or reverse(f"meetings:{SHOWN_TO[name]}"), {"host": str(stage.bob.pk)})
        return WORD in text_of(answer)

    assert not finds()
    Delegation.objects.update(may_manage_private=True)
    assert finds()


def parts_of(name: str, stage: Stage) -> dict[str, Any]:
    here = next(one for one in stage.private if one.origin == Origin.HERE)
    failed = stage.writes[1]
    parts = {"detail": here.pk, "edit": here.pk, "write": failed.pk}
    if name in parts:
        return {"pk": parts[name]}
    return {"day": "2026-11-23"} if name == "day" else {"secret": TOKEN} if name == "feed" else {}


def test_the_delegate_does_see_that_there_is_something(stage, alice, sign_in):
    page = text_of(sign_in(alice).get(reverse("meetings:list"), {"host": str(stage.bob.pk)}))
    assert page.count("Private") >= 4
    assert "Open of Bob Okafor" in page


@pytest.mark.parametrize("kind", ["nobody's", "across organizations", "over", "switched off"])
def test_who_is_no_delegate_gets_404_for_all_of_it(stage, alice, bob, charlie, northwind, sign_in, kind):
    """Also where a row of a delegation is there that does not hold."""
    viewer = charlie if kind in ("nobody's", "across organizations") else alice
    if kind == "across organizations":
        Delegation.objects.create(owner=bob, delegate=charlie, may_manage_private=True)
    elif kind == "over":
        Delegation.objects.update(may_manage_private=True, until=NOW.date() - timedelta(days=2))
    elif kind == "switched off":
        Delegation.objects.update(may_manage_private=True)
        set_policy(northwind, {"scheduling_privilege": False})
    client, asked = sign_in(viewer), 0
    keys = {"detail": stage.private, "edit": stage.private, "deletion": stage.private, "progress": stage.private,
            "write": stage.writes}  # fmt: skip
    for name, rows in keys.items():
        for row in rows:
            response = client.get(reverse(f"meetings:{name}", args=[row.pk]))
            assert response.status_code == 404, f"{name} {row.pk}"
            asked += 1
    for name in ("list", "export", "writes", "deleted", "this_week", "now"):
        assert WORD not in text_of(client.get(reverse(f"meetings:{name}")))
    assert asked > 20


def test_what_zoom_lists_of_a_private_event_is_as_private(stage, alice, sign_in):
    """Made in Zoom itself, where nothing is private, and put into the calendar as a private event a little earlier."""
    row = Meeting.objects.create(
        owner=stage.bob, origin=Origin.HOST, remote_id="z", title=WORD, meeting_number=NUMBER, starts=NOW + 6 * HOUR,
        ends=NOW + 7 * HOUR,
    )  # fmt: skip
    page = reverse("meetings:detail", args=[row.pk])
    client = sign_in(alice)
    assert client.get(page).status_code == 404
    assert WORD not in text_of(client.get(reverse("meetings:list")))
    assert sign_in(stage.bob).get(page).status_code == 200
    Delegation.objects.update(may_manage_private=True)
    assert client.get(page).status_code == 200
    Delegation.objects.update(may_manage_private=False)
    Meeting.objects.filter(pk=row.pk).update(meeting_number="12345678901")
    assert client.get(page).status_code == 200, "of another meeting"
