"""Whatever is done here and there, in whatever order, with answers lost and workers killed: one contact is one row.

Alice's address book is in memory. Rules create contacts and add numbers here, change, create and delete there, sync,
and let the outbox go out, one write at a time; at any moment the next write may do its work and lose its answer, and a
worker may die after what it did at the provider, before or after it was recorded here.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
import time_machine
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from contacts import outbox, queueing
from contacts.models import Contact, ContactWrite
from contacts.sync import ContactsFeed
from integrations import outgoing
from integrations.errors import Rejected, Unreachable
from integrations.models import SyncCursor
from integrations.outgoing import WriteState
from integrations.providers.memory import SERVICE
from integrations.remote import RemoteNumber
from organizations.models import Membership, Organization, User
from tests.contacts.world import NOW, World, draft

indexes = st.integers(0, 20)
values = st.sampled_from(["030 901820", "+49 171 2345678", "030 5556677", "4711"])


class Killed(BaseException):
    """What a worker that is killed does no more: nothing catches it."""


class Writing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(NOW, tick=False)
        self.clock.start()
        self.settings = override_settings(
            PROVIDERS={"memory": "integrations.providers.memory.Memory"}, PROVIDER_SETTINGS={}
        )
        self.settings.enable()
        SERVICE.reset()
        self.organization = Organization.objects.create(name="Northwind", default_region="DE")
        alice = User.objects.create_user(f"p{self.organization.pk}@northwind.example")
        Membership.objects.create(user=alice, organization=self.organization)
        self.world = World(alice, SERVICE, SERVICE.add_person(alice.email))
        self.world.connect()
        self.world.sync()
        self.made = 0
        self.pks: dict[str, int] = {}
        """Of each contact created here, by its name: the row it was shown by at first."""
        self.asked = Counter[str]()
        """How many contacts of each name were created, here and there."""

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.world.alice.delete()
            self.organization.delete()
            SERVICE.reset()
            self.settings.disable()
            self.clock.stop()

    def settle(self) -> None:
        """Everything goes out, everything comes in: the page is the address book."""
        SERVICE._faults.clear()
        for _ in range(10):
            for write in ContactWrite.objects.filter(state__in=[WriteState.FAILED, WriteState.CONFLICT]):
                self.world.drop(write)
            ContactWrite.objects.filter(state=WriteState.WAITING).update(next_try_at=NOW, taken_until=None)
            self.world.work()
            # That the address book really is empty has to be said by its person.
            SyncCursor.objects.filter(emptied_at__isnull=False).update(emptied_confirmed=True)
            self.world.sync()
            if not ContactWrite.objects.open().exists():
                break
        assert not ContactWrite.objects.open().exists()
        assert self.world.page == self.world.there
        assert {one.remote_id for one in self.world.rows} == {one.ref.id for one in self.world.held}
        assert not any(number.is_pending for one in self.world.rows for number in one.numbers.all())

    def pick(self, index: int) -> Contact | None:
        rows = [row for row in self.world.rows if not row.is_pending]
        return rows[index % len(rows)] if rows else None

    # here

    @rule(value=values)
    def create(self, value: str) -> None:
        self.made += 1
        row = self.world.create(draft(f"N{self.made}", "Weber", value))
        self.pks[row.display_name] = row.pk
        self.asked[row.display_name] += 1

    @rule(index=indexes, value=values)
    def add_number(self, index: int, value: str) -> None:
        if (row := self.pick(index)) is not None:
            self.world.add(row, value)

    @rule()
    def give_up(self) -> None:
        failed = ContactWrite.objects.filter(state__in=[WriteState.FAILED, WriteState.CONFLICT]).order_by("pk").first()
        if failed is not None:
            self.world.drop(failed)

    @rule()
    def insist(self) -> None:
        for write in ContactWrite.objects.filter(state__in=[WriteState.FAILED, WriteState.CONFLICT]):
            if write.is_conflict:
                queueing.put_again(write, version=write.theirs_version, seen_json=write.theirs_json)
            else:
                queueing.put_again(write)

    # there

    @rule(value=values)
    def create_there(self, value: str) -> None:
        self.made += 1
        name = f"T{self.made}"
        self.asked[name] += 1
        numbers = (RemoteNumber(value),)
        self.world.person.put_contact(f"c{self.made}", given_name=name, display_name=name, numbers=numbers)

    @rule(index=indexes, value=values)
    def change_number_there(self, index: int, value: str) -> None:
        if held := sorted(self.world.held, key=lambda one: one.ref.id):
            one = held[index % len(held)]
            # Changed before it was ever read, it is known again by its key alone, which not every service gives.
            unread = {row.draft_json["given_name"] for row in ContactWrite.objects.open()}
            if one.given_name not in unread:
                self.world.person.contacts.put(replace(one, numbers=(RemoteNumber(value),)))

    @rule(index=indexes)
    def change_note_there(self, index: int) -> None:
        self.made += 1
        if held := sorted(self.world.held, key=lambda one: one.ref.id):
            self.world.person.contacts.put(replace(held[index % len(held)], note=f"{self.made}"))

    @rule(index=indexes)
    def delete_there(self, index: int) -> None:
        if held := sorted(self.world.held, key=lambda one: one.ref.id):
            self.world.person.contacts.remove(held[index % len(held)].ref.id)

    # in between

    @rule(at=st.sampled_from(["create contact", "add number"]))
    def lose_an_answer(self, at: str) -> None:
        SERVICE.lose_answer(at=at)

    @rule(
        at=st.sampled_from(["create contact", "add number", "read contact"]),
        error=st.sampled_from([Unreachable(), Rejected("No.")]),
    )
    def refuse(self, at: str, error: Exception) -> None:
        SERVICE.fail(error, at=at)  # type: ignore[arg-type]

    @rule(index=indexes)
    def carry_one_out(self, index: int) -> None:
        if (write := self._choose(index)) is not None:
            outbox.carry_out(write.pk)

    @rule(index=indexes, point=st.sampled_from(["before", "after"]))
    def be_killed(self, index: int, point: str) -> None:
        """The lease and the claim of a dead worker run out."""
        write = self._choose(index)
        if write is None:
            return
        owner, name = (ContactsFeed, "apply") if point == "before" else (outgoing, "leave")
        done = getattr(owner, name)

        def die(*_: object, **__: object) -> None:
            raise Killed

        setattr(owner, name, die)
        try:
            with suppress(Killed):
                outbox.carry_out(write.pk)
        finally:
            setattr(owner, name, done)

    def _choose(self, index: int) -> ContactWrite | None:
        writes = list(ContactWrite.objects.filter(state=WriteState.WAITING).order_by("pk"))
        if not writes:
            return None
        write = writes[index % len(writes)]
        ContactWrite.objects.filter(pk=write.pk).update(next_try_at=NOW, taken_until=None)
        return write

    @rule()
    def sync(self) -> None:
        self.world.sync()

    @rule()
    def forget_keys_and_relist(self) -> None:
        """A service that does not give keys back lists everything anew."""
        items = self.world.person.contacts.items
        kept = {name: one.key for name, one in items.items()}
        items.update({name: replace(one, key="") for name, one in items.items()})
        self.world.person.contacts.expire_cursors()
        self.world.sync()
        items.update({name: replace(one, key=kept[name]) for name, one in items.items()})

    @invariant()
    def one_contact_is_one_row(self) -> None:
        rows = self.world.rows
        names = Counter(row.display_name for row in rows)
        assert all(count <= self.asked[name] for name, count in names.items()), names
        assert all(self.pks.get(row.display_name, row.pk) == row.pk for row in rows if self._was_kept(row))
        for row in rows:
            assert len({one.position for one in row.numbers.all()}) == row.numbers.count()

    def _was_kept(self, row: Contact) -> bool:
        """Not given up by its person, and then found there all the same: that is another row."""
        dropped = ContactWrite.objects.filter(action="create", state=WriteState.DROPPED)
        return not any(one.draft_json["given_name"] == row.given_name for one in dropped)


@pytest.mark.django_db
def test_one_contact_is_one_row_whatever_happens() -> None:
    run_state_machine_as_test(
        Writing,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
