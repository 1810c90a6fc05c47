"""A first look at Alice's calls finds some: made before anybody listens, so that they have to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import phonenumbers
import pytest

from sandbox import demo
from sandbox.demo.contacts import GROUPS, _address_book
from sandbox.demo.phone import CALLS, _find_moment, fill_phone
from sandbox.server import Sandbox

MONDAY_MORNING = datetime(2026, 11, 23, 6, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    made.settle("http://127.0.0.1:9100")
    made.clock.freeze(MONDAY_MORNING)
    made.zoom.register_default_app()
    for email, name, organization, timezone, region in demo.PEOPLE:
        made.store.people.add(email, name=name, organization=organization, timezone=timezone, region=region)
    fill_phone(made.zoom, demo.ALICE)
    yield made
    made.close()


def test_three_have_a_phone_and_the_others_none(sandbox):
    account = sandbox.zoom.credentials["account_id"]
    assert [one.email for one in sandbox.zoom.phone.users.of(account)] == [demo.ALICE, demo.BEN, demo.DORA]


def test_calls_lie_in_the_last_days_on_working_days_and_none_is_told(sandbox):
    docs = sandbox.zoom.phone.calls.history(email=demo.ALICE)
    assert len(docs) == 25
    starts = [datetime.fromisoformat(doc["start_time"]) for doc in docs]
    assert max(starts) < MONDAY_MORNING
    assert {moment.weekday() for moment in starts} <= {0, 1, 2, 3, 4}
    assert len(set(starts)) == 25
    assert sandbox.deliveries.list() == []
    fill_phone(sandbox.zoom, demo.ALICE)
    assert len(sandbox.zoom.phone.calls.history(email=demo.ALICE)) == 25


@pytest.mark.parametrize("days", range(7))
def test_a_week_that_is_read_back_has_all_of_them(days):
    now = MONDAY_MORNING + timedelta(days=days)
    assert all(now - timedelta(days=7) < _find_moment(now, past) < now for past in CALLS)


def test_every_kind_of_caller_and_of_end_occurs(sandbox):
    docs = sandbox.zoom.phone.calls.history(email=demo.ALICE)
    ends = Counter((doc["direction"], doc["result"]) for doc in docs)
    assert {("inbound", one) for one in ("answered", "no_answer", "voicemail", "rejected")} < set(ends)
    assert {("outbound", one) for one in ("answered", "no_answer", "busy", "call_failed")} < set(ends)
    incoming = [doc for doc in docs if doc["direction"] == "inbound"]
    assert Counter(doc["caller_number_type"] for doc in incoming)["anonymous_number"] == 2
    assert [doc["caller_ext_number"] for doc in incoming if "caller_ext_number" in doc] == ["2003", "2044"]
    assert {"DE", "FR", "GB", "US"} <= {doc.get("caller_country_iso_code") for doc in incoming}
    mail = sandbox.zoom.phone.calls.voicemails(email=demo.ALICE)
    assert [(one.is_read, bool(one.doc["_transcript"])) for one in mail].count((False, True)) == 2
    assert len(mail) == 4


def test_some_callers_stand_in_her_address_book_in_other_spellings(sandbox):
    book = dict[str, list[str]]()
    for body in _address_book({title: title for title in GROUPS}):
        for entry in body.get("phoneNumbers", ()):
            try:
                parsed = phonenumbers.parse(entry["value"], "DE")
            except phonenumbers.NumberParseException:
                continue
            number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
            book.setdefault(number, []).append(entry["value"])
    docs = sandbox.zoom.phone.calls.history(email=demo.ALICE)
    callers = {doc["caller_did_number"] for doc in docs if "caller_did_number" in doc and doc["direction"] == "inbound"}
    known = callers & book.keys()
    assert len(known) >= 7
    assert len(callers - known) >= 4
    assert all(number not in book[number] for number in known)
    assert len(book["+493023125901"]) == 2
