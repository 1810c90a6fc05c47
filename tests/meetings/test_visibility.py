"""What each viewer sees: the owner all, a delegate all but what is private or personal."""

from dataclasses import dataclass, field

import pytest

from meetings.joining import find_links
from meetings.models import Meeting
from meetings.visibility import DETAILS, TIMES, Relation, view_of

PERSONAL = "https://us02web.zoom.us/w/83212345678?tk=SECRET.token&pwd=abc"


@dataclass
class Facts:
    is_private: bool = False
    title: str = "Merger"
    location: str = PERSONAL
    body_text: str = f"Join: {PERSONAL} now"
    starts: str = "noon"
    attendees: tuple = ("bob",)
    links: tuple = field(default_factory=lambda: find_links(location=PERSONAL))
    organizer_email: str = "x@example.com"


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("is_private", [True, False])
def test_details_are_hidden_from_a_plain_delegate_of_a_private_event_alone(relation, is_private):
    visible = view_of(Facts(is_private=is_private), relation)
    hides = is_private and relation is Relation.DELEGATE
    assert visible.is_hidden is hides
    assert visible.title == ("Private" if hides else "Merger")
    assert visible.attendees == (() if hides else ("bob",))
    assert visible.starts == "noon"


def test_hidden_means_that_no_detail_at_all_is_read():
    class Explosive:
        is_private = True

        def __getattr__(self, name):
            raise AssertionError(f"{name} was read")

    visible = view_of(Explosive(), Relation.DELEGATE)
    assert {name: getattr(visible, name) for name in DETAILS} == dict(DETAILS)


def test_a_personal_link_keeps_its_token_for_its_recipient_alone():
    owner, delegate = (view_of(Facts(), relation) for relation in (Relation.OWNER, Relation.PRIVATE_DELEGATE))
    assert owner.links[0].url == PERSONAL
    assert "SECRET" in owner.location
    assert "SECRET" in owner.body_text
    assert delegate.links[0].url == "https://us02web.zoom.us/w/83212345678?pwd=abc"
    assert "SECRET" not in delegate.location + delegate.body_text
    assert "pwd=abc" in delegate.location


def test_what_is_named_nowhere_cannot_be_shown():
    with pytest.raises(AttributeError, match="not for showing"):
        _ = view_of(Facts(), Relation.OWNER).version
    assert "SECRET" not in repr(view_of(Facts(), Relation.OWNER))


def test_every_field_of_a_meeting_is_either_shown_or_known_to_stay_inside():
    inside = {"id", "owner", "connection", "remote_id", "container", "version", "stamp", "uid", "search_text"}
    inside |= {"attendees_json", "links_json", "join_services", "is_shadow", "scheduled", "original_starts"}
    fields = {field.name for field in Meeting._meta.get_fields()}
    assert fields - inside <= TIMES | set(DETAILS)


# --- By brute force ---


class Row:
    """A meeting that answers whatever it is asked, each time with something that stands nowhere else."""

    def __init__(self, word: str, *, is_private: bool) -> None:
        self.word = word
        self.is_private = is_private
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        self.asked.append(name)
        if name == "links":
            return find_links(location=f"https://us02web.zoom.us/j/8321234567{len(self.word) % 10}?pwd={self.word}")
        return f"{self.word} {name}"


ATTRIBUTES = sorted(TIMES | set(DETAILS))
WILD = ("", "a", "Merger with Contoso", "\x00\ud800", "Private", "x" * 5000, "None")


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("is_private", [True, False])
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_every_attribute_is_the_rows_own_or_what_stands_in_its_place(relation, is_private, name):
    row = Row("word", is_private=is_private)
    shown = getattr(view_of(row, relation), name)
    if name in DETAILS and is_private and relation is Relation.DELEGATE:
        assert shown == DETAILS[name]
        assert row.asked == []
    else:
        assert shown == getattr(Row("word", is_private=is_private), name)


@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("is_private", [True, False])
def test_nothing_but_what_is_named_can_be_asked_for(relation, is_private):
    columns = {one.name for one in Meeting._meta.get_fields()} | {one.attname for one in Meeting._meta.concrete_fields}
    methods = {name for name in dir(Meeting) if not name.startswith("__")}
    row = Row("word", is_private=is_private)
    visible = view_of(row, relation)
    others = (columns | methods | {"", "Title", "title ", "uid", "pk_", "anything"}) - TIMES - set(DETAILS)
    assert len(others) > 60
    for name in others - {"is_hidden", "relation", "_meeting"}:
        with pytest.raises(AttributeError, match="not for showing"):
            getattr(visible, name)
    assert row.asked == []


@pytest.mark.parametrize("one", WILD)
@pytest.mark.parametrize("other", WILD)
def test_what_is_hidden_looks_the_same_whatever_the_row_holds(one, other):
    views = [view_of(Row(word, is_private=True), Relation.DELEGATE) for word in (one, other)]
    for name in DETAILS:
        assert getattr(views[0], name) == getattr(views[1], name), name
    assert repr(views[0]) == repr(views[1])
    for relation in (Relation.OWNER, Relation.PRIVATE_DELEGATE):
        seen = [view_of(Row(word, is_private=True), relation).title for word in (one, other)]
        assert (seen[0] == seen[1]) is (one == other)


def test_what_is_hidden_cannot_be_written_to_or_shared_by_mistake():
    visible = view_of(Row("word", is_private=True), Relation.DELEGATE)
    with pytest.raises(AttributeError):
        visible.title = "anything"
    assert not hasattr(visible, "__dict__")
    for value in DETAILS.values():
        assert isinstance(value, str | bool | int | tuple | None), "none of them can be changed in place"
