"""Links made of an organization's own template are ways into a meeting; others on the same host are not."""

import pytest

from meetings.hosts.link import make_room
from meetings.joining import DEFAULT_SERVICES, choose_join, explain_links, find_links

TEMPLATE = "https://jitsi.northwind.example/team/{room}"
ROOM = make_room("a key")
LINK = TEMPLATE.replace("{room}", ROOM)


def find(body: str, template: str = TEMPLATE) -> list[tuple[str, str]]:
    return [(one.service, one.url) for one in find_links(body=body, room_templates={template})]


def test_a_link_of_the_template_is_joined_without_anything_being_switched_on() -> None:
    links = find_links(body=f"<p>Join: <a href='{LINK}'>{LINK}</a></p>", room_templates={TEMPLATE})

    chosen = choose_join(links, DEFAULT_SERVICES)
    assert chosen is not None
    assert chosen.url == LINK
    assert find_links(body=LINK) == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://jitsi.northwind.example/",
        "https://jitsi.northwind.example/team/",
        f"https://jitsi.northwind.example/other/{ROOM}",
        f"https://jitsi.northwind.example.evil.example/team/{ROOM}",
        f"https://jitsi.northwind.example@evil.example/team/{ROOM}",
        f"https://jitsi.northwind.example:8443/team/{ROOM}",
        f"javascript://jitsi.northwind.example/team/{ROOM}",
    ],
)
def test_what_only_resembles_the_template_is_none(url: str) -> None:
    assert find(url) == []
    assert find(LINK) == [("portico", LINK)]


@pytest.mark.parametrize(
    "template",
    [
        "https://meet.northwind.example:8443/{room}",
        "https://northwind.example/meet?room={room}&lang=de",
        "https://northwind.example/(a+b)/{room}",
    ],
)
def test_ports_queries_and_odd_characters_are_taken_literally(template: str) -> None:
    link = template.replace("{room}", ROOM)

    assert find(link, template) == [("portico", link)]


def test_a_template_on_a_known_services_host_leaves_its_links_to_that_service() -> None:
    found = find("https://meet.jit.si/AnyOtherRoom", "https://meet.jit.si/{room}")

    assert found == [("jitsi", "https://meet.jit.si/AnyOtherRoom")]


@pytest.mark.parametrize("template", ["", "{room}", "https://{room}", "https://a b/{room}", "http://x:y/{room}"])
def test_a_template_that_is_none_finds_nothing_and_breaks_nothing(template: str) -> None:
    explained = explain_links(body=f"{LINK} https://zoom.us/j/83212345678", room_templates={template})

    assert [one.service for one in explained.links] == ["zoom"]
