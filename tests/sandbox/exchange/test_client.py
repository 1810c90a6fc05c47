"""Driven by exchangelib, a client that knows real Exchanges: over https with the sandbox's own authority."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests.adapters
from exchangelib import BASIC, DELEGATE, NTLM, Account, Configuration, Credentials, EWSTimeZone, FailFast
from exchangelib.errors import (
    ErrorExceededFindCountLimit,
    ErrorInvalidSyncStateData,
    ErrorIrresolvableConflict,
    ErrorItemNotFound,
    ErrorNonExistentMailbox,
    ErrorSchemaValidation,
    MalformedResponseError,
    TransportError,
    UnauthorizedError,
)
from exchangelib.extended_properties import ExtendedProperty
from exchangelib.indexed_properties import EmailAddress, PhoneNumber
from exchangelib.items import CalendarItem, Contact
from exchangelib.properties import UID, Attendee, Body, HTMLBody, Mailbox
from exchangelib.protocol import BaseProtocol, CachingProtocol
from exchangelib.recurrence import Recurrence, WeeklyPattern
from exchangelib.version import EXCHANGE_2010_SP2, EXCHANGE_2013_SP1, EXCHANGE_2016, EXCHANGE_2019, Version

from tests.sandbox.exchange.stage import ALICE, BEN, LOGON, PASSWORD, Stage, meeting, weekly

BERLIN = EWSTimeZone("Europe/Berlin")
UTC_ZONE = EWSTimeZone("UTC")
Connect = Callable[..., Account]


@pytest.fixture(autouse=True)
def trusting(exchange: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """exchangelib opens its connections by an adapter that trusts the sandbox's authority and no other."""

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, ssl_context=ssl.create_default_context(cafile=exchange.ca_file), **kwargs)

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            super().cert_verify(conn, url, exchange.ca_file, cert)

        def get_connection_with_tls_context(
            self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
        ) -> Any:
            return super().get_connection_with_tls_context(request, exchange.ca_file, None, cert)

    monkeypatch.setattr(BaseProtocol, "HTTP_ADAPTER_CLS", Adapter)


@pytest.fixture
def connect(exchange: Stage) -> Iterator[Connect]:
    """connect(auth=BASIC, user=…, password=…, version=…) -> an account; nothing of it outlives the test."""

    def connect(
        *, auth: str | None = BASIC, user: str = LOGON, password: str = PASSWORD, version: Any = EXCHANGE_2019,
        email: str = ALICE, zone: EWSTimeZone = UTC_ZONE,
    ) -> Account:  # fmt: skip
        # it keeps connections by address and password, whatever else is asked for
        CachingProtocol.clear_cache()
        config = Configuration(
            credentials=Credentials(user, password), service_endpoint=exchange.url, auth_type=auth,
            version=Version(build=version) if version else None, retry_policy=FailFast(), max_connections=1,
        )  # fmt: skip
        return Account(email, config=config, autodiscover=False, access_type=DELEGATE, default_timezone=zone)

    yield connect
    CachingProtocol.clear_cache()


@pytest.fixture(params=[BASIC, NTLM])
def account(connect: Connect, request: pytest.FixtureRequest) -> Account:
    return connect(auth=request.param)


def window() -> dict[str, datetime]:
    return {"start": datetime(2026, 11, 1, tzinfo=UTC_ZONE), "end": datetime(2027, 1, 1, tzinfo=UTC_ZONE)}


def test_a_calendar_is_read_by_both_ways_to_sign_in(exchange: Stage, account: Account) -> None:
    exchange.add_event(ALICE, meeting("Single", location={"displayName": "Room"}))
    exchange.add_event(ALICE, meeting("Weekly", recurrence=weekly(count=2)))
    found = sorted(account.calendar.view(**window()), key=lambda item: (item.start, item.subject))
    assert [(item.subject, item.type) for item in found] == [
        ("Single", "Single"), ("Weekly", "Occurrence"), ("Weekly", "Occurrence"),
    ]  # fmt: skip
    assert found[0].start == datetime(2026, 11, 24, 9, tzinfo=UTC) and found[0].location == "Room"
    assert found[1].uid == found[2].uid and found[1].changekey == found[2].changekey
    assert found[0].organizer.email_address == ALICE


