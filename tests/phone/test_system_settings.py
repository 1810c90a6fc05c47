"""What an admin's change of the phone system does to what is stored."""

import pytest

from integrations.errors import AdminNeeded
from organizations.models import AuditEvent, Organization, User
from phone.models import Licence, PhoneEvent, PhoneSystem, SystemKind
from phone.system_settings import Wish, change_system, find_row, find_system, make_secret, note_outcome, read_wish
from tests.phone import memory_system

ZOOM = Wish(SystemKind.ZOOM, "acc", "app", memory_system.SECRET, "token-of-zoom", keep_days=90)


@pytest.fixture(autouse=True)
def memory_phone(settings) -> None:
    settings.PHONE_SYSTEMS = {"zoom": memory_system.PATH}
    memory_system.SERVICE.reset()


@pytest.fixture
def row(northwind: Organization, dora: User) -> PhoneSystem:
    change_system(northwind, ZOOM, by=dora)
    return PhoneSystem.objects.get()


def test_what_is_stored_is_told_without_its_secrets(row: PhoneSystem, northwind: Organization) -> None:
    assert row.credentials.open() == {
        "account_id": "acc", "client_id": "app", "client_secret": memory_system.SECRET,
        "webhook_secret": "token-of-zoom",
    }  # fmt: skip
    assert (row.remote_account, row.keep_days) == ("acc", 90)
    wish = read_wish(row)
    assert (wish.client_secret, wish.webhook_secret) == ("", "")
    assert memory_system.SECRET not in repr(ZOOM)
    assert find_system(northwind) is not None


def test_empty_secrets_keep_those_that_are_stored(row: PhoneSystem, northwind: Organization, dora: User) -> None:
    changed = change_system(northwind, Wish(SystemKind.ZOOM, "acc", "app", keep_days=30), by=dora)

    assert changed.has_changed
    row.refresh_from_db()
    assert row.credentials.open()["webhook_secret"] == "token-of-zoom"
    assert row.credentials.open()["client_secret"] == memory_system.SECRET
    assert not change_system(northwind, Wish(SystemKind.ZOOM, "acc", "app", keep_days=30), by=dora).has_changed


def test_another_system_gets_a_secret_of_its_own_that_is_told_once(
    row: PhoneSystem, northwind: Organization, dora: User
) -> None:
    change = change_system(northwind, Wish(SystemKind.OTHER), by=dora)

    row.refresh_from_db()
    assert row.credentials.open() == {"webhook_secret": change.secret}
    assert len(change.secret) > 30
    assert (row.client_id, row.remote_account) == ("", "")
    assert change.secret not in str([event.details for event in AuditEvent.objects.all()])
    assert change_system(northwind, Wish(SystemKind.OTHER, keep_days=10), by=dora).secret == ""
    row.refresh_from_db()
    assert row.credentials.open() == {"webhook_secret": change.secret}

    second = make_secret(northwind, by=dora)
    row.refresh_from_db()
    assert row.credentials.open() == {"webhook_secret": second}
    assert second != change.secret
    assert find_system(northwind) is None


def test_no_secret_is_made_where_no_other_system_is_set_up(
    row: PhoneSystem, northwind: Organization, dora: User
) -> None:
    assert make_secret(northwind, by=dora) == ""
    row.refresh_from_db()
    assert row.credentials.open()["webhook_secret"] == "token-of-zoom"


def test_another_account_knows_nobody_by_the_former_ones_ids(
    row: PhoneSystem, northwind: Organization, dora: User, alice: User
) -> None:
    Licence.objects.create(user=alice, is_at_system=True, is_assigned=True, remote_id="id-a", extension="1201")
    PhoneEvent.objects.create(system=row, digest="d", body=b"{}")
    change_system(northwind, Wish(SystemKind.ZOOM, "acc", "app", "new-secret", keep_days=90), by=dora)
    assert Licence.objects.get().is_at_system
    assert PhoneEvent.objects.exists()

    change_system(northwind, Wish(SystemKind.ZOOM, "other-acc", "app", keep_days=90), by=dora)

    licence = Licence.objects.get()
    assert (licence.is_at_system, licence.is_held, licence.remote_id) == (False, True, "")
    assert not PhoneEvent.objects.exists()


def test_going_by_the_system_no_more_takes_its_licences_at_once(
    row: PhoneSystem, northwind: Organization, dora: User, alice: User
) -> None:
    Licence.objects.create(user=alice, is_at_system=True, remote_id="id-a")
    change_system(northwind, Wish(SystemKind.ZOOM, "acc", "app", reads_licences=False, keep_days=90), by=dora)

    assert not Licence.objects.get().is_held
    assert Licence.objects.get().remote_id == "id-a"


def test_a_change_ends_what_was_waited_for_and_how_long_is_kept_does_not(
    row: PhoneSystem, northwind: Organization, dora: User
) -> None:
    PhoneSystem.objects.update(failures=5, error_code="admin_needed", error_sentence="Wrong.")
    change_system(northwind, Wish(SystemKind.ZOOM, "acc", "app", keep_days=30), by=dora)
    row.refresh_from_db()
    assert (row.failures, row.error_sentence) == (5, "Wrong.")

    change_system(northwind, Wish(SystemKind.ZOOM, "acc", "app", "right-one", keep_days=30), by=dora)
    row.refresh_from_db()
    assert (row.failures, row.error_sentence) == (0, "")


def test_removing_it_leaves_how_long_calls_are_kept(row: PhoneSystem, northwind: Organization, dora: User) -> None:
    change_system(northwind, Wish(SystemKind.NONE, keep_days=30), by=dora)

    row.refresh_from_db()
    assert (row.kind, row.keep_days, row.credentials.open()) == ("", 30, {})
    assert find_system(northwind) is None
    assert find_system(None) is None


def test_what_came_of_an_older_one_is_not_noted(row: PhoneSystem, northwind: Organization, dora: User) -> None:
    older = PhoneSystem.objects.get()
    change_system(northwind, Wish(SystemKind.ZOOM, "acc", "another", "x", keep_days=90), by=dora)
    note_outcome(older, code="admin_needed", sentence="Wrong.")

    assert find_row(northwind).error_sentence == ""  # type: ignore[union-attr]
    note_outcome(PhoneSystem.objects.get(), code="admin_needed", sentence="Wrong.")
    assert find_row(northwind).error_sentence == "Wrong."  # type: ignore[union-attr]


def test_credentials_that_cannot_be_read_are_for_an_admin_to_type_again(
    row: PhoneSystem, northwind: Organization, dora: User, settings
) -> None:
    settings.SECRETS_KEYS = ["other:" + "MDEyMzQ1Njc4OUFCQ0RFRkdISUpLTE1OT1BRUlNUVVY="]
    with pytest.raises(AdminNeeded, match="type it in again"):
        find_system(northwind)

    change_system(northwind, ZOOM, by=dora)
    assert find_system(northwind) is not None


def test_a_system_that_can_be_asked_is_read_once_it_is_saved(
    northwind: Organization, dora: User, eager_tasks: None, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        change_system(northwind, ZOOM, by=dora)
    assert PhoneSystem.objects.get().reconciled_at is not None

    with django_capture_on_commit_callbacks(execute=True):
        change_system(northwind, Wish(SystemKind.OTHER), by=dora)
    assert PhoneSystem.objects.get().reconciled_at is None
