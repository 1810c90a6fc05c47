"""What is created here is shown at once, stands in the address book once, and is one whatever comes in between."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from contacts import outbox, queueing, tasks
from contacts.models import Contact, ContactFolder, ContactNumber, ContactWrite, Filing
from integrations import changing, outgoing
from integrations.errors import PermissionMissing, ReconnectNeeded, Rejected, Unreachable
from integrations.leases import take_lease
from integrations.models import Connection, Status
from integrations.outgoing import WriteState
from integrations.providers.memory_people import MemoryContacts
from integrations.remote import ContactDraft, RemoteContact, RemoteNumber, RemoteRef
from portal.celery import app
from tests.contacts.world import NOW, World, draft, number

ANNA = draft("Anna", "Weber", "+49 30 901820", email="anna@weber.example")


def only_write() -> ContactWrite:
    return ContactWrite.objects.get()


# Creating


def test_a_new_contact_is_shown_at_once_and_keeps_its_row_once_it_is_there(world: World) -> None:
    row = world.create(ANNA)
    assert row.is_pending and world.there == []
    assert world.page == [("Anna Weber", ("+49 30 901820",))]
    shown = row.numbers.get()
    assert (shown.e164, shown.kind, shown.label) == ("+4930901820", "mobile", "Mobile")

    world.work()

    made = Contact.objects.get(pk=row.pk)
    assert not made.is_pending and made.version and made.remote_id == world.held[0].ref.id
    assert world.page == world.there
    assert only_write().state == WriteState.DONE
    world.sync()
    assert [one.pk for one in world.rows] == [row.pk]


def test_it_is_in_the_folder_that_was_chosen_before_and_after(world: World) -> None:
    world.person.put_folder("clients", "Clients")
    world.person.put_folder("all", "All", is_default=True)
    world.sync()
    chosen, unchosen = world.create(ANNA, folder="clients"), world.create(draft("Ben"))
    assert [one.remote_id for row in (chosen, unchosen) for one in row.folders.all()] == ["clients", "all"]

    world.work()
    assert {one.given_name: one.folders for one in world.held} == {"Anna": ("clients",), "Ben": ("all",)}
    assert [one.remote_id for row in (chosen, unchosen) for one in row.folders.all()] == ["clients", "all"]


def test_no_listing_sweeps_it_away_and_no_count_holds_it(world: World) -> None:
    world.person.put_contact("c1", display_name="Zoe")
    world.sync()
    world.create(ANNA)
    world.service.fail(Unreachable(), at="create contact")
    world.work()
    world.person.contacts.expire_cursors()
    world.sync()

    assert [name for name, _ in world.page] == ["Anna Weber", "Zoe"]
    assert world.connection.runs.first().removed == 0


@pytest.mark.parametrize("reader", ["sync", "worker"])
def test_of_what_was_made_though_the_answer_was_lost_there_is_one(world: World, reader: str) -> None:
    row = world.create(ANNA)
    world.service.lose_answer(at="create contact")
    world.work()
    assert only_write().state == WriteState.WAITING and len(world.held) == 1

    if reader == "sync":
        world.sync()
        assert only_write().state == WriteState.DONE
    outgoing.put_again(only_write())
    world.work()
    world.sync()

    assert world.page == world.there and len(world.page) == 1
    assert [one.pk for one in world.rows] == [row.pk]


def test_it_is_known_again_by_what_it_says_where_the_service_gives_no_key(world: World) -> None:
    row = world.create(ANNA)
    world.service.lose_answer(at="create contact")
    world.work()
    (made,) = world.held
    world.person.contacts.items.clear()
    numbers = (RemoteNumber("030 / 90 18 20"),)
    world.person.put_contact("other", given_name="Ben", family_name="Weber", numbers=made.numbers)
    world.person.put_contact("people/1", given_name="ANNA", family_name="Weber", numbers=numbers)
    world.sync()

    assert {one.remote_id: one.pk for one in world.rows}["people/1"] == row.pk
    assert len(world.rows) == 2
    assert only_write().state == WriteState.DONE


def test_another_with_the_same_name_is_another_while_ours_was_never_asked_for(world: World) -> None:
    world.create(ANNA)
    world.person.put_contact("people/1", given_name="Anna", family_name="Weber", numbers=ANNA.numbers)
    world.sync()
    assert len(world.rows) == 2
    world.work()
    assert len(world.held) == len(world.rows) == 2


def test_a_folder_that_is_gone_or_read_only_is_said_and_another_chosen(world: World) -> None:
    world.person.put_folder("old", "Old")
    world.person.put_folder("hr", "HR", is_writable=False)
    world.sync()
    gone, locked = world.create(ANNA, folder="old"), world.create(draft("Ben"), folder="hr")
    del world.person.folders["old"]
    world.work()
    said = [one.error_sentence for one in ContactWrite.objects.order_by("pk")]
    assert "no longer there" in said[0] and "not change it" in said[1]
    assert [one.pk for one in world.rows] == [gone.pk, locked.pk]

    for write in ContactWrite.objects.all():
        queueing.change_and_put_again(write, world.connection, ANNA, folder="")
    world.work()
    assert len(world.held) == 2 and [one.pk for one in world.rows] == [gone.pk, locked.pk]


def test_given_up_while_it_is_being_made_it_comes_back_as_what_it_is_there(world: World) -> None:
    world.create(ANNA)
    world.service.lose_answer(at="create contact")
    world.work()
    world.drop(only_write())
    assert world.page == []

    world.sync()
    assert world.page == world.there and len(world.page) == 1
    assert only_write().state == WriteState.DROPPED


# Adding a number


@pytest.fixture
def zoe(world: World) -> Contact:
    numbers = (RemoteNumber("+49 30 111111"),)
    world.person.put_contact("c1", given_name="Zoe", display_name="Zoe", numbers=numbers)
    world.sync()
    return world.rows[0]


def test_a_number_is_shown_at_once_and_then_there(world: World, zoe: Contact) -> None:
    world.add(zoe, "0171 2345678")
    shown = zoe.numbers.last()
    assert shown.is_pending and (shown.e164, shown.label) == ("+491712345678", "Mobile")

    world.work()
    assert not any(one.is_pending for one in zoe.numbers.all())
    assert world.page == world.there == [("Zoe", ("+49 30 111111", "0171 2345678"))]


def test_it_stays_shown_when_sync_brings_other_changes_first(world: World, zoe: Contact) -> None:
    write = world.add(zoe, "0171 2345678")
    world.service.fail(Unreachable(), at="add number")
    world.work()
    world.person.put_contact("c1", given_name="Zoe", display_name="Zoe", organization="Acme", numbers=())
    world.sync()
    assert [one.value for one in zoe.numbers.all()] == ["0171 2345678"]

    world.drop(write)
    assert not zoe.numbers.exists()


def test_other_changes_there_stand_in_nobodys_way(world: World, zoe: Contact) -> None:
    world.person.put_contact(
        "c1", given_name="Zoe", display_name="Zoe", organization="Acme", numbers=(RemoteNumber("+49 30 111111"),)
    )
    world.add(zoe, "0171 2345678")
    world.work()
    assert only_write().state == WriteState.DONE
    assert (world.held[0].organization, len(world.held[0].numbers)) == ("Acme", 2)


def test_changed_numbers_there_are_a_conflict_and_either_way_is_open(world: World, zoe: Contact) -> None:
    world.person.put_contact("c1", given_name="Zoe", display_name="Zoe", numbers=(RemoteNumber("+49 30 222222"),))
    write = world.add(zoe, "0171 2345678")
    world.work()
    write.refresh_from_db()
    assert write.state == WriteState.CONFLICT
    assert [value for _, _, value in write.theirs_json["numbers"]] == ["+49 30 222222"]
    assert len(world.held[0].numbers) == 1

    queueing.put_again(write, version=write.theirs_version, seen_json=write.theirs_json)
    world.work()
    assert world.page == world.there == [("Zoe", ("+49 30 222222", "0171 2345678"))]


def test_a_number_that_is_there_already_is_done(world: World, zoe: Contact) -> None:
    mobile = RemoteNumber("+49 171 2345678")
    world.person.put_contact("c1", given_name="Zoe!", display_name="Zoe!", numbers=(mobile,))
    world.add(zoe, "0171 2345678")
    world.work()
    assert only_write().state == WriteState.DONE
    assert world.page == world.there == [("Zoe!", ("+49 171 2345678",))]


def test_a_number_that_was_there_all_along_is_shown_once(world: World, zoe: Contact) -> None:
    world.add(zoe, "030 111111")
    world.work()
    assert only_write().state == WriteState.DONE
    assert world.page == world.there == [("Zoe", ("+49 30 111111",))]


def test_two_numbers_at_once_are_no_conflict_with_each_other(world: World, zoe: Contact) -> None:
    world.add(zoe, "0171 2345678")
    world.add(zoe, "030 5556677", "work")
    world.work()
    assert not ContactWrite.objects.open().exists()
    assert world.page == world.there and len(world.held[0].numbers) == 3


def test_a_contact_deleted_there_is_said_to_be(world: World, zoe: Contact) -> None:
    world.person.contacts.remove("c1")
    write = world.add(zoe, "0171 2345678")
    world.work()
    write.refresh_from_db()
    assert (write.state, write.error_code) == (WriteState.FAILED, "gone")
    assert "no longer there" in write.error_sentence
    assert world.connection.next_sync_at <= NOW


def test_a_refused_type_is_said_and_another_one_tried(world: World, zoe: Contact) -> None:
    write = world.add(zoe, "0171 2345678")
    world.service.fail(Rejected("There is no room for another mobile number."), at="add number")
    world.work()
    write.refresh_from_db()
    assert (write.state, write.error_sentence) == (WriteState.FAILED, "There is no room for another mobile number.")

    wanted = draft("")
    queueing.change_and_put_again(
        write, world.connection, type(wanted)(numbers=(number("0171 2345678", "work"),)), folder=""
    )
    assert [one.kind for one in zoe.numbers.all()] == ["other", "work"]
    world.work()
    assert [one.kind for one in world.held[0].numbers] == ["other", "work"]


def test_a_number_that_is_kept_there_as_another_text_is_not_for_ever_on_its_way(
    world: World, zoe: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add_otherwise(contacts: MemoryContacts, ref: RemoteRef, added: RemoteNumber) -> RemoteContact:
        made = add_number(contacts, ref, added)
        return world.person.contacts.put(replace(made, numbers=(*made.numbers[:-1], RemoteNumber("withheld"))))

    add_number = MemoryContacts.add_number
    monkeypatch.setattr(MemoryContacts, "add_number", add_otherwise)
    world.add(zoe, "0171 2345678")
    world.work()
    assert only_write().state == WriteState.DONE
    assert world.page == world.there == [("Zoe", ("+49 30 111111", "withheld"))]


# Around it


def test_disconnected_while_it_is_being_written_it_ends_without_a_word(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create_late(contacts: MemoryContacts, wanted: ContactDraft, **more: Any) -> RemoteContact:
        made = create(contacts, wanted, **more)
        assert changing.disconnect(world.connection, by=world.alice)
        return made

    create = MemoryContacts.create
    monkeypatch.setattr(MemoryContacts, "create", create_late)
    world.create(ANNA)
    assert outbox.carry_out(only_write().pk) is None
    assert len(world.held) == 1
    assert not Contact.objects.exists() and not ContactWrite.objects.exists()


def test_without_the_permission_nothing_is_written_and_with_it_again_it_is(world: World) -> None:
    world.create(ANNA)
    Connection.objects.update(contacts_write=False)
    world.work()
    assert (only_write().state, only_write().error_code) == (WriteState.FAILED, PermissionMissing.code)
    assert world.there == []

    later = NOW + timedelta(minutes=5)
    Connection.objects.update(contacts_write=True, status_changed_at=later)
    with time_machine.travel(later, tick=False):
        world.sync()
        world.work()
    assert world.page == world.there and len(world.page) == 1


def test_who_has_to_sign_in_again_finds_it_taken_up_afterwards(world: World) -> None:
    world.create(ANNA)
    world.service.fail(ReconnectNeeded(), at="create contact")
    world.work()
    assert only_write().state == WriteState.FAILED

    later = NOW + timedelta(minutes=5)
    Connection.objects.update(status=Status.CONNECTED, status_changed_at=later)
    with time_machine.travel(later, tick=False):
        world.sync()
        world.work()
    assert only_write().state == WriteState.DONE


def test_it_goes_with_the_connection_and_is_not_counted(world: World, zoe: Contact) -> None:
    world.create(ANNA)
    world.add(zoe, "0171 2345678")
    receipt = changing.disconnect(world.connection, by=world.alice)
    assert receipt is not None and receipt.removed["contacts"] == 1
    for model in (Contact, ContactNumber, ContactFolder, Filing, ContactWrite):
        assert not model.objects.exists()


def test_a_write_that_somebody_else_is_at_comes_up_again_in_a_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = []
    monkeypatch.setattr(tasks.carry_out, "apply_async", lambda arguments, **more: queued.append((*arguments, more)))
    world.create(ANNA)
    lease = take_lease(world.connection.pk)
    assert lease is not None
    tasks.carry_out(only_write().pk)
    assert (only_write().state, only_write().tries) == (WriteState.WAITING, 0)
    assert queued == [(only_write().pk, {"countdown": 2, "expires": 60})]
    lease.release()
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        tasks.sweep_writes()
    assert queued[1:] == [(only_write().pk, {"expires": 60})]


def test_what_is_done_is_forgotten_and_what_waits_for_its_person_is_not(world: World) -> None:
    world.create(ANNA)
    world.work()
    world.service.fail(Rejected("No."), at="create contact")
    world.create(draft("Ben"))
    world.work()
    assert outbox.forget_old() == 0
    with time_machine.travel(NOW + timedelta(days=60), tick=False):
        tasks.forget_old_rows()
    assert only_write().state == WriteState.FAILED


def test_the_schedule_sweeps_and_forgets() -> None:
    schedule = {one["task"]: one["schedule"] for one in app.conf.beat_schedule.values()}
    assert (schedule[tasks.sweep_writes.name], schedule[tasks.forget_old_rows.name]) == (60.0, 3600.0)
