"""Rows follow the address book: added, changed, renamed, merged, moved and gone."""

from collections.abc import Callable

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, ContactFolder, ContactNumber, Filing
from contacts.sync import ContactsFeed, apply_folders
from integrations.models import Connection
from integrations.numbers import NO_COUNTRY, SHORT_CODE
from integrations.pulling import Counts
from integrations.remote import (
    Delta,
    NumberKind,
    RemoteContact,
    RemoteEmail,
    RemoteFolder,
    RemoteNumber,
    RemoteRef,
    Window,
)
from organizations.models import Organization, User
from tests.contacts.conftest import Apply, person


def names() -> list[str]:
    return list(Contact.objects.order_by("remote_id").values_list("display_name", flat=True))


def folders_of(remote_id: str) -> set[str]:
    return set(Filing.objects.filter(contact__remote_id=remote_id).values_list("folder__remote_id", flat=True))


def writes(queries: CaptureQueriesContext) -> list[str]:
    return [one["sql"] for one in queries if not one["sql"].startswith("SELECT")]


def test_a_contact_becomes_a_row_with_all_that_it_has(apply: Apply, connection: Connection) -> None:
    counts = apply(
        RemoteContact(
            RemoteRef("people/c1", version="e1"),
            folders=("friends",),
            given_name="Ada",
            family_name="Lovelace",
            display_name="Ada Lovelace",
            organization="Analytical Engines",
            title="Programmer",
            emails=(RemoteEmail("ada@engines.example", "work"), RemoteEmail("ada@home.example")),
            numbers=(
                RemoteNumber("030 123456", NumberKind.WORK, "Office"),
                RemoteNumber("+44 20 7946 0018 x7", NumberKind.OTHER, "Club", e164="+442079460018"),
            ),
            addresses=("12 St James's Square\nLondon",),
            note="Likes\nnumbers.",
        ),
        folders=(RemoteFolder("friends", "Friends"),),
    )
    assert (counts.added, counts.changed, counts.removed) == (1, 0, 0)
    contact = Contact.objects.get()
    assert (contact.connection, contact.remote_id, contact.version) == (connection, "people/c1", "e1")
    assert (contact.name, contact.organization, contact.title) == ("Ada Lovelace", "Analytical Engines", "Programmer")
    assert contact.emails == (RemoteEmail("ada@engines.example", "work"), RemoteEmail("ada@home.example"))
    assert contact.addresses == ("12 St James's Square\nLondon",)
    assert contact.note == "Likes\nnumbers."
    office, club = contact.numbers.all()
    assert (office.value, office.e164, office.kind, office.label) == ("030 123456", "+4930123456", "work", "Office")
    assert (club.e164, club.extension, club.kind_label) == ("+442079460018", "7", "Club")
    assert list(contact.folders.all()) == [ContactFolder.objects.get(name="Friends")]


def test_an_unchanged_page_writes_nothing(apply: Apply) -> None:
    page = [person(str(serial), f"P{serial}", numbers=("030 1234567",), folders=("f",)) for serial in range(50)]
    folders = (RemoteFolder("f", "F"),)
    apply(*page, folders=folders)
    with CaptureQueriesContext(database) as queries:
        counts = apply(*page, folders=folders)
    assert counts == Counts()
    assert not writes(queries)
    assert len(queries) <= 3


def test_a_changed_contact_among_unchanged_ones_is_the_only_one_written(apply: Apply) -> None:
    apply(*(person(str(serial), f"P{serial}") for serial in range(20)))
    counts = apply(*(person(str(serial), f"P{serial}") for serial in range(19)), person("19", "New", version="2"))
    assert (counts.added, counts.changed) == (0, 1)
    assert Contact.objects.get(remote_id="19").display_name == "New"


def test_the_work_of_a_page_does_not_grow_in_statements(apply: Apply, connection: Connection) -> None:
    def page(first: int, size: int) -> list[RemoteContact]:
        return [
            person(str(one), f"P{one}", numbers=("030 1234567", "x"), folders=("a", "b"))
            for one in range(first, first + size)
        ]

    sizes = []
    for first, size in ((0, 3), (1000, 300)):
        apply(*page(first, size))
        with CaptureQueriesContext(database) as queries:
            apply(*(person(one.ref.id, "Renamed", version="2", numbers=("030 7654321",)) for one in page(first, size)))
        # SQLite lists each row of an executemany; PostgreSQL sends one statement. Savepoints have a number each.
        statements = {one["sql"][:40] for one in queries if "SAVEPOINT" not in one["sql"]}
        sizes.append(len(statements))
    assert sizes[0] == sizes[1] > 0