def test_ntlm_shakes_hands_once_and_keeps_the_connection(exchange: Stage, connect: Connect) -> None:
    account = connect(auth=NTLM)
    for number in range(5):
        exchange.add_event(ALICE, meeting(f"M{number}", begin=f"1{number}:00", until=f"1{number}:30"))
        assert len(list(account.calendar.view(**window()).only("subject", "start"))) == number + 1
    assert exchange.door.handshakes == 1
    posts = [entry.path.rpartition("/")[2] for entry in exchange.log.requests("*/Exchange.asmx/*", method="POST")]
    assert posts.count("signing-in") == 2 and posts.count("FindItem") == 5


def test_an_all_day_event_is_days(exchange: Stage, account: Account) -> None:
    zone = "W. Europe Standard Time"
    exchange.add_event(ALICE, {
        "subject": "Fair", "isAllDay": True, "start": {"dateTime": "2026-11-24T00:00:00", "timeZone": zone},
        "end": {"dateTime": "2026-11-26T00:00:00", "timeZone": zone},
    })  # fmt: skip
    (item,) = account.calendar.view(**window())
    assert (item.start, item.end) == (date(2026, 11, 24), date(2026, 11, 25))


def test_items_are_followed(exchange: Stage, account: Account) -> None:
    one = exchange.add_event(ALICE, meeting("One"))
    two = exchange.add_event(ALICE, meeting("Two"))
    fields = ["subject", "start", "end", "sensitivity"]
    first = list(account.calendar.sync_items(only_fields=fields, max_changes_returned=1))
    assert [(kind, item.subject) for kind, item in first] == [("create", "One"), ("create", "Two")]
    state = account.calendar.item_sync_state
    exchange.change_event(ALICE, one["id"], {"subject": "One, later"})
    exchange.delete_event(ALICE, two["id"])
    second = list(account.calendar.sync_items(sync_state=state, only_fields=fields))
    assert [(kind, getattr(item, "subject", item.id)) for kind, item in second] == [
        ("update", "One, later"), ("delete", first[1][1].id),
    ]  # fmt: skip
    exchange.expire_sync(ALICE)
    with pytest.raises(ErrorInvalidSyncStateData):
        list(account.calendar.sync_items(sync_state=account.calendar.item_sync_state))


def test_the_folder_tree_is_followed_and_walked(exchange: Stage, account: Account) -> None:
    suppliers = exchange.add_folder(ALICE, "Suppliers")
    exchange.add_folder(ALICE, "Paper", parent=suppliers.id)
    found = [one for one in account.contacts.sync_hierarchy() if one[1].folder_class == "IPF.Contact"]
    assert [(kind, folder.name) for kind, folder in found] == [("create", "Suppliers"), ("create", "Paper")]
    assert found[1][1].parent_folder_id.id == found[0][1].id
    state = account.contacts.folder_sync_state
    exchange.rename_folder(ALICE, suppliers.id, "Vendors")
    again = list(account.contacts.sync_hierarchy(sync_state=state))
    assert [(kind, folder.name) for kind, folder in again] == [("update", "Vendors")]
    assert {folder.name for folder in account.root.walk()} >= {"Calendar", "Contacts", "Vendors", "Paper", "Inbox"}
    assert (account.contacts / "Vendors" / "Paper").name == "Paper"


def test_contacts_are_read_with_numbers_and_addresses(exchange: Stage, account: Account) -> None:
    exchange.add_contact(ALICE, {
        "givenName": "Ann", "surname": "Lee", "companyName": "Lee & Co", "jobTitle": "Owner",
        "emailAddresses": [{"address": "ann@lee.example"}], "businessPhones": ["+49 30 1234"],
        "mobilePhone": "+49 171 1", "personalNotes": "likes tea",
    })  # fmt: skip
    (contact,) = account.contacts.all()
    assert (contact.display_name, contact.company_name, contact.job_title) == ("Ann Lee", "Lee & Co", "Owner")
    assert contact.email_addresses[0].email == "ann@lee.example"
    assert {one.label: one.phone_number for one in contact.phone_numbers} == {
        "BusinessPhone": "+49 30 1234", "MobilePhone": "+49 171 1",
    }  # fmt: skip
    (only,) = account.contacts.all().only("display_name", "phone_numbers")
    assert only.display_name == "Ann Lee" and len(only.phone_numbers) == 2


