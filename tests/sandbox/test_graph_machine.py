"""Whatever happens to a mailbox: who follows change tracking ends with what a plain listing says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from sandbox.mailbox import MailboxError
from tests.sandbox.graph_stage import IMMUTABLE, Stage

THOROUGH = settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
FIRST = datetime(2026, 10, 20, 8, 0, tzinfo=UTC)
WINDOW = "startDateTime=2026-10-24T00:00:00Z&endDateTime=2026-11-04T00:00:00Z"
PAGED = f"{IMMUTABLE}, odata.maxpagesize=3"
RULES = (
    ("daily", {}, {"type": "numbered", "numberOfOccurrences": 4}),
    ("weekly", {"daysOfWeek": ["monday", "thursday"]}, {"type": "noEnd"}),
    ("daily", {"interval": 3}, {"type": "endDate", "endDate": "2026-11-12"}),
    ("relativeMonthly", {"daysOfWeek": ["friday"], "index": "last"}, {"type": "numbered", "numberOfOccurrences": 2}),
)


def times(day: int, hour: int) -> dict:
    begins = FIRST + timedelta(days=day, hours=hour)
    return {name: {"dateTime": f"{moment:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}
            for name, moment in (("start", begins), ("end", begins + timedelta(hours=1)))}  # fmt: skip


def rule_of(number: int) -> dict | None:
    if not number:
        return None
    kind, pattern, extent = RULES[number - 1]
    return {
        "pattern": {"type": kind, "interval": 1, **pattern},
        "range": extent | {"recurrenceTimeZone": "Europe/Berlin"},
    }


class Reader:
    """A client of calendarView/delta: it asks for the instances of each series that a round shows."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.link, self.held = stage, "", dict[str, dict]()

    def catch_up(self) -> None:
        items, self.link = self.stage.walk(self.link or f"me/calendarView/delta?{WINDOW}", prefer=PAGED)
        series = dict.fromkeys(item["id"] for item in items if item.get("type") == "seriesMaster")
        for item in items:
            self.drop(item["id"])
            if item.get("type") == "singleInstance":
                self.held[item["id"]] = {name: value for name, value in item.items() if name != "@odata.type"}
        for name in series:
            self.drop(name)
            answer = self.stage.send("GET", f"me/events/{name}/instances?{WINDOW}&$top=100")
            if answer.status_code == 200:
                self.held |= {item["id"]: item for item in answer.json["value"]}

    def drop(self, name: str) -> None:
        """An event and, if it is or was a series, all that belongs to it."""
        self.held = {key: item for key, item in self.held.items() if name not in (key, item["seriesMasterId"])}


class CalendarLife(RuleBasedStateMachine):
    events = Bundle("events")

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.box = self.stage.alice
        self.reader = Reader(self.stage)

    def teardown(self) -> None:
        self.stage.close()

    @rule(target=events, day=st.integers(0, 20), hour=st.integers(0, 8), number=st.integers(0, len(RULES)))
    def make(self, day: int, hour: int, number: int) -> str:
        return self.box.add_event({"subject": "Talk", "recurrence": rule_of(number), **times(day, hour)})["id"]

    @rule(event=events, text=st.sampled_from("abc"))
    def rename(self, event: str, text: str) -> None:
        self.try_to(lambda: self.box.change_event(event, {"subject": text}))

    @rule(event=events, day=st.integers(0, 20), hour=st.integers(0, 8))
    def move(self, event: str, day: int, hour: int) -> None:
        self.try_to(lambda: self.box.change_event(event, times(day, hour)))

    @rule(event=events, number=st.integers(0, len(RULES)))
    def change_rule(self, event: str, number: int) -> None:
        self.try_to(lambda: self.box.change_event(event, {"recurrence": rule_of(number)}))

    @rule(event=events, pick=st.integers(0, 3), day=st.integers(0, 20), hour=st.integers(0, 8))
    def move_day(self, event: str, pick: int, day: int, hour: int) -> None:
        if name := self.day_of(event, pick):
            self.try_to(lambda: self.box.change_event(name, times(day, hour)))

    @rule(event=events, pick=st.integers(0, 3), text=st.sampled_from("xyz"))
    def rename_day(self, event: str, pick: int, text: str) -> None:
        if name := self.day_of(event, pick):
            self.try_to(lambda: self.box.change_event(name, {"subject": text}))

    @rule(event=events, pick=st.integers(0, 3))
    def cancel_day(self, event: str, pick: int) -> None:
        if name := self.day_of(event, pick):
            self.try_to(lambda: self.box.delete_event(name))

    @rule(event=events)
    def delete(self, event: str) -> None:
        self.try_to(lambda: self.box.delete_event(event))

    @rule()
    def sync(self) -> None:
        self.reader.catch_up()
        listed, _ = self.stage.walk(f"me/calendarView?{WINDOW}&$top=4")
        assert self.reader.held == {item["id"]: item for item in listed}
        assert len(self.reader.held) == len(listed)

    def day_of(self, event: str, pick: int) -> str:
        try:
            found = self.box.instances(event, FIRST, FIRST + timedelta(days=60))
        except MailboxError:
            return ""
        return found[pick % len(found)]["id"] if found else ""

    @staticmethod
    def try_to(act) -> None:
        try:
            act()
        except MailboxError as error:
            known = ("ErrorItemNotFound", "ErrorOccurrenceCrossingBoundary", "ErrorInvalidRequest",
                     "ErrorCalendarEndDateIsEarlierThanStartDate")  # fmt: skip
            assert error.code in known, error


class AddressBookLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage()
        self.box = self.stage.alice
        self.links: dict[str, str] = {}
        self.folder_link = ""
        self.known: set[str] = set()
        self.held: dict[str, dict] = {}

    def teardown(self) -> None:
        self.stage.close()

    def contacts(self) -> list[str]:
        return [row.id for folder in self.box.folders() for row in self.box.contact_rows(folder.id)]

    def folders(self) -> list[str]:
        return [folder.id for folder in self.box.folders()]

    @rule(pick=st.integers(0, 9), given=st.sampled_from("ABC"))
    def create(self, pick: int, given: str) -> None:
        self.box.add_contact({"givenName": given}, self.folders()[pick % len(self.folders())])

    @precondition(lambda self: self.contacts())
    @rule(pick=st.integers(0, 50), given=st.sampled_from("XYZ"))
    def rewrite(self, pick: int, given: str) -> None:
        self.box.change_contact(self.contacts()[pick % len(self.contacts())], {"givenName": given})

    @precondition(lambda self: self.contacts())
    @rule(pick=st.integers(0, 50), where=st.integers(0, 9))
    def move(self, pick: int, where: int) -> None:
        self.box.move_contact(self.contacts()[pick % len(self.contacts())], self.folders()[where % len(self.folders())])

    @precondition(lambda self: self.contacts())
    @rule(pick=st.integers(0, 50))
    def delete(self, pick: int) -> None:
        self.box.delete_contact(self.contacts()[pick % len(self.contacts())])

    @rule(parent=st.integers(0, 9))
    def make_folder(self, parent: int) -> None:
        name = f"F{self.box.last_change()}"
        self.box.add_folder(name, self.folders()[parent % len(self.folders())])

    @precondition(lambda self: len(self.folders()) > 1)
    @rule(pick=st.integers(0, 9))
    def delete_folder(self, pick: int) -> None:
        self.box.delete_folder(self.folders()[1:][pick % (len(self.folders()) - 1)])

    @rule()
    def sync(self) -> None:
        items, self.folder_link = self.stage.walk(self.folder_link or "me/contactFolders/delta", prefer=PAGED)
        for item in items:
            (self.known.discard if "@removed" in item else self.known.add)(item["id"])
        for folder in (self.box.contacts_id, *sorted(self.known)):
            path = self.links.get(folder) or f"me/contactFolders/{folder}/contacts/delta"
            found, self.links[folder] = self.stage.walk(path, prefer=PAGED)
            for item in found:
                item.pop("@odata.type")
                if "@removed" not in item:
                    self.held[item["id"]] = item
                elif self.held.get(item["id"], {}).get("parentFolderId") == folder:
                    del self.held[item["id"]]
        living = {self.box.contacts_id, *self.known}
        self.links = {folder: link for folder, link in self.links.items() if folder in living}
        self.held = {name: item for name, item in self.held.items() if item["parentFolderId"] in living}
        assert living == set(self.folders())
        listed = [doc for folder in self.folders() for doc in self.box.contacts(folder)]
        assert self.held == {doc["id"]: doc for doc in listed}


def test_change_tracking_and_a_calendar_view_agree_whatever_happens():
    run_state_machine_as_test(CalendarLife, settings=THOROUGH)


def test_the_machine_would_notice_a_lost_deletion(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sandbox.microsoft.graph_delta._removed", lambda kind, *_: b'{"id":"lost","@removed":{}}')
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(
            CalendarLife, settings=settings(parent=THOROUGH, database=None, phases=[Phase.generate])
        )


def test_change_tracking_and_the_folders_contacts_agree_whatever_happens():
    run_state_machine_as_test(AddressBookLife, settings=settings(THOROUGH, phases=[Phase.explicit, Phase.generate]))