def test_content_without_a_version_is_compared_by_content(apply: Apply) -> None:
    apply(person("1", "Ada", version=""))
    with CaptureQueriesContext(database) as queries:
        assert apply(person("1", "Ada", version="")) == Counts()
    assert not writes(queries)
    assert apply(person("1", "Ada King", version="")).changed == 1


def test_numbers_are_read_again_when_the_organization_says_where_it_is(
    apply: Apply, connection: Connection, northwind: Organization
) -> None:
    northwind.default_region = ""
    northwind.save()
    apply(person("1", numbers=("030 123456",)))
    assert ContactNumber.objects.get().problem == NO_COUNTRY
    northwind.default_region = "DE"
    northwind.save()
    apply(person("1", numbers=("030 123456",)), to=Connection.objects.get())
    assert ContactNumber.objects.get().e164 == "+4930123456"


def test_a_contact_that_is_gone_goes_with_all_that_hung_on_it(apply: Apply) -> None:
    apply(person("1", "Ada", numbers=("030 1234567",), folders=("f",)), person("2", "Ben"))
    counts = apply(gone=("1", "never seen"))
    assert counts.removed == 1
    assert names() == ["Ben"]
    assert not ContactNumber.objects.exists() and not Filing.objects.exists()


def test_an_id_both_changed_and_gone_is_gone(apply: Apply) -> None:
    apply(person("1", "Ada"))
    assert apply(person("1", "Ada", version="2"), gone=("1",)).removed == 1
    assert names() == []


def test_of_one_contact_twice_in_a_page_the_last_counts(apply: Apply) -> None:
    counts = apply(person("1", "First", version="1"), person("1", "Last", version="2"))
    assert counts.added == 1
    assert names() == ["Last"]


def test_a_contact_with_a_new_id_keeps_its_row(apply: Apply) -> None:
    apply(person("old", "Ada", numbers=("030 1234567",)))
    row, number = Contact.objects.get().pk, ContactNumber.objects.get().pk
    counts = apply(person("new", "Ada", numbers=("030 1234567",), previous_ids=("old",)), gone=("old",))
    assert (counts.added, counts.changed, counts.removed) == (0, 1, 0)
    contact = Contact.objects.get()
    assert (contact.pk, contact.remote_id) == (row, "new")
    assert ContactNumber.objects.get().pk == number


def test_contacts_merged_into_a_new_one_leave_one_row(apply: Apply) -> None:
    apply(person("a", "Ada"), person("b", "Ada L."), person("c", "Ben"))
    first = Contact.objects.get(remote_id="a").pk
    counts = apply(person("ab", "Ada Lovelace", previous_ids=("a", "b")))
    assert (counts.changed, counts.removed) == (1, 1)
    assert Contact.objects.get(remote_id="ab").pk == first
    assert names() == ["Ada Lovelace", "Ben"]


def test_a_contact_merged_into_one_we_have_is_removed(apply: Apply) -> None:
    apply(person("a", "Ada"), person("b", "Ada L."))
    kept = Contact.objects.get(remote_id="a").pk
    apply(person("a", "Ada Lovelace", version="2", previous_ids=("b", "a", "unheard of")))
    assert Contact.objects.get().pk == kept


def test_a_previous_id_that_is_alive_in_the_same_page_is_left_alone(apply: Apply) -> None:
    apply(person("a", "Ada"))
    apply(person("a", "Ada", version="2"), person("b", "Ben", previous_ids=("a",)))
    assert names() == ["Ada", "Ben"]


def test_a_stranger_with_the_same_id_is_untouched(
    apply: Apply, charlie: User, make_connection: Callable[..., Connection]
) -> None:
    theirs = make_connection(charlie)
    apply(person("1", "Ada"))
    apply(person("1", "Theirs"), to=theirs)
    apply(gone=("1",))
    apply(person("2", previous_ids=("1",)))
    assert Contact.objects.get(connection=theirs).display_name == "Theirs"
    ContactsFeed().erase(Connection.objects.get(user__email="alice@northwind.example"))
    assert names() == ["Theirs"]