def test_an_event_is_made_changed_and_deleted(exchange: Stage, account: Account) -> None:
    item = CalendarItem(
        account=account, folder=account.calendar, subject="Planning", body=HTMLBody("<p>Agenda</p>"),
        start=datetime(2026, 11, 25, 9, tzinfo=BERLIN), end=datetime(2026, 11, 25, 10, tzinfo=BERLIN),
        required_attendees=[Attendee(mailbox=Mailbox(email_address=BEN), response_type="Unknown")],
    )  # fmt: skip
    item.save(send_meeting_invitations="SendToAllAndSaveCopy")
    doc = exchange.mailbox(ALICE).view(datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))[0]
    assert doc["start"]["dateTime"].startswith("2026-11-25T08:00:00")
    assert doc["originalStartTimeZone"] == "W. Europe Standard Time"
    assert doc["attendees"][0]["status"]["response"] == "none" and "Agenda" in doc["body"]["content"]
    item.refresh()
    assert item.start == datetime(2026, 11, 25, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    stale = item.changekey
    item.subject, item.start = "Planned", item.start + timedelta(hours=1)
    item.end += timedelta(hours=1)
    item.save(update_fields=["subject", "start", "end"], conflict_resolution="AutoResolve",
              send_meeting_invitations="SendToAllAndSaveCopy")  # fmt: skip
    assert item.changekey != stale
    changed = exchange.mailbox(ALICE).get_event(doc["id"])
    assert (changed["subject"], changed["start"]["dateTime"][:16]) == ("Planned", "2026-11-25T09:00")
    item.changekey = stale
    item.subject = "Too late"
    with pytest.raises(ErrorIrresolvableConflict):
        item.save(update_fields=["subject"], conflict_resolution="NeverOverwrite")
    item.changekey = None
    item.delete(send_meeting_cancellations="SendToAllAndSaveCopy")
    assert exchange.mailbox(ALICE).find_event(doc["id"]) is None


def test_a_series_is_made_and_one_day_of_it_changed_and_one_deleted(exchange: Stage, account: Account) -> None:
    item = CalendarItem(
        account=account, folder=account.calendar, subject="Weekly", start=datetime(2026, 11, 24, 9, tzinfo=BERLIN),
        end=datetime(2026, 11, 24, 10, tzinfo=BERLIN),
        recurrence=Recurrence(
            pattern=WeeklyPattern(interval=1, weekdays=["Tuesday"]), start=date(2026, 11, 24), number=4
        ),
    )  # fmt: skip
    item.save()
    days = list(account.calendar.view(**window()))
    days[1].subject = "Special"
    days[1].save(update_fields=["subject"])
    days[2].delete()
    now = list(account.calendar.view(**window()))
    assert [(one.subject, one.type) for one in now] == [
        ("Weekly", "Occurrence"), ("Special", "Exception"), ("Weekly", "Occurrence"),
    ]  # fmt: skip
    item.refresh()
    assert len(item.modified_occurrences) == len(item.deleted_occurrences) == 1
    assert item.last_occurrence.start == datetime(2026, 12, 15, 8, tzinfo=UTC)
    second = item.occurrence(2)
    second.refresh()
    assert second.subject == "Special"
    master = now[0].recurring_master()
    master.refresh()
    assert master.id == item.id and master.recurrence.pattern.weekdays == [2]


def test_an_all_day_event_is_made_of_dates(exchange: Stage, connect: Connect) -> None:
    account = connect(zone=BERLIN)
    item = CalendarItem(
        account=account, folder=account.calendar, subject="Fair", is_all_day=True, start=date(2026, 11, 24),
        end=date(2026, 11, 25),
    )  # fmt: skip
    item.save()
    (doc,) = exchange.mailbox(ALICE).view(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert doc["isAllDay"]
    assert (doc["start"]["dateTime"][:16], doc["end"]["dateTime"][:16]) == ("2026-11-24T00:00", "2026-11-26T00:00")


def test_a_contact_is_made_changed_moved_and_deleted(exchange: Stage, account: Account) -> None:
    exchange.add_folder(ALICE, "Suppliers")
    contact = Contact(
        account=account, folder=account.contacts, given_name="Tanja", surname="Plate", display_name="Tanja Plate",
        email_addresses=[EmailAddress(label="EmailAddress1", email="t@example.com")],
        phone_numbers=[PhoneNumber(label="MobilePhone", phone_number="+1 555"),
                       PhoneNumber(label="Pager", phone_number="7")],
        body=Body("a note"),
    )  # fmt: skip
    contact.save()
    (doc,) = exchange.mailbox(ALICE).contacts()
    assert (doc["mobilePhone"], doc["emailAddresses"][0]["address"], doc["personalNotes"]) == (
        "+1 555", "t@example.com", "a note",
    )  # fmt: skip
    contact.refresh()
    contact.phone_numbers = [PhoneNumber(label="BusinessPhone", phone_number="+1 556")]
    contact.job_title = "Manager"
    contact.save(update_fields=["phone_numbers", "job_title"])
    (doc,) = exchange.mailbox(ALICE).contacts()
    assert (doc["businessPhones"], doc["mobilePhone"], doc["jobTitle"]) == (["+1 556"], None, "Manager")
    before = contact.id
    contact.move(account.contacts / "Suppliers")
    assert contact.id != before
    with pytest.raises(ErrorItemNotFound):
        account.contacts.get(id=before)
    contact.delete()
    assert exchange.mailbox(ALICE).contacts() == []


def test_a_wrong_password_is_one_bad_try_and_no_more(exchange: Stage, connect: Connect) -> None:
    for auth, tries in ((BASIC, 1), (NTLM, 2)):
        with pytest.raises(UnauthorizedError):
            _ = connect(auth=auth, password="wrong").calendar.name
        assert exchange.bad_tries(ALICE) == tries


def test_a_locked_account_says_so(exchange: Stage, connect: Connect) -> None:
    exchange.lock(ALICE)
    for auth in (BASIC, NTLM):
        with pytest.raises(UnauthorizedError, match="currently locked out"):
            _ = connect(auth=auth).calendar.name


def test_a_mailbox_in_the_cloud_and_ews_switched_off_are_told_apart(exchange: Stage, connect: Connect) -> None:
    exchange.move_to_cloud(ALICE)
    with pytest.raises(ErrorNonExistentMailbox):
        _ = connect().calendar.name
    exchange.disable_ews(BEN)
    with pytest.raises(MalformedResponseError, match="Code: 403"):
        _ = connect(user="NORTH\\ben", email=BEN).calendar.name


@pytest.mark.parametrize("server", ["2010_SP2", "2013_SP1", "2016", "2019", "SE"])
@pytest.mark.parametrize("hint", [EXCHANGE_2010_SP2, EXCHANGE_2013_SP1, EXCHANGE_2016, EXCHANGE_2019, None], ids=str)
def test_a_wrong_guess_of_the_version_heals(exchange: Stage, connect: Connect, server: str, hint: Any) -> None:
    exchange.use_version(server)
    exchange.add_event(ALICE, meeting("There"))
    account = connect(version=hint)
    if server == "2010_SP2" and hint and hint >= EXCHANGE_2016:
        # but for one: exchangelib asks on with a property that the old server does not know (its issue 1306)
        with pytest.raises(ErrorSchemaValidation, match="DistinguishedFolderId"):
            _ = account.calendar.name
        return
    assert [item.subject for item in account.calendar.view(**window()).only("subject")] == ["There"]
    build = account.version.build
    assert (build.major_version, build.minor_version, build.major_build, build.minor_build) == exchange.version.build


@pytest.mark.parametrize(
    ("offered", "taken"), [(("Negotiate", "NTLM", "Basic"), NTLM), (("Basic",), BASIC), (("NTLM",), NTLM)]
)
def test_the_way_to_sign_in_is_learned_from_what_is_offered(
    exchange: Stage, connect: Connect, offered: tuple[str, ...], taken: str
) -> None:
    exchange.auth = offered
    account = connect(auth=None, version=None)
    assert account.calendar.name == "Calendar"
    assert account.protocol.config.auth_type == taken
    assert exchange.bad_tries(ALICE) == 0


def test_exchange_online_offers_nothing_that_a_password_is_good_for(exchange: Stage, connect: Connect) -> None:
    exchange.auth = ("Bearer",)
    with pytest.raises(TransportError):
        _ = connect(auth=None, version=None).calendar.name
    with pytest.raises(UnauthorizedError):
        _ = connect().calendar.name


def test_ones_own_address_is_found_in_the_directory(exchange: Stage, account: Account) -> None:
    (found,) = account.protocol.resolve_names([LOGON.partition("\\")[2]], return_full_contact_data=True)
    mailbox, contact = found
    assert (mailbox.name, mailbox.email_address, mailbox.mailbox_type) == ("Alice Meyer", ALICE, "Mailbox")
    assert contact.email_addresses[0].email == f"SMTP:{ALICE}"
    assert [one.email_address for one in account.protocol.resolve_names(["Okafor"])] == [BEN]
    assert [one.email_address for one in account.protocol.resolve_names(["smtp:ben@"])] == [BEN]


def test_more_than_the_policy_allows_is_an_error_of_its_own(exchange: Stage, account: Account) -> None:
    exchange.find_count_limit = 2
    for number in range(3):
        exchange.add_event(ALICE, meeting(f"M{number}"))
    with pytest.raises(ErrorExceededFindCountLimit):
        list(account.calendar.view(**window()).only("subject"))
    assert len(list(account.calendar.view(max_items=2, **window()).only("subject"))) == 2
    assert len(list(account.calendar.all().only("subject"))) == 3


def test_items_are_filtered_by_the_server(exchange: Stage, account: Account) -> None:
    for name in ("Budget", "Lunch"):
        exchange.add_event(ALICE, meeting(name))
    assert [item.subject for item in account.calendar.filter(subject__icontains="udg").only("subject")] == ["Budget"]
    assert account.calendar.filter(start__gt=datetime(2027, 1, 1, tzinfo=UTC_ZONE)).count() == 0


class GlobalId(ExtendedProperty):
    """As exchangelib's own documentation has it."""

    distinguished_property_set_id = "Meeting"
    property_id = 35
    property_type = "Binary"


class OwnMark(ExtendedProperty):
    property_set_id = "5b6a4b04-7ff5-4a6f-9a34-0c5d2f7c7d1e"
    property_name = "Mark"
    property_type = "String"


@pytest.fixture
def marks() -> Iterator[None]:
    CalendarItem.register("global_id", GlobalId)
    CalendarItem.register("own_mark", OwnMark)
    yield
    CalendarItem.deregister("own_mark")
    CalendarItem.deregister("global_id")


def test_events_are_found_by_what_their_uids_are_made_of(exchange: Stage, account: Account, marks: None) -> None:
    own = exchange.add_event(ALICE, meeting("Own", recurrence=weekly()))
    exchange.add_event(ALICE, meeting("Theirs", iCalUId="abc@elsewhere.example"))
    (found,) = account.calendar.filter(global_id=UID.to_global_object_id(own["iCalUId"]))
    assert (found.subject, found.type, found.uid) == ("Own", "RecurringMaster", own["iCalUId"])
    (found,) = account.calendar.filter(global_id=UID("abc@elsewhere.example"))
    assert (found.subject, found.global_id) == ("Theirs", UID("abc@elsewhere.example"))
    assert list(account.calendar.filter(global_id=UID("abd@elsewhere.example"))) == []


def test_events_are_found_by_a_property_of_ones_own_which_their_occurrences_have_too(
    exchange: Stage, account: Account, marks: None
) -> None:
    exchange.add_event(ALICE, meeting("Plain"))
    times = {"start": datetime(2026, 11, 24, 9, tzinfo=BERLIN), "end": datetime(2026, 11, 24, 10, tzinfo=BERLIN)}
    pattern = WeeklyPattern(interval=1, weekdays=["Tuesday"])
    CalendarItem(
        account=account, folder=account.calendar, subject="Marked", own_mark="m1", **times,
        recurrence=Recurrence(pattern=pattern, start=date(2026, 11, 24), number=3),
    ).save()  # fmt: skip
    assert [one.subject for one in account.calendar.filter(own_mark="m1")] == ["Marked"]
    assert list(account.calendar.filter(own_mark="m2")) == []
    marked = account.fetch(list(account.calendar.view(**window())), only_fields=["subject", "own_mark"])
    marked = sorted(marked, key=lambda one: one.subject)
    assert [(one.subject, one.own_mark) for one in marked] == [*[("Marked", "m1")] * 3, ("Plain", None)]
