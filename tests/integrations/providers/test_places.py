"""A full type of number is refused in words that name another one."""

import pytest

from integrations.errors import Rejected
from integrations.providers.base import NumberType
from integrations.providers.places import check_places
from integrations.remote import NumberKind

MOBILE = NumberType("m", "Mobile", NumberKind.MOBILE)
WORK = NumberType("w", "Business", NumberKind.WORK)
WORK_TOO = NumberType("w2", "Business 2", NumberKind.WORK)
HOME = NumberType("h", "Home", NumberKind.HOME)
CAR = NumberType("c", "Car", NumberKind.OTHER)
TYPES = (MOBILE, WORK, HOME, CAR, WORK_TOO)


def refuse(*wanted: NumberType, taken: str = "", types: tuple[NumberType, ...] = TYPES, **places: int) -> str:
    with pytest.raises(Rejected) as caught:
        check_places(wanted, taken.split(), types=types, places=places, service="Outlook")
    return caught.value.sentence


def test_what_there_is_a_place_for_is_let_through() -> None:
    check_places([WORK, WORK], ["m"], types=TYPES, places={"w": 2}, service="Outlook")
    assert "Outlook keeps 2 numbers of the type Business" in refuse(WORK, WORK, taken="m w", w=2)


def test_types_with_a_place_are_suggested_those_of_the_same_kind_first() -> None:
    assert refuse(WORK, taken="w").endswith("Choose Business 2, Mobile or Home instead.")
    assert refuse(WORK, taken="w w2 m h").endswith("Choose Car instead.")


def test_what_the_same_contact_needs_itself_is_not_suggested() -> None:
    assert refuse(WORK, WORK, MOBILE, types=(MOBILE, WORK, HOME)).endswith("Choose Home instead.")


def test_where_nothing_is_free_the_person_has_to_make_room() -> None:
    assert refuse(MOBILE, taken="m w", types=(MOBILE, WORK)).endswith("remove a number there first.")
