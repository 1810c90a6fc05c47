"""What was told, as rows: one for each call, whoever tells of it, how often, and in which order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from organizations.models import Organization, User
from phone import keeping
from phone.calling import record_attempt
from phone.models import Call, Direction, Licence, PhoneSystem, Result, Source, Voicemail
from phone.systems import CallRecord, Erasure, Owner, Told, VoicemailRecord
from tests.phone.conftest import ADA, NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("morning")]
ALICE = Owner(email="alice@northwind.example")
CALL = CallRecord(
    ALICE, "c1", "in", "missed", NOW - timedelta(minutes=10), number=ADA, e164=ADA, name="Ada", line="101",
    log_id="l1", reported_at=NOW - timedelta(minutes=9),
)  # fmt: skip
MESSAGE = VoicemailRecord(
    ALICE, "v1", NOW - timedelta(minutes=9), "c1", number=ADA, e164=ADA, name="Ada", seconds=12, audio="https://a/1",
    reported_at=NOW - timedelta(minutes=8),
)  # fmt: skip


@pytest.fixture
def keep(system: PhoneSystem, alice: User) -> Callable[..., keeping.Kept]:
    return lambda *told, source=Source.EVENT: keeping.apply(system, told, source=source)


def test_a_call_and_its_message_are_rows(keep: Callable[..., Any], alice: User) -> None:
    kept = keep(CALL, MESSAGE)
    call, message = Call.objects.get(), Voicemail.objects.get()
    assert (kept.added, kept.changed, kept.left_out) == (2, 0, 0)
    assert (call.owner, call.result, call.number, call.e164, call.name) == (alice, Result.VOICEMAIL, ADA, ADA, "Ada")
    assert (call.started_at, call.line, call.source, call.seconds) == (CALL.started_at, "101", Source.EVENT, 0)
    assert (message.call_id, message.audio, message.is_read, message.transcript) == ("c1", "https://a/1", False, "")


def test_the_same_again_changes_nothing(keep: Callable[..., Any]) -> None:
    keep(CALL, MESSAGE)
    before = [*Call.objects.values(), *Voicemail.objects.values()]
    kept = keep(CALL, MESSAGE, CALL)
    assert (kept.added, kept.changed) == (0, 0)
    assert [*Call.objects.values(), *Voicemail.objects.values()] == before


def test_its_message_makes_it_a_call_with_voicemail_in_any_order(keep: Callable[..., Any]) -> None:
    for told in permutations([CALL, replace(CALL, reported_at=NOW, name="Ada Byron"), MESSAGE]):
        Call.objects.all().delete(), Voicemail.objects.all().delete()
        for one in told:
            keep(one)
        assert Call.objects.values_list("result", "name").get() == (Result.VOICEMAIL, "Ada Byron")


TOLD = st.sampled_from(
    [
        CALL,
        replace(CALL, result="answered", seconds=30, line="102", reported_at=NOW),
        replace(CALL, result="elsewhere", reported_at=NOW - timedelta(minutes=5), name="Unknown"),
        MESSAGE,
        replace(MESSAGE, audio=None, seconds=None, transcript="Call me.", reported_at=NOW),
        replace(MESSAGE, is_read=True, reported_at=NOW),
    ]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_are_the_same_whatever_the_batches_and_the_order(keep: Callable[..., Any], data: st.DataObject) -> None:
    told = data.draw(st.lists(TOLD, min_size=1, max_size=5))
    found = []
    for order, alone in ((told, False), (data.draw(st.permutations(told)), True)):
        Call.objects.all().delete(), Voicemail.objects.all().delete()
        for batch in [[one] for one in order] if alone else [order]:
            keep(*batch)
        found.append([{**row, "id": 0} for row in [*Call.objects.values(), *Voicemail.objects.values()]])
    assert found[0] == found[1]


def test_owners_are_found_by_id_then_address_and_by_extension_where_nothing_else_is_said(
    keep: Callable[..., Any], alice: User, bob: User, charlie: User
) -> None:
    Licence.objects.create(user=alice, remote_id="zoom-alice", extension="101")
    Licence.objects.create(user=bob, remote_id="zoom-bob", extension="102")
    Licence.objects.create(user=charlie, remote_id="zoom-charlie", extension="103")
    owners = {
        "id": Owner("zoom-bob", "alice@northwind.example", "101"),
        "address": Owner("unknown", "Alice@Northwind.example", "102"),
        "extension": Owner(extension="102"),
        "successor": Owner("unknown", extension="102"),
        "another": Owner(email="nobody@northwind.example", extension="102"),
        "stranger": Owner("zoom-charlie", "charlie@rival.example", "103"),
        "nobody": Owner(),
    }
    kept = keep(*(replace(CALL, owner=owner, call_id=name) for name, owner in owners.items()))
    assert {row.call_id: row.owner for row in Call.objects.all()} == {"id": bob, "address": alice, "extension": bob}
    assert kept.left_out == 4


def test_an_extension_of_two_and_people_who_left_are_nobodys(keep: Callable[..., Any], alice: User, bob: User) -> None:
    Licence.objects.create(user=alice, extension="101"), Licence.objects.create(user=bob, extension="101")
    keep(replace(CALL, owner=Owner(extension="101")))
    bob.is_active = False
    bob.save()
    keep(replace(CALL, owner=Owner(email=bob.email)))
    assert not Call.objects.exists()
    keep(replace(CALL, owner=Owner(extension="101")))
    assert Call.objects.get().owner == alice


def test_one_call_between_two_colleagues_is_a_row_of_each(keep: Callable[..., Any], bob: User) -> None:
    keep(CALL, replace(CALL, owner=Owner(email=bob.email), direction="out", result="no_answer"))
    assert set(Call.objects.values_list("owner__email", "direction")) == {(ALICE.email, "in"), (bob.email, "out")}


@pytest.mark.parametrize(
    ("number", "full", "expected"),
    [
        ("030 901820", "030 901820", "+4930901820"),
        ("+1 (205) 555-0100", "+1 (205) 555-0100", "+12055550100"),
        ("1045", "", ""),
        ("not a number", "not a number", ""),
        ("", "", ""),
    ],
)
def test_numbers_are_read_in_the_organizations_region(
    keep: Callable[..., Any], number: str, full: str, expected: str
) -> None:
    keep(replace(CALL, number=number, e164=full))
    assert Call.objects.values_list("number", "e164").get() == (number, expected)


def test_the_call_takes_over_the_click_that_made_it(keep: Callable[..., Any], alice: User, licence: Licence) -> None:
    record_attempt(alice, ADA)
    click = Call.objects.get()
    out = replace(CALL, direction="out", result="answered", seconds=60, started_at=NOW + timedelta(minutes=4))
    keep(out), keep(out)
    call = Call.objects.get()
    assert (call.pk, call.call_id, call.result, call.seconds) == (click.pk, "c1", Result.ANSWERED, 60)
    assert (call.source, call.started_at) == (Source.EVENT, out.started_at)


def test_each_of_several_clicks_becomes_the_call_next_to_it(
    keep: Callable[..., Any], alice: User, make_call: Callable[..., Call]
) -> None:
    clicks = [
        make_call(call_id="", direction=Direction.OUTGOING, result=Result.ATTEMPT, source=Source.CLICK,
                  started_at=NOW - timedelta(minutes=minutes))
        for minutes in (6, 3)
    ]  # fmt: skip
    out = replace(CALL, direction="out", result="no_answer")
    keep(*(replace(out, call_id=f"c{minutes}", started_at=NOW - timedelta(minutes=minutes)) for minutes in (2, 5)))
    assert [Call.objects.get(pk=click.pk).call_id for click in clicks] == ["c5", "c2"]
    assert Call.objects.count() == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"direction": "in"},
        {"number": "+4930111111", "e164": "+4930111111"},
        {"started_at": NOW - timedelta(minutes=6)},
        {"owner": Owner(email="bob@northwind.example")},
    ],
)
def test_a_click_is_left_to_a_call_that_fits(
    keep: Callable[..., Any], alice: User, bob: User, licence: Licence, fields: Any
) -> None:
    record_attempt(alice, ADA)
    keep(replace(CALL, **{"direction": "out", "started_at": NOW, **fields}))
    assert Call.objects.count() == 2 and Call.objects.filter(result=Result.ATTEMPT).count() == 1


def test_what_was_deleted_here_stays_deleted(keep: Callable[..., Any]) -> None:
    keep(CALL, MESSAGE)
    for rows in (Call.objects, Voicemail.objects):
        rows.update(hidden_at=NOW)
    keep(replace(CALL, result="answered", reported_at=NOW), replace(MESSAGE, transcript="Hello", reported_at=NOW))
    assert Call.objects.get().hidden_at == Voicemail.objects.get().hidden_at == NOW
    assert (Call.objects.get().result, Voicemail.objects.get().transcript) == (Result.ANSWERED, "Hello")


def test_what_was_listened_to_here_stays_listened_to(keep: Callable[..., Any]) -> None:
    keep(MESSAGE)
    Voicemail.objects.update(is_read=True)
    keep(replace(MESSAGE, is_read=False, transcript="Hello", reported_at=NOW))
    assert Voicemail.objects.values_list("is_read", "transcript").get() == (True, "Hello")


@pytest.mark.parametrize(
    ("erasure", "hidden"),
    [
        (Erasure(ALICE, call_ids=("c1", "c9")), {"c1"}),
        (Erasure(ALICE, log_ids=("l1",)), {"c1"}),
        (Erasure(ALICE, voicemail_ids=("v1",)), {"v1"}),
        (Erasure(Owner(), voicemail_ids=("v1",)), {"v1", "bob v1"}),
        (Erasure(Owner(), call_ids=("c1",)), {"c1", "bob c1"}),
        (Erasure(ALICE, calls_until=NOW - timedelta(minutes=10)), {"c1"}),
        (Erasure(ALICE, calls_until=NOW), {"c1", "c2"}),
        (Erasure(Owner(email="charlie@rival.example"), call_ids=("c1",)), set()),
        (Erasure(ALICE), set()),
        (Erasure(ALICE, call_ids=("", "\0")), set()),
    ],
)
def test_what_was_deleted_there_is_hidden_here(
    keep: Callable[..., Any], bob: User, charlie: User, erasure: Erasure, hidden: set[str]
) -> None:
    theirs = Owner(email=bob.email)
    keep(
        CALL, MESSAGE, replace(CALL, call_id="c2", log_id="l2", started_at=NOW - timedelta(minutes=1)),
        replace(CALL, owner=theirs), replace(MESSAGE, owner=theirs),
    )  # fmt: skip
    Call.objects.create(owner=charlie, call_id="c1", direction="in", result="missed", started_at=NOW, reported_at=NOW)
    assert keep(erasure).hidden == len(hidden)
    gone = Call.objects.filter(hidden_at__isnull=False).values_list("owner__email", "call_id")
    gone_too = Voicemail.objects.filter(hidden_at__isnull=False).values_list("owner__email", "voicemail_id")
    assert {f"{'bob ' * (email == bob.email)}{one}" for email, one in [*gone, *gone_too]} == hidden


def test_what_is_too_old_or_from_the_future_is_left_out(keep: Callable[..., Any], system: PhoneSystem) -> None:
    old, future = NOW - timedelta(days=system.keep_days), NOW + timedelta(days=2)
    told = [replace(CALL, call_id=str(at), started_at=at) for at in (old, future)]
    told += [replace(MESSAGE, voicemail_id=str(at), left_at=at) for at in (old, future)]
    assert keep(*told, CALL).left_out == 4
    assert (Call.objects.get().call_id, Voicemail.objects.count()) == ("c1", 0)


def test_odd_texts_are_kept_as_far_as_a_database_holds_them(keep: Callable[..., Any]) -> None:
    odd = "A\0da \ud800 " + "x" * 500
    kept = keep(
        replace(CALL, name=odd, number="1" * 500, e164="", line=odd, log_id="l" * 500, seconds=-5),
        replace(CALL, call_id="c" * 201),
        replace(CALL, call_id="\0"),
        replace(MESSAGE, name=odd, transcript=odd, audio="https://a/" + "x" * 3000, seconds=10**12),
    )
    call, message = Call.objects.get(), Voicemail.objects.get()
    assert (kept.left_out, call.name[:6], len(call.name), len(call.number)) == (2, "Ada ? ", 300, 100)
    assert (call.log_id, message.audio) == ("", "")


def test_many_cost_as_much_as_few(keep: Callable[..., Any]) -> None:
    def count(prefix: str, size: int) -> int:
        told: list[Told] = []
        for number in range(size):
            key = f"{prefix}{number}"
            told += [
                replace(CALL, call_id=key), replace(CALL, call_id=f"{key}-out", direction="out"),
                replace(MESSAGE, voicemail_id=key, call_id=key), Erasure(ALICE, call_ids=(key,), voicemail_ids=(key,)),
            ]  # fmt: skip
        with CaptureQueriesContext(
            connection,
        ) as first:
            keep(*told)
        with CaptureQueriesContext(connection) as again:
            keep(*(replace(one, name="New") if not isinstance(one, Erasure) else one for one in told))
        return len(first) + len(again)

    assert count("a", 1) == count("b", 3) == count("c", 30)


def test_a_system_that_was_taken_away_meanwhile_keeps_nothing(
    keep: Callable[..., Any], system: PhoneSystem, northwind: Organization
) -> None:
    PhoneSystem.objects.all().delete()
    keep(CALL)
    assert not Call.objects.exists()
