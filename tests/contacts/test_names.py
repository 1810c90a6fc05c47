"""Words of a contact: safe to keep, found in any spelling, in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.names import clean_line, clean_lines, find_name, fold, initial_of, is_keepable, sort_name_of
from integrations.remote import RemoteContact, RemoteEmail, RemoteNumber, RemoteRef

REF = RemoteRef("1")


@pytest.mark.parametrize(
    ("contact", "name"),
    [
        (RemoteContact(REF, display_name="Dr. Ada Lovelace", given_name="Ada"), "Dr. Ada Lovelace"),
        (RemoteContact(REF, given_name="Ada", family_name="Lovelace"), "Ada Lovelace"),
        (RemoteContact(REF, family_name="Lovelace", organization="Engines"), "Lovelace"),
        (RemoteContact(REF, display_name=" \x00 ", organization="Engines Ltd"), "Engines Ltd"),
        (RemoteContact(REF, emails=(RemoteEmail(" "), RemoteEmail("a@b.example"))), "a@b.example"),
        (RemoteContact(REF, numbers=(RemoteNumber(""), RemoteNumber("030 123"))), "030 123"),
        (RemoteContact(REF), ""),
    ],
)
def test_a_contact_is_called_by_the_best_it_has(contact: RemoteContact, name: str) -> None:
    assert find_name(contact, limit=300) == name


@pytest.mark.parametrize(
    "spellings",
    [
        ("Müller", "MULLER", "mu\u0308ller", "muller"),
        ("Straße", "STRASSE"),
        ("Søren Łukasz", "soren lukasz"),
        ("Ａｄａ", "ada"),
        ("Ðorđe", "dorde"),
        ("İpek", "ipek"),
        ("مُحَمَّد", "محمد"),
        ("か\u3099", "が", "か"),
    ],
)
def test_spellings_of_one_word_are_one_word(spellings: tuple[str, ...]) -> None:
    assert len({fold(one) for one in spellings}) == 1


@pytest.mark.parametrize(
    ("name", "initial"),
    [
        ("ada", "A"),
        ("Élodie", "E"),
        ("(Acme)", "A"),
        ("🦊 Fox", "F"),
        ("王小明", "王"),
        ("Жанна", "Ж"),
        ("42 Ltd", "#"),
        ("٤٢", "#"),
        ("፩", "#"),
        ("+49 30 1", "#"),
        ("🦊", "#"),
        ("", "#"),
    ],
)
def test_a_name_stands_under_its_first_letter(name: str, initial: str) -> None:
    assert initial_of(sort_name_of(name)) == initial


def test_all_that_stands_under_no_letter_stands_together() -> None:
    names = ["", "🦊", "42 Ltd", "٤٢", "፩", "² ", "ada", "Zoë", "Жанна", "王小明", "9", "\u0b95"]
    initials = [initial_of(one) for one in sorted(map(sort_name_of, names))]
    assert initials == sorted(initials, key=lambda one: (one != "#", one))


@given(st.text(st.characters(), max_size=80), st.integers(1, 40))
def test_what_is_kept_can_be_kept(text: str, limit: int) -> None:
    for kept in (clean_line(text, limit), clean_lines(text, limit)):
        assert is_keepable(kept)
        assert len(kept) <= limit
        kept.encode()
    assert "\n" not in clean_line(text, limit)
    assert is_keepable(fold(clean_line(text, 80)))


def test_a_half_of_a_surrogate_pair_and_nul_are_taken_out() -> None:
    assert clean_line("A\x00d\ud800a", 10) == "Ada"
    assert not is_keepable("a\x00") and not is_keepable("\udfff") and is_keepable("\U0001f98a")


def test_long_text_says_that_it_goes_on() -> None:
    assert clean_line("x" * 11, 10) == "x" * 9 + "…"
    assert clean_lines("first\r\nsecond", 100) == "first\nsecond"
