"""Every request is what Exchange's own schema allows, whatever is in it."""

import base64
import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType

import pytest
from lxml import etree

from integrations.providers.exchange import contact_drafts, operations, searches
from integrations.providers.exchange.versions import VERSIONS
from integrations.remote import ContactDraft, RemoteContact, RemoteEmail, RemoteNumber, RemoteRef

ODD = 'a"b<c>&amp;\x00\x0b\ufffe\u00fc\U0001f600'
MOMENT = datetime(2026, 11, 23, 9, tzinfo=UTC)
CONTACT = ContactDraft(ODD, "", ODD, (RemoteEmail(ODD),), (RemoteNumber(ODD, label="MobilePhone"),))

EVERY: dict[str, str] = {
    "get_folders": operations.get_folders("calendar", "contacts", "deleteditems"),
    "get_calendars_of": operations.get_calendars_of(["alice@northwind.example", ODD]),
    "resolve_names": operations.resolve_names(ODD),
    "sync_hierarchy": operations.sync_hierarchy(""),
    "sync_hierarchy again": operations.sync_hierarchy(ODD),
    "sync_items": operations.sync_items(ODD, "", is_calendar=False),
    "sync_items of a calendar": operations.sync_items("AAMk=", ODD, is_calendar=True),
    "find_events": operations.find_events(ODD, MOMENT, MOMENT + timedelta(days=31)),
    "get_events": operations.get_events(["AAMk=", ODD], is_2013=True),
    "get_events of 2010": operations.get_events(["AAMk="], is_2013=False, with_body=False),
    "sync_hierarchy with rights": operations.sync_hierarchy("", with_rights=True),
    "get_folder": operations.get_folder(ODD),
    "find_events of the person's own": operations.find_events("", MOMENT, MOMENT + timedelta(days=31)),
    "get_event": operations.get_event(ODD, is_2013=True),
    "get_master": operations.get_master(ODD, is_2013=False),
    "find_by_key": searches.find_by_key(ODD, "0" * 32),
    "find_by_uid": searches.find_by_uid("", ODD),
    "get_contact": operations.get_contact(ODD),
    "find_contacts_by_key": searches.find_contacts_by_key(ODD, "0" * 32),
    "create_contact": contact_drafts.create_contact(CONTACT, key="0" * 32, folder=ODD),
    "create_contact with little": contact_drafts.create_contact(ContactDraft(family_name=ODD), key="0" * 32, folder=""),
    "set_number": contact_drafts.set_number(RemoteContact(RemoteRef(ODD, "", ODD)), CONTACT.numbers[0]),
    "get_contacts": operations.get_contacts(["AAMk=", ODD]),
    "get_contacts without": operations.get_contacts(["AAMk="], with_body=False),
}


@pytest.fixture
def validate(shared_checks: Path) -> Callable[[bytes], list[str]]:
    """The reference validator: Messages.xsd and types.xsd as Microsoft publishes them."""
    spec = importlib.util.spec_from_file_location("ews_xsd", shared_checks / "ews_xsd.py")
    assert spec and spec.loader
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[bytes], list[str]] = module.validate
    return found


@pytest.mark.parametrize("name", EVERY)
def test_each_request_is_valid(validate: Callable[[bytes], list[str]], name: str) -> None:
    assert validate(operations.dump_envelope(EVERY[name], "Exchange2016")) == []


@pytest.mark.parametrize("name", EVERY)
def test_what_comes_from_outside_stays_text(name: str) -> None:
    root = etree.fromstring(operations.dump_envelope(EVERY[name], "Exchange2010_SP2"))
    texts = [*root.itertext(), *(value for one in root.iter() for value in one.attrib.values())]
    odd = [text for text in texts if "b<c>" in text]
    assert set(odd) <= {'a"b<c>&amp;\u00fc\U0001f600'}
    assert len(odd) == EVERY[name].count("b&lt;c&gt;")


def test_every_version_that_we_name_is_one_that_the_schema_knows(validate: Callable[[bytes], list[str]]) -> None:
    schema = (Path(validate.__globals__["X"]) / "types.xsd").read_text()  # type: ignore[attr-defined]
    assert all(f'value="{one.schema}"' in schema for one in VERSIONS)


def test_moments_are_asked_for_in_utc_and_whole_seconds() -> None:
    tokyo = timezone(timedelta(hours=9))
    asked = operations.find_events("f", MOMENT.astimezone(tokyo), MOMENT.astimezone(tokyo) + timedelta(seconds=1.5))
    assert 'StartDate="2026-11-23T09:00:00Z" EndDate="2026-11-23T09:00:01Z"' in asked


@pytest.mark.parametrize(
    ("uid", "expected"),
    [
        # Outlook's own, of an occurrence: the day is left out.
        (
            "040000008200E00074C5B7101A82E00807EA0B18A0F5E1C4D2B0DC010000000000000000100000002F6A",
            "040000008200E00074C5B7101A82E00800000000A0F5E1C4D2B0DC010000000000000000100000002F6A",
        ),
        # Another's, wrapped: exchangelib's UID is the independent opinion.
        ("abc@google.com", None),
        ("0400", None),
    ],
)
def test_a_uid_is_searched_for_as_exchange_keeps_it(uid: str, expected: str | None) -> None:
    from exchangelib.properties import UID

    asked = searches.find_by_uid("", uid)
    value = asked.partition('<t:Constant Value="')[2].partition('"')[0]
    assert base64.b64decode(value) == (bytes.fromhex(expected) if expected else bytes(UID(uid)))
