"""Calls and voicemail of Alice's, on a certain morning, with contacts that a test writes down itself."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from organizations.models import Organization, User
from phone.models import Call, Direction, Licence, PhoneSystem, Result, SystemKind, Voicemail
from tests.phone.books import PAGES, PATH

LIST, MISSED, VOICEMAILS = "/phone/", "/phone/?show=missed", "/phone/voicemail/"
FRAGMENT = {"HX-Request": "true", "HX-Target": "calls"}
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ADA = "+4930901820"


@pytest.fixture
def morning(settings: Any) -> Iterator[None]:
    """It is NOW, and contacts are those in PAGES."""
    settings.CALLERS = PATH
    PAGES.reset()
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def system(northwind: Organization) -> PhoneSystem:
    system = PhoneSystem(organization=northwind, kind=SystemKind.OTHER)
    system.credentials = {"webhook_secret": "hidden"}
    system.save()
    return system


@pytest.fixture
def licence(alice: User) -> Licence:
    return Licence.objects.create(user=alice, is_assigned=True, assigned_at=NOW)


@pytest.fixture
def make_call(alice: User) -> Callable[..., Call]:
    """make_call(number, **fields) -> a call of Alice's, one minute older than the one before."""

    def make(number: str = ADA, **fields: Any) -> Call:
        before = Call.objects.order_by("started_at").first()
        fields = {
            "owner": alice,
            "call_id": f"c{Call.objects.count()}",
            "direction": Direction.INCOMING,
            "result": Result.ANSWERED,
            "number": number,
            "e164": number if number.startswith("+") else "",
            "started_at": (before.started_at if before else NOW) - timedelta(minutes=1),
        } | fields
        return Call.objects.create(**fields)

    return make


@pytest.fixture
def make_voicemail(alice: User) -> Callable[..., Voicemail]:
    def make(number: str = ADA, **fields: Any) -> Voicemail:
        fields = {
            "owner": alice,
            "voicemail_id": f"v{Voicemail.objects.count()}",
            "number": number,
            "e164": number if number.startswith("+") else "",
            "left_at": NOW - timedelta(minutes=2),
            "seconds": 32,
        } | fields
        return Voicemail.objects.create(**fields)

    return make


def text_of(response: Any) -> str:
    """The page's words on one line, without its markup."""
    body = re.sub(r"(?s)<(script|style|head|nav|header|footer)\b.*?</\1>", " ", response.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))
