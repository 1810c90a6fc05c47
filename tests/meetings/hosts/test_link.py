"""Link templates: which are taken, and what becomes of them."""

import pytest

from integrations.errors import NotOffered
from meetings.hosting import HostSetup
from meetings.hosts.link import Link, check_template, make_room
from tests.contracts.host_stages import KEY, OTHER_KEY, PERSON, make_draft

GOOD = [
    "https://meet.example.org/{room}",
    "https://meet.example.org:8443/team/{room}?lang=de#config.prejoin=true",
    "https://example.org/?room={room}",
]
BAD = [
    "",
    "http://meet.example.org/{room}",
    "javascript:alert('{room}')",
    "https://meet.example.org/",
    "https://meet.example.org/{room}/{room}",
    "https://meet.example.org/{name}/{room}",
    "https://{room}.example.org/",
    "https://user:secret@meet.example.org/{room}",
    "https://meet.example.org\\@evil.example/{room}",
    "https:///{room}",
    "https://example.org?room={room}",
    "https://localhost/{room}",
    "https://10.0.0.1/{room}",
    "https://[::1/{room}",
    "https://meet.example.org:99999/{room}",
    "https://meet.example.org/a b/{room}",
    'https://meet.example.org/"><script>{room}',
    "https://meet.example.org/\u202e{room}",
    "https://meet.example.org/" + "a" * 500 + "{room}",
]


@pytest.mark.parametrize("template", GOOD)
def test_a_good_template_makes_a_link_for_each_key(template: str) -> None:
    check_template(template)
    with Link(HostSetup("northwind", {}, template), {}, session_factory=object).open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)
        other = host.create(make_draft(), user=PERSON, key=OTHER_KEY)

    assert made.join_url == template.replace("{room}", made.id)
    assert other.join_url != made.join_url


@pytest.mark.parametrize("template", BAD)
def test_a_bad_template_is_refused_with_a_sentence(template: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ .*\.$"):
        check_template(template)
    with (
        Link(HostSetup("northwind", {}, template), {}, session_factory=object).open() as host,
        pytest.raises(NotOffered),
    ):
        host.create(make_draft(), user=PERSON, key=KEY)


def test_a_room_is_the_same_however_its_key_is_written_and_long_enough_to_be_no_guess() -> None:
    written = f"{KEY[:8]}-{KEY[8:12]}-{KEY[12:16]}-{KEY[16:20]}-{KEY[20:]}".upper()

    assert make_room(written) == make_room(KEY)
    assert len(make_room(KEY).replace("-", "")) * 5 >= 120  # bits


def test_a_changed_topic_keeps_the_room() -> None:
    with Link(HostSetup("northwind", {}, GOOD[0]), {}, session_factory=object).open() as host:
        made = host.create(make_draft(), user=PERSON, key=KEY)
        changed = host.update(made.id, make_draft(topic="Other words"))

    assert changed.join_url == made.join_url
