"""The small words that templates use."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.core.paginator import Paginator
from django.template import Context, Template
from django.utils import timezone

from portal.templatetags import portico


def render(text: str, **words) -> str:
    return Template("{% load portico %}" + text).render(Context(words))


def known_icons() -> set[str]:
    sprite = ElementTree.parse(settings.BASE_DIR / "static" / portico.ICONS)
    return {one.get("id", "") for one in sprite.iter("{http://www.w3.org/2000/svg}symbol")}


def templates() -> list[Path]:
    return sorted((settings.BASE_DIR / "templates").rglob("*.html"))


def test_every_icon_that_a_template_names_is_in_the_sprite():
    named = {name for one in templates() for name in re.findall(r'{% icon "([^"]+)"', one.read_text())}
    assert named - known_icons() == set()
    assert len(named) > 20


def test_no_template_of_a_page_has_inline_style_or_script():
    for one in templates():
        if "/mail/" in str(one):
            continue
        text = one.read_text()
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"", text), one
        for script in re.findall(r"<script([^>]*)>", text):
            assert "src=" in script or "application/json" in script, one


def test_every_component_of_css_is_imported_once():
    folder = settings.BASE_DIR / "static" / "css"
    imported = re.findall(r'@import url\("(components/[^"]+)"\)', (folder / "portico.css").read_text())
    assert sorted(imported) == sorted(f"components/{one.name}" for one in (folder / "components").glob("*.css"))


def test_colors_are_said_in_tokens_only():
    for one in (settings.BASE_DIR / "static" / "css" / "components").glob("*.css"):
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(", one.read_text()), one


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (-0.5, "just now"),
        (-1, "1 s ago"),
        (-59, "59 s ago"),
        (-60, "1 min ago"),
        (-3599, "59 min ago"),
        (-7200, "2 h ago"),
        (-86400, "1 day ago"),
        (-200000, "2 days ago"),
        (300, "in 5 min"),
    ],
)
def test_relative_times_are_short(seconds, words):
    assert portico.say_relative(seconds) == words


def test_the_script_says_relative_times_in_the_same_words():
    script = (settings.BASE_DIR / "static" / "js" / "portico.js").read_text()
    assert '[["day", 86400], ["h", 3600], ["min", 60], ["s", 1]]' in script
    assert '"just now"' in script


def test_a_relative_time_carries_the_absolute_one_with_its_zone():
    import zoneinfo

    moment = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    with timezone.override(zoneinfo.ZoneInfo("Europe/Berlin")):
        html = render("{% ago moment %}", moment=moment)
    assert 'datetime="2026-11-22T13:00:00+01:00"' in html
    assert "(Europe/Berlin)" in html
    assert "1 p.m." in html


def test_no_time_is_never():
    assert render("{% ago moment %}", moment=None) == "never"
    assert render('{% ago moment never="not yet" %}', moment=None) == "not yet"


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Alice Meyer", "AM"),
        ("alice", "a"),
        ("a.b@c.example", "ab"),
        ("Tomás de la Cruz", "TC"),
        ("", "?"),
        ("***", "?"),
    ],
)
def test_initials(name, initials):
    assert f">{initials}</span>" in portico.avatar(name)


def test_a_name_with_markup_is_shown_as_text():
    assert "<script>" not in portico.avatar("<script>alert(1)</script> <b>")
    assert "<script>" not in portico.icon("x", '"><script>')


def test_a_link_keeps_the_pages_filters(rf):
    request = rf.get("/contacts/?q=a+b&page=3&folder=7")
    assert render("{% query page=4 %}", request=request) == "?q=a+b&amp;page=4&amp;folder=7"
    assert render('{% query page="" folder=None %}', request=request) == "?q=a+b"


def test_many_pages_are_left_out_in_the_middle():
    numbers = portico.page_numbers(Paginator(range(1000), 10), 50)
    assert numbers == [1, "…", 49, 50, 51, "…", 100]


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile Safari/604.1",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.0", "A browser"),
        ("", "A browser"),
    ],
)
def test_people_know_their_own_devices_again(user_agent, name):
    assert portico.browser_name(user_agent) == name


def test_relative_time_of_tomorrow_is_ahead():
    assert "in 23 h" in render("{% ago moment %}", moment=timezone.now() + timedelta(hours=24))
