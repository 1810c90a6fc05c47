"""Whatever is done here and there, in whatever order, with answers lost on the way: one meeting is one row.

Alice's calendar is in memory. Rules schedule, change, delete and restore here, change and delete there, sync, and let
the outbox go out, one write at a time; at any moment the next write may do its work and lose its answer.
"""

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from integrations.errors import Unreachable
from integrations.models import SyncCursor
from integrations.outgoing import WriteState
from integrations.providers.memory import SERVICE
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import EventDraft
from meetings import outbox, queueing, scheduling
from meetings.models import Meeting, Origin, ScheduledMeeting, Write
from organizations.models import Membership, Organization, User
from tests.meetings.world import NOW, TEN, Scope, World

scopes = st.sampled_from(list(Scope))
indexes = st.integers(0, 20)
shifts = st.sampled_from([timedelta(minutes=30), timedelta(hours=-2), timedelta(days=1)])


class BothWays(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(NOW, tick=False)
        self.clock.start()
        self.settings = override_settings(
            PROVIDERS={"memory": "integrations.providers.memory.Memory"}, PROVIDER_SETTINGS={}
        )
        self.settings.enable()
        SERVICE.reset()
        organization = Organization.objects.create(name="Northwind", time_zone="Europe/Berlin")
        alice = User.objects.create_user(f"p{organization.pk}@northwind.example")
        Membership.objects.create(user=alice, organization=organization)
        self.organization = organization
        self.world = World(alice, SERVICE, SERVICE.add_person(alice.email))
        self.world.connect()
        self.world.sync()
        self.made = 0

    def teardown(self) -> None:
        self.settle()
        self.world.alice.delete()
        self.organization.delete()
        SERVICE.reset()
        self.settings.disable()
        self.clock.stop()

    def settle(self) -> None:
        """Everything goes out, everything comes in: the page is the calendar and what is ours alone."""
        SERVICE._faults.clear()
        for _ in range(30):
            for write in Write.objects.filter(state__in=[WriteState.FAILED, WriteState.CONFLICT]):
                scheduling.keep_theirs(write)
            Write.objects.filter(state=WriteState.WAITING).update(next_try_at=NOW)
            self.world.work(passes=20)
            # That the calendar really is empty has to be said by its person.
            SyncCursor.objects.filter(emptied_at__isnull=False).update(emptied_confirmed=True)
            self.world.sync()
            if not Write.objects.open().exists():
                break
        assert not Write.objects.open().exists()
        ours = [(row.title, row.starts) for row in self.world.shown if row.origin == Origin.HERE]
        pending = ScheduledMeeting.objects.living().filter(wants_calendar=True, is_in_calendar=False)
        assert sorted(self.world.page) == sorted([*self.world.there, *ours])
        assert not Meeting.objects.filter(is_shadow=True, scheduled__deleted_at__isnull=True).exists()
        # What is left of a meeting that was not deleted is to be seen.
        single = ScheduledMeeting.objects.living().filter(recurrence_json=None)
        assert all(one.rows.filter(is_shadow=False).exists() for one in single)
        # What could not be made is what somebody has given up, never what was lost.
        assert all(one.writes.filter(state=WriteState.DROPPED).exists() for one in pending)

    def pick(self, index: int, *, ours: bool = False) -> Meeting | None:
        rows = [row for row in self.world.shown if not ours or row.scheduled_id]
        return rows[index % len(rows)] if rows else None

    # here

    @rule(count=st.sampled_from([0, 3]), in_calendar=st.booleans(), shift=shifts)
    def schedule(self, count: int, in_calendar: bool, shift: timedelta) -> None:
        self.made += 1
        recurrence = Recurrence(Repeats.DAILY, count=count) if count else None
        self.world.schedule(f"M{self.made}", TEN + shift, recurrence=recurrence, in_calendar=in_calendar)

    @rule(index=indexes, scope=scopes)
    def rename(self, index: int, scope: Scope) -> None:
        self.made += 1
        if (row := self.pick(index)) is not None:
            self.world.edit(row, scope=scope, topic=f"{row.title[:20]}r{self.made}")

    @rule(index=indexes, scope=scopes, shift=shifts)
    def move(self, index: int, scope: Scope, shift: timedelta) -> None:
        if (row := self.pick(index)) is not None and row.starts:
            self.world.edit(row, scope=scope, starts=row.starts + shift, minutes=45)

    @rule(index=indexes, scope=scopes)
    def delete(self, index: int, scope: Scope) -> None:
        if (row := self.pick(index, ours=True)) is not None:
            self.world.delete(row, scope=scope)

    @rule()
    def restore(self) -> None:
        deleted = ScheduledMeeting.objects.restorable(NOW).first()
        if deleted is not None:
            scheduling.restore(deleted, by=self.world.alice)

    # there

    @rule(index=indexes)
    def rename_there(self, index: int) -> None:
        self.made += 1
        if events := sorted(self.world.person.book.events.items):
            ref = self.world.person.book.get(events[index % len(events)]).ref
            draft = EventDraft(title=f"T{self.made}")
            self.world.person.book.update(ref, draft, fields=frozenset({"title"}))

    @rule(index=indexes)
    def delete_there(self, index: int) -> None:
        if events := sorted(self.world.person.book.events.items):
            self.world.person.book.delete(events[index % len(events)])

    @rule()
    def make_there(self) -> None:
        self.made += 1
        draft = EventDraft(title=f"T{self.made}", starts=TEN, ends=TEN + timedelta(hours=1), timezone="Europe/Berlin")
        self.world.person.book.create(draft, key=f"{self.made:032x}")

    # in between

    @rule(at=st.sampled_from(["create", "update", "delete", "end_series"]))
    def lose_an_answer(self, at: str) -> None:
        SERVICE.lose_answer(at=at)

    @rule(at=st.sampled_from(["create", "update", "delete", "end_series", "instances", "read"]))
    def cut_off(self, at: str) -> None:
        SERVICE.fail(Unreachable(), at=at)

    @rule(index=indexes)
    def carry_one_out(self, index: int) -> None:
        if writes := list(Write.objects.filter(state=WriteState.WAITING).order_by("pk")):
            write = writes[index % len(writes)]
            Write.objects.filter(pk=write.pk).update(next_try_at=NOW)
            outbox.carry_out(write.pk)

    @rule()
    def retry(self) -> None:
        if (write := Write.objects.filter(state=WriteState.FAILED).order_by("pk").first()) is not None:
            queueing.put_again(write)

    @rule()
    def sync(self) -> None:
        self.world.sync()

    @rule()
    def relist(self) -> None:
        self.world.person.events.expire_cursors()
        self.world.sync()

    @invariant()
    def one_meeting_is_one_row(self) -> None:
        """No scheduled meeting is shown by our own rows and by the calendar's, and no occurrence twice."""
        rows = self.world.shown
        origins: dict[int, set[str]] = {}
        for row in rows:
            if row.scheduled_id:
                origins.setdefault(row.scheduled_id, set()).add(row.origin)
        assert all(len(one) == 1 for one in origins.values()), origins
        events = Counter((row.container, row.remote_id) for row in rows if row.remote_id)
        assert all(count == 1 for count in events.values()), events
        ours = Counter((row.scheduled_id, row.original_starts) for row in rows if row.origin == Origin.HERE)
        assert all(count == 1 for count in ours.values()), ours


@pytest.mark.django_db
def test_one_meeting_is_one_row_whatever_happens() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        BothWays,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
