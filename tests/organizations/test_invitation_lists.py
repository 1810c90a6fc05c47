"""Lists of people as spreadsheet programs write them: encodings, separators, first lines, and every way to be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from organizations import invitation_lists
from organizations.invitation_lists import Known, Outcome, Unreadable, judge, parse, read_text

KNOWN = Known(
    members={"alice@northwind.example"},
    invited={"bob@newfirm.example"},
    groups={"sales": 1, "support": 2, "sales; berlin": 3},
    roles={"member": "member", "admin": "admin"},
    other_roles={"owner"},
)
UMLAUTS = "e-mail;name\njürgen@newfirm.example;Jürgen Müßig\n"


def emails(text: str) -> list[str]:
    return [line.email for line in parse(text).lines]


def outcomes(text: str) -> list[Outcome]:
    return [one.outcome for one in judge(parse(text).lines, KNOWN)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end_that_spreadsheets_write_is_read(encoding, end):
    assert read_text(UMLAUTS.replace("\n", end).encode(encoding)) == UMLAUTS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \r\n\t\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"PK\x03\x04rest of a workbook", "workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a text file"),
        (b"a@b.example\x81\x8d", "encoding of this file cannot be told"),
        (b"\xff\xfea", "encoding of this file cannot be told"),
        (b"a@b.example," * 200_000, "at most 2 MB"),
    ],
)
def test_what_is_no_list_is_refused_in_a_sentence(data, words):
    with pytest.raises(Unreadable, match=words):
        read_text(data)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_break_the_reader(data):
    try:
        lines = parse(read_text(data)).lines
    except Unreadable as refusal:
        assert str(refusal).endswith(".")
    else:
        assert len(judge(lines, KNOWN)) == len(lines)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_are_found_by_looking(separator):
    rows = ["e-mail,name,role,groups", "a@x.example,Ann Ash,admin,Sales", "b@x.example,,,"]
    found = parse("\n".join(rows).replace(",", separator)).lines
    assert [(one.email, one.name, one.role, one.groups) for one in found] == [
        ("a@x.example", "Ann Ash", "admin", "Sales"),
        ("b@x.example", "", "", ""),
    ]


def test_a_separator_inside_quotation_marks_is_none():
    (line,) = parse('"a@x.example";"Ash, Ann, and, so, on";member\n').lines
    assert (line.name, line.role) == ("Ash, Ann, and, so, on", "member")


def test_the_line_by_which_excel_says_the_separator_is_understood():
    found = parse("sep=;\ne-mail;name\na@x.example;Ann, Ash\n").lines
    assert [(one.number, one.email, one.name) for one in found] == [(3, "a@x.example", "Ann, Ash")]


def test_addresses_alone_are_a_list():
    assert emails("a@x.example\n\n  b@x.example  \n") == ["a@x.example", "b@x.example"]


def test_a_first_line_names_columns_in_any_order_and_case_and_others_are_told_of():
    found = parse("Department,GROUPS,Name,E-Mail,E-mail\nLegal,Sales,Ann,a@x.example,second\n")
    assert found.unused == ("Department", "E-mail")
    assert [(one.email, one.name, one.groups) for one in found.lines] == [("a@x.example", "Ann", "Sales")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,role\nAnn,member\n", "names no column for them"),
        ("e-mail,name\n", "Under the first line"),
        ('a@x.example,"Ann\nb@x.example,Ben\n', "Line 1 cannot be read"),
        ('a@x.example\nb@x.example,"Ben" Birch\n', "Line 2 cannot be read"),
    ],
)
def test_a_list_that_cannot_be_read_says_where_to_look(text, words):
    with pytest.raises(Unreadable, match=words):
        parse(text)


def test_ten_thousand_lines_are_read_and_one_more_is_too_many():
    lines = [f"a{n}@x.example" for n in range(invitation_lists.MOST_LINES)]
    assert len(emails("\n".join(lines))) == 10_000
    with pytest.raises(Unreadable, match="more than 10,000 lines"):
        parse("\n".join([*lines, "one.more@x.example"]))


def test_numbers_are_those_of_the_lines_in_the_file():
    found = parse('e-mail,name\n\na@x.example,"Ann\nAsh"\nb@x.example,Ben\n').lines
    assert [(one.number, one.email) for one in found] == [(3, "a@x.example"), (5, "b@x.example")]


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("new@x.example", Outcome.INVITED),
        ("new@x.example,Ann,Admin,sales", Outcome.INVITED),
        ("ALICE@northwind.example", Outcome.WORKS_HERE),
        ("Bob@NewFirm.example", Outcome.ALREADY_INVITED),
        ("not an address@", Outcome.WRONG_ADDRESS),
        ("@", Outcome.WRONG_ADDRESS),
        (f"{'x' * 250}@x.example", Outcome.WRONG_ADDRESS),
        ("new@x.example,Ann,emperor", Outcome.WRONG_ROLE),
        ("new@x.example,Ann,owner", Outcome.WRONG_ROLE),
        ("new@x.example,Ann,,Marketing", Outcome.WRONG_GROUP),
        (f"new@x.example,{'x' * 151}", Outcome.WRONG_LINE),
    ],
)
def test_each_line_is_judged_and_told_why(line, outcome):
    (judged,) = judge(parse(f"e-mail,name,role,groups\n{line}\n").lines, KNOWN)
    assert judged.outcome is outcome
    assert bool(judged.sentence) is (outcome is not Outcome.INVITED)


def test_the_second_of_two_lines_for_one_person_names_the_first():
    first, second, third = judge(parse("a@x.example\nb@x.example\nA@X.example\n").lines, KNOWN)
    assert (first.outcome, second.outcome, third.outcome) == (Outcome.INVITED, Outcome.INVITED, Outcome.TWICE)
    assert "Line 1" in third.sentence


def test_a_wrong_line_does_not_stand_in_the_way_of_the_right_one_for_the_same_person():
    assert outcomes("a@x.example,Ann,emperor\na@x.example,Ann,member\n") == [Outcome.WRONG_ROLE, Outcome.INVITED]


def test_an_owner_is_made_by_owners_only_and_the_sentence_says_so():
    (judged,) = judge(parse("a@x.example,Ann,Owner\n").lines, KNOWN)
    assert judged.sentence == "Only an owner can make somebody owner."


@pytest.mark.parametrize(
    ("cell", "keys"),
    [
        ("", ()),
        ("Sales", (1,)),
        ("support; SALES", (2, 1)),
        ("Sales|Support", (1, 2)),
        ('"Sales, Support"', (1, 2)),
        ("Sales; Berlin", (3,)),
        ("Sales;;Sales;", (1,)),
    ],
)
def test_groups_are_named_one_after_the_other_and_a_name_may_hold_what_parts_them(cell, keys):
    (judged,) = judge(parse(f"a@x.example,Ann,member,{cell}\n").lines, KNOWN)
    assert judged.groups == keys
