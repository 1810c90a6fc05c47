"""What is erased with a connection."""

import pytest
from django.apps import apps

from contacts.models import Contact, ContactFolder, ContactNumber, ContactWrite, Filing
from integrations import changing, sync
from integrations.models import Connection, PushChannel, SyncCursor, SyncRun
from meetings.models import AccountCalendar, CalendarList, Meeting, ScheduledMeeting, Write
from tests.integrations.conftest import NOON

ERASED = [
    Meeting,
    AccountCalendar,
    CalendarList,
    Contact,
    ContactNumber,
    ContactFolder,
    ContactWrite,
    Filing,
    SyncCursor,
    SyncRun,
    PushChannel,
]
"""By the feeds, and by `erasing.erase_locked`."""
LET_GO = [ScheduledMeeting, Write]
"""What was made here stays, and refers to no connection any more."""


def test_every_table_that_refers_to_connections_is_known_to_be_erased():
    """Whoever adds one has its feed erase it, or `erasing`: the row itself goes by a bare statement."""
    referring = {
        model
        for model in apps.get_models()
        for column in model._meta.local_fields
        if column.is_relation and column.related_model is Connection
    }
    assert referring == {*ERASED, *LET_GO} - {Filing}  # it hangs on contacts and folders


@pytest.mark.django_db
def test_nothing_is_left_of_a_connection_and_another_persons_stays(connect, alice, bob, account, memory, sign_in):
    theirs = memory.add_person(bob.email)
    theirs.put_event("e0", title="Theirs")
    theirs.put_contact("c0", display_name="Theirs")
    other = Connection.objects.create(user=bob, provider="memory", mailbox=bob.email, account_id="b", credentials={})
    SyncCursor.objects.create(connection=other, feed="calendar")
    SyncRun.objects.create(connection=other)
    connection = connect("calendar_read", "contacts_read")
    sync.run(connection.pk)
    PushChannel.objects.create(connection=connection, feed="calendar")
    ContactWrite.objects.create(connection=connection, action="create", remote_id="pending:1")
    scheduled = ScheduledMeeting.objects.create(
        owner=alice, topic="Ours", starts=NOON, minutes=30, timezone="UTC", connection=connection, wants_calendar=True
    )
    write = Write.objects.create(owner=alice, scheduled=scheduled, connection=connection, action="create")
    assert all(model.objects.exists() for model in {*ERASED, *LET_GO} - {ContactNumber})
    receipt = changing.disconnect(connection, by=alice)
    assert dict(receipt.removed) == {"calendar": 3, "contacts": 2}
    assert {model: model.objects.count() for model in ERASED} == dict.fromkeys(ERASED, 0) | {SyncCursor: 1, SyncRun: 1}
    for made in (scheduled, write):
        made.refresh_from_db()
        assert made.connection is None
    assert list(Connection.objects.all()) == [other]
    assert changing.disconnect(connection, by=alice) is None, "it is gone: there is nothing to do twice"