def test_numbers_that_stay_keep_their_rows_and_others_follow(apply: Apply) -> None:
    apply(person("1", "Ada", numbers=("030 1234567", "030 7654321")), person("2", "Ben", numbers=("030 1",)))
    before = list(ContactNumber.objects.filter(contact__remote_id="1").values_list("pk", flat=True))
    apply(person("1", "Ada K.", version="2", numbers=("030 1234567", "030 7654321")))
    assert list(ContactNumber.objects.filter(contact__remote_id="1").values_list("pk", flat=True)) == before
    apply(person("1", "Ada K.", version="3", numbers=("030 7654321",)))
    numbers = ContactNumber.objects.filter(contact__remote_id="1")
    assert [one.value for one in numbers] == ["030 7654321"]
    # A page somebody has open must not lead to another number under the old key.
    assert not set(before) & {one.pk for one in numbers}
    assert ContactNumber.objects.filter(contact__remote_id="2").count() == 1


def test_what_is_no_number_is_kept_with_the_reason(apply: Apply) -> None:
    apply(person("1", "Reception", numbers=("4711", "ask Maria")))
    short, words = ContactNumber.objects.all()
    assert (short.value, short.is_callable, short.problem) == ("4711", False, SHORT_CODE)
    assert (words.value, words.is_callable) == ("ask Maria", False)
    assert words.format_for("DE") == "ask Maria"


def test_a_contact_in_many_folders_moves_as_its_record_says(apply: Apply) -> None:
    folders = (RemoteFolder("a", "A"), RemoteFolder("b", "B"), RemoteFolder("c", "C"))
    apply(person("1", folders=("a", "b", "b")), folders=folders)
    assert folders_of("1") == {"a", "b"}
    apply(person("1", version="2", folders=("b", "c")))
    assert folders_of("1") == {"b", "c"}
    apply(person("1", version="3"))
    assert folders_of("1") == set()


def test_folders_are_renamed_moved_and_ordered_as_the_provider_says(apply: Apply, connection: Connection) -> None:
    apply(folders=(RemoteFolder("a", "A"), RemoteFolder("b", "B", parent="a")))
    before = {one.remote_id: one.pk for one in ContactFolder.objects.all()}
    apply(folders=(RemoteFolder("b", "Bees"), RemoteFolder("a", "A", parent="b")))
    assert {one.remote_id: one.pk for one in ContactFolder.objects.all()} == before
    assert [(one.name, one.parent_remote_id) for one in ContactFolder.objects.all()] == [("Bees", ""), ("A", "b")]
    with CaptureQueriesContext(database) as queries:
        apply_folders(connection, (RemoteFolder("b", "Bees"), RemoteFolder("a", "A", parent="b")))
    assert not writes(queries)


def test_a_folder_that_vanishes_is_deleted(apply: Apply) -> None:
    apply(person("1", "Ada", folders=("a",)), folders=(RemoteFolder("a", "A"), RemoteFolder("b", "B")))
    apply(folders=(RemoteFolder("a", "A"),))
    assert [one.name for one in ContactFolder.objects.all()] == ["A"]


def test_a_folder_left_out_by_mistake_comes_back_with_its_contacts(apply: Apply) -> None:
    apply(person("1", "Ada", folders=("a",)), folders=(RemoteFolder("a", "A"),))
    apply(folders=())
    assert not ContactFolder.objects.filter(is_listed=True).exists()
    apply(person("1", "Ada", folders=("a",)), folders=(RemoteFolder("a", "A"),))
    assert ContactFolder.objects.get(is_listed=True).contacts.get().name == "Ada"


def test_a_contact_does_not_wait_for_its_folder_to_be_listed(apply: Apply) -> None:
    apply(person("1", "Ada", folders=("late",)))
    assert not ContactFolder.objects.filter(is_listed=True).exists()
    apply(folders=(RemoteFolder("late", "Late"),))
    assert ContactFolder.objects.get(is_listed=True).contacts.get().name == "Ada"


