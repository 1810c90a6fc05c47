"""Whatever happens to a calendar: what a client holds after increments is what a full listing says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from werkzeug.datastructures import MultiDict

from sandbox.google.errors import GoogleError
from sandbox.server import Sandbox
from sandbox.store import Store
from tests.sandbox.conftest import ALICE

THOROUGH = settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
FIRST = datetime(2026, 10, 20, 8, 0, tzinfo=UTC)
RULES = ("RRULE:FREQ=DAILY;COUNT=4", "RRULE:FREQ=WEEKLY;COUNT=3", "RRULE:FREQ=DAILY;INTERVAL=3;UNTIL=20261105T000000Z")
WINDOW = ("2026-10-24T00:00:00Z", "2026-11-04T00:00:00Z")


def times(day: int, hour: int) -> dict:
    begins = FIRST + timedelta(days=day, hours=hour)
    return {
        name: {"dateTime": moment.isoformat(), "timeZone": "Europe/Berlin"}
        for name, moment in (("start", begins), ("end", begins + timedelta(hours=1)))
    }


class Reader:
    """A client with one query: it holds what it was told, by id."""

    def __init__(self, sandbox: Sandbox, **query: str) -> None:
        self.sandbox, self.query, self.token, self.held = sandbox, query, "", {}
        self.bounds = [datetime.fromisoformat(text) for text in (query.get("timeMin"), query.get("timeMax")) if text]

    def list(self, **more: str) -> tuple[list[dict], str]:
        found, page_token = [], None
        calendar = self.sandbox.google.calendars.get(ALICE, "primary")
        while True:
            args = MultiDict(
                {**self.query, **more, "maxResults": "3", **({"pageToken": page_token} if page_token else {})}
            )
            page = self.sandbox.google.listing.list(calendar, ALICE, args)
            found += [orjson.loads(item) if isinstance(item, str) else item for item in page.items]
            page_token = page.next_page
            if not page_token:
                return found, page.next_sync

    def full(self) -> dict[str, dict]:
        return {item["id"]: item for item in self.list()[0]}

    def catch_up(self) -> None:
        if not self.token:
            found, self.token = self.list()
            self.held = {item["id"]: item for item in found}
            return
        kept = {name: value for name, value in self.query.items() if name == "singleEvents"}
        reader = Reader(self.sandbox, **kept)
        found, self.token = reader.list(syncToken=self.token)
        single = "singleEvents" in self.query
        for item in found:
            gone = item["status"] == "cancelled" and (single or "recurringEventId" not in item)
            if gone or not self.is_inside(item):
                self.held.pop(item["id"], None)
            else:
                self.held[item["id"]] = item

    def is_inside(self, item: dict) -> bool:
        if not self.bounds or item["status"] == "cancelled" or "recurrence" in item:
            return True
        starts, ends = (datetime.fromisoformat(item[name]["dateTime"]) for name in ("start", "end"))
        return ends > self.bounds[0] and starts < self.bounds[1]


class CalendarLife(RuleBasedStateMachine):
    events = Bundle("events")

    def __init__(self) -> None:
        super().__init__()
        self.sandbox = Sandbox(":memory:")
        self.sandbox.clock.freeze(datetime(2026, 10, 20, tzinfo=UTC))
        self.sandbox.google.add_person(ALICE, name="Alice Meyer")
        self.readers = [
            Reader(self.sandbox),
            Reader(self.sandbox, singleEvents="true"),
            Reader(self.sandbox, singleEvents="true", timeMin=WINDOW[0], timeMax=WINDOW[1]),
        ]

    def teardown(self) -> None:
        self.sandbox.close()

    @rule(target=events, day=st.integers(0, 20), hour=st.integers(0, 8), recurrence=st.sampled_from((None, *RULES)))
    def make(self, day: int, hour: int, recurrence: str | None) -> str:
        body = {"summary": "Talk", **times(day, hour)} | ({"recurrence": [recurrence]} if recurrence else {})
        return self.sandbox.google.add_event(ALICE, body)["id"]

    @rule(event=events, text=st.sampled_from("abc"))
    def rename(self, event: str, text: str) -> None:
        self.try_to(lambda: self.sandbox.google.change_event(ALICE, event, {"summary": text}))

    @rule(event=events, day=st.integers(0, 20), hour=st.integers(0, 8))
    def move(self, event: str, day: int, hour: int) -> None:
        self.try_to(lambda: self.sandbox.google.change_event(ALICE, event, times(day, hour)))

    @rule(event=events, recurrence=st.sampled_from((None, *RULES)))
    def change_rule(self, event: str, recurrence: str | None) -> None:
        body = {"recurrence": [recurrence] if recurrence else None}
        self.try_to(lambda: self.sandbox.google.change_event(ALICE, event, body))

    @rule(event=events, pick=st.integers(0, 3), day=st.integers(0, 20), hour=st.integers(0, 8))
    def move_instance(self, event: str, pick: int, day: int, hour: int) -> None:
        if name := self.instance(event, pick):
            self.try_to(lambda: self.sandbox.google.change_event(ALICE, name, times(day, hour)))

    @rule(event=events, pick=st.integers(0, 3))
    def cancel_instance(self, event: str, pick: int) -> None:
        if name := self.instance(event, pick):
            self.try_to(lambda: self.sandbox.google.delete_event(ALICE, name))

    @rule(event=events)
    def delete(self, event: str) -> None:
        self.try_to(lambda: self.sandbox.google.delete_event(ALICE, event))

    @rule(which=st.integers(0, 2))
    def sync(self, which: int) -> None:
        self.readers[which].catch_up()
        assert self.readers[which].held == self.readers[which].full()

    def instance(self, event: str, pick: int) -> str:
        calendar = self.sandbox.google.calendars.get(ALICE, "primary")
        found = self.sandbox.google.listing.instances(calendar, event, MultiDict()).items
        names = [orjson.loads(item)["id"] if isinstance(item, str) else item["id"] for item in found]
        return names[pick % len(names)] if names else ""

    @staticmethod
    def try_to(act) -> None:
        try:
            act()
        except GoogleError as error:
            assert error.status in (404, 410), error.body

    @invariant()
    def nothing_is_listed_twice(self) -> None:
        found, _ = self.readers[1].list()
        assert len({item["id"] for item in found}) == len(found)


def test_increments_and_full_listings_agree_whatever_happens():
    run_state_machine_as_test(
        CalendarLife,
        settings=THOROUGH,
    )


def test_the_machine_would_notice_a_lost_deletion(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sandbox.google.listing.skeleton", lambda doc, **_: {"id": "lost", "status": "cancelled"})
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(
            CalendarLife,
            settings=settings(parent=THOROUGH, database=None, phases=[Phase.generate]),
        )  # fmt: skip


def test_a_store_in_a_file_keeps_everything_over_a_restart(tmp_path):
    path = str(tmp_path / "sandbox.sqlite3")
    first = Sandbox(path)
    first.settle("http://127.0.0.1:1")
    first.google.add_person(ALICE)
    event = first.google.add_event(ALICE, {"summary": "Kept", **times(1, 1)})
    reader = Reader(first)
    reader.catch_up()
    issued = first.google.tokens.issue(ALICE, [])
    first.clock.advance(timedelta(days=1))
    first.close()
    second = Sandbox(path)
    second.settle("http://127.0.0.1:2")
    again = Reader(second)
    assert again.full()[event["id"]]["htmlLink"].startswith("http://127.0.0.1:2/event?")
    again.token, again.held = reader.token, reader.held
    again.catch_up()
    assert again.held == reader.held
    assert second.google.tokens.living(ALICE)[1] == 1
    assert second.clock.is_moved
    assert issued.refresh
    second.close()
    Store(path).close()
