"""What is made of SyncFolderItems' changes of a calendar.

Shapes: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/syncfolderitems-operation
"""

from lxml import etree

from integrations.providers.exchange.calendar import Changed, _digest, _note, _note_first
from tests.integrations.providers.exchange.answers import TYPES as T


def change(
    kind: str, remote_id: str, *, sort: str = "", uid: str = "", element: str = "CalendarItem"
) -> etree._Element:
    inner = f'<t:ItemId Id="{remote_id}" ChangeKey="k"/>'
    if kind != "Delete":
        inner += f"<t:UID>{uid}</t:UID>" if uid else ""
        inner += f"<t:CalendarItemType>{sort}</t:CalendarItemType>" if sort else ""
        inner = f"<t:{element}>{inner}</t:{element}>"
    return etree.fromstring(f'<t:{kind} xmlns:t="{T}">{inner}</t:{kind}>')


def note(*changes: etree._Element, masters: dict[str, str] | None = None) -> tuple[Changed, dict[str, str]]:
    changed, known = Changed(), dict(masters or {})
    for one in changes:
        _note(one, known, changed)
    return changed, known


def names(changed: Changed) -> tuple[list[str], list[str], list[str], list[str], bool]:
    return (
        list(changed.single),
        list(changed.series),
        list(changed.gone),
        list(changed.former),
        changed.everything,
    )


MASTERS = {_digest("m"): "uid"}


def test_single_events_are_read_or_gone() -> None:
    changed, masters = note(
        change("Create", "a", sort="Single", uid="1"), change("Update", "b", sort="Single"), change("Delete", "c")
    )
    assert names(changed) == (["a", "b"], [], ["c"], [], False)
    assert masters == {}


def test_the_last_change_of_an_event_counts() -> None:
    changed, _ = note(change("Create", "a", sort="Single"), change("Delete", "a"))
    assert names(changed) == ([], [], ["a"], [], False)
    changed, _ = note(change("Delete", "a"), change("Create", "a", sort="Single"))
    assert names(changed) == (["a"], [], [], [], False)


def test_a_series_is_read_as_such_and_remembered() -> None:
    changed, masters = note(change("Create", "m", sort="RecurringMaster", uid="uid"))
    assert names(changed) == ([], ["uid"], ["m"], [], False)
    assert masters == MASTERS


def test_a_series_that_is_deleted_is_known_by_its_item() -> None:
    changed, masters = note(change("Delete", "m"), masters=MASTERS)
    assert names(changed) == ([], [], ["m"], ["uid"], False)
    assert masters == {}


def test_a_series_that_becomes_single_is_both() -> None:
    changed, masters = note(change("Update", "m", sort="Single", uid="uid"), masters=MASTERS)
    assert names(changed) == (["m"], [], [], ["uid"], False)
    assert masters == {}


def test_an_occurrence_that_is_named_brings_its_series_and_is_not_gone() -> None:
    for sort in ("Occurrence", "Exception"):
        changed, masters = note(change("Update", "o", sort=sort, uid="uid"), masters=MASTERS)
        assert names(changed) == ([], ["uid"], [], [], False)
        assert masters == MASTERS


def test_a_series_without_a_name_or_an_event_without_its_sort_brings_everything() -> None:
    assert note(change("Create", "m", sort="RecurringMaster"))[0].everything
    assert note(change("Create", "a", uid=""))[0].everything
    assert note(change("Delete", "m"), masters={_digest("m"): ""})[0].everything


def test_flags_and_strays_are_nothing_to_read() -> None:
    changed, _ = note(
        change("Create", "r", element="MeetingRequest"),
        etree.fromstring(
            f'<t:ReadFlagChange xmlns:t="{T}"><t:ItemId Id="a"/><t:IsRead>true</t:IsRead></t:ReadFlagChange>'
        ),
        etree.fromstring(f'<t:Create xmlns:t="{T}"/>'),
    )
    assert names(changed) == ([], [], ["r"], [], False)


def test_of_what_is_there_at_first_only_series_are_remembered() -> None:
    masters: dict[str, str] = {}
    for one in (
        change("Create", "a", sort="Single", uid="1"),
        change("Create", "m", sort="RecurringMaster", uid="uid"),
    ):
        _note_first(one, masters, Changed())
    assert masters == MASTERS