def test_text_no_database_takes_is_taken_out_and_the_rest_is_kept(apply: Apply) -> None:
    apply(
        person(
            "1",
            "A\x00da\ud800",
            emails=("a\x00@b.example", "\x00"),
            numbers=("030\x00 123456", "\x00"),
            note="one\x00\ntwo\udfff",
            addresses=("Main\x00 Street",),
            organization="\x00",
            folders=("f\x00",),
        ),
        folders=(RemoteFolder("f", "Fri\x00ends", parent="\x00"), RemoteFolder("\x00", "No")),
    )
    contact = Contact.objects.get()
    assert (contact.name, contact.note, contact.organization) == ("Ada", "one\ntwo", "")
    assert [one.address for one in contact.emails] == ["a@b.example"]
    assert contact.addresses == ("Main Street",)
    assert contact.numbers.get().e164 == "+4930123456"
    assert ContactFolder.objects.get().name == "Friends"


def test_text_of_any_length_becomes_a_row(apply: Apply) -> None:
    huge = "Ü" * 200_000
    apply(
        RemoteContact(
            RemoteRef("1", version=huge),
            folders=("f", huge),
            given_name=huge,
            family_name=huge,
            display_name=huge,
            organization=huge,
            title=huge,
            emails=tuple(RemoteEmail(huge, huge) for _ in range(150)),
            numbers=tuple(RemoteNumber("1" * 5000, NumberKind.OTHER, huge, e164=huge) for _ in range(150)),
            addresses=(huge,) * 3,
            note=huge,
        ),
        folders=(RemoteFolder("f", huge, parent=huge), RemoteFolder(huge, "too long an id")),
    )
    contact = Contact.objects.get()
    contact.full_clean(exclude=["connection"])
    assert contact.version == ""
    assert contact.name.endswith("…")
    for number in contact.numbers.all():
        number.full_clean(exclude=["contact"])
    assert contact.numbers.count() == 100
    assert folders_of("1") == {"f"}
    contact.folders.get().full_clean(exclude=["connection"])
    assert apply(RemoteContact(RemoteRef("2", version=huge))).added == 1


@pytest.mark.parametrize("remote_id", ["", "x" * 513, "a\x00b", "\ud800"])
def test_a_contact_whose_id_cannot_be_kept_is_left_out_and_noted(apply: Apply, remote_id: str) -> None:
    counts = apply(person(remote_id, "Odd"), person("1", "Ada", previous_ids=(remote_id,)), gone=(remote_id,))
    assert names() == ["Ada"]
    assert counts.added == 1
    assert len(counts.notes) == 1 and "left out" in counts.notes[0]


def test_a_contact_without_anything_is_a_row_too(apply: Apply) -> None:
    apply(person("1"))
    assert Contact.objects.get().name == "No name"


def test_the_engine_can_count_list_discard_and_erase(apply: Apply, connection: Connection) -> None:
    feed = ContactsFeed()
    apply(*(person(str(one), numbers=("1",), folders=("f",)) for one in range(5)), folders=(RemoteFolder("f", "F"),))
    assert feed.count(connection) == 5
    assert sorted(feed.held(connection)) == ["0", "1", "2", "3", "4"]
    assert feed.discard(connection, ["0", "1", "unknown"]) == 2
    assert feed.count(connection) == 3
    assert feed.erase(connection) == 3
    for model in (Contact, ContactNumber, ContactFolder, Filing):
        assert not model.objects.exists()


def test_deleting_the_connection_takes_everything(apply: Apply, connection: Connection) -> None:
    apply(person("1", numbers=("1",), folders=("f",)), folders=(RemoteFolder("f", "F"),))
    connection.delete()
    for model in (Contact, ContactNumber, ContactFolder, Filing):
        assert not model.objects.exists()


def test_a_page_of_ten_thousand_passes_the_limits_of_the_database(apply: Apply) -> None:
    page = [person(str(one), f"P{one}", numbers=("030 1234567",), folders=("f",)) for one in range(10_000)]
    assert apply(*page).added == 10_000
    assert apply(*(person(str(one), f"P{one}", version="2") for one in range(10_000))).changed == 10_000
    assert apply(gone=tuple(str(one) for one in range(10_000))).removed == 10_000


def test_the_feed_asks_the_account_for_its_address_book() -> None:
    class Book:
        def changes(self, cursor: str | None) -> list[Delta[RemoteContact]]:
            return [Delta(cursor=f"after {cursor}")]

    class Account:
        contacts = Book()

    window = Window(None, None)  # type: ignore[arg-type]
    assert [one.cursor for one in ContactsFeed().changes(Account(), "x", window)] == ["after x"]  # type: ignore[arg-type]
