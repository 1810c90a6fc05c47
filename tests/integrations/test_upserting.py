from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from integrations.models import Connection, SyncCursor, SyncRun
from integrations.upserting import upsert

COLUMNS = (
    "connection_id",
    "feed",
    "value",
    "window_starts",
    "listed_at",
    "emptied_confirmed",
    "container",
    "failures",
    "error_code",
    "error_sentence",
)
REST = ("", 0, "", "")
"""Of the columns after `emptied_confirmed`."""
KEY = ("connection", "feed", "container")
NOON = datetime(2026, 3, 29, 12, 0, 0, tzinfo=UTC)
EXACT = datetime(2026, 3, 29, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def linked(alice):
    return Connection.objects.create(user=alice, provider="memory", mailbox=alice.email, account_id="1", credentials={})


def test_new_rows_are_inserted_with_every_kind_of_value_as_django_reads_it(linked):
    upsert(SyncCursor, COLUMNS, [(linked.pk, "calendar", "It's ‘odd’ 🙂 {}", NOON, EXACT, True, *REST)], key=KEY)
    row = SyncCursor.objects.get(connection=linked, window_starts=NOON, listed_at=EXACT)
    assert (row.value, row.window_starts, row.listed_at) == ("It's ‘odd’ 🙂 {}", NOON, EXACT)
    assert row.emptied_confirmed is True


def test_rows_that_are_there_are_overwritten_and_keep_their_primary_key(linked):
    old = SyncCursor.objects.create(connection=linked, feed="calendar", value="old", listed_at=NOON)
    upsert(
        SyncCursor,
        COLUMNS,
        [
            (linked.pk, "calendar", "new", NOON, None, False, *REST),
            (linked.pk, "contacts", "other", None, None, False, *REST),
        ],
        key=KEY,
    )
    assert dict(SyncCursor.objects.values_list("feed", "value")) == {"calendar": "new", "contacts": "other"}
    old.refresh_from_db()
    assert (old.value, old.listed_at) == ("new", None)


def test_json_columns_take_text_and_read_back_as_objects(linked):
    run = SyncRun.objects.create(connection=linked)
    columns = (
        "id",
        "connection_id",
        "started_at",
        "trigger",
        "outcome",
        "feed",
        "pages",
        "seen",
        "added",
        "changed",
        "removed",
        "error_code",
        "error_sentence",
        "error_detail",
        "notes",
        "is_counted",
    )
    notes = '["a \\"note\\"", "ü, {x}"]'
    row = (run.pk, linked.pk, EXACT, "person", "done", "", 1, 2, 3, 4, 5, "", "", "", notes, False)
    upsert(SyncRun, columns, [row], key=("id",))
    run.refresh_from_db()
    assert run.notes == ['a "note"', "ü, {x}"]
    assert run.started_at == EXACT
    assert (run.pages, run.seen, run.removed) == (1, 2, 5)


def test_no_rows_are_no_statement(linked, django_assert_num_queries):
    with django_assert_num_queries(0):
        upsert(SyncCursor, COLUMNS, [], key=KEY)


def test_thousands_of_rows_go_in_and_a_second_time_changes_their_values_only(linked):
    rows = [(linked.pk, f"f{n}", str(n), None, None, False, *REST) for n in range(2500)]
    upsert(SyncCursor, COLUMNS, rows, key=KEY)
    upsert(SyncCursor, COLUMNS, [(*row[:2], "again", *row[3:]) for row in rows], key=KEY)
    assert SyncCursor.objects.filter(value="again").count() == 2500


def test_one_bad_row_leaves_nothing_of_the_batch_behind(linked):
    rows = [(linked.pk, "good", "x", None, None, False, *REST), (linked.pk, "bad", None, None, None, False, *REST)]
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        upsert(SyncCursor, COLUMNS, rows, key=KEY)
    assert not connection.needs_rollback
    assert not SyncCursor.objects.exists()
