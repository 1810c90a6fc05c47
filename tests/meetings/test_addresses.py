"""Addresses as people paste them, from every program they have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.remote import Attendee
from meetings.addresses import dump_address, parse_address, parse_addresses


def found(text: str) -> list[tuple[str, str]]:
    return [(one.name, one.email) for one in parse_addresses(text).people]


@pytest.mark.parametrize(
    ("text", "people", "wrong"),
    [
        ("", [], []),
        ("ann@x.example", [("", "ann@x.example")], []),
        ("<ann@x.example>", [("", "ann@x.example")], []),
        ("mailto:ann@x.example", [("", "ann@x.example")], []),
        ("Ann Ash <ann@x.example>", [("Ann Ash", "ann@x.example")], []),
        ("a@x.example, b@x.example;c@x.example\nd@x.example", [("", f"{one}@x.example") for one in "abcd"], []),
        ("Ash, Ann <ann@x.example>; Birch, Ben <ben@x.example>",
         [("Ash, Ann", "ann@x.example"), ("Birch, Ben", "ben@x.example")], []),
        ('"Ash, Ann" <ann@x.example>, ben@x.example', [("Ash, Ann", "ann@x.example"), ("", "ben@x.example")], []),
        ("ann@x.example, ANN@X.example", [("", "ann@x.example")], []),
        ("ann@x.example, ben, carla@", [("", "ann@x.example")], ["ben", "carla@"]),
        ("ben, dan", [], ["ben", "dan"]),
        ("two words@x.example", [], ["two words@x.example"]),
        ("ann@x.example ben@x.example", [], ["ann@x.example ben@x.example"]),
        (" , ;\n\n", [], []),
        ('"open <ann@x.example>, ben@x.example', [("open", "ann@x.example"), ("", "ben@x.example")], []),
        ("Jörg Müller <joerg@x.example>", [("Jörg Müller", "joerg@x.example")], []),
        ("דנה <dana@x.example>", [("דנה", "dana@x.example")], []),
        (f"{'a' * 300}@x.example", [], [f"{'a' * 300}@x.example"]),
    ],
)  # fmt: skip
def test_each_way_to_write_them_is_understood_and_the_rest_is_named(text, people, wrong):
    assert found(text) == people
    assert list(parse_addresses(text).wrong) == wrong


@given(st.text(max_size=300))
def test_no_text_breaks_it_and_nobody_is_made_up(text):
    parsed = parse_addresses(text)
    for one in parsed.people:
        assert one.email in text.replace("mailto:", "")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_is_written_is_read_again(name):
    one = parse_address(dump_address(Attendee("ann@x.example", name)))
    assert one is not None and one.email == "ann@x.example"


def test_a_list_is_read_in_time_that_grows_with_it():
    assert len(parse_addresses("\n".join(f"p{n}@x.example" for n in range(5_000))).people) == 5_000
    assert parse_addresses('"' * 50_000 + "," * 50_000).people == ()
