"""Words of an event in a page: links made, everything else escaped."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.templatetags.meeting_text import linkify, meeting_number


def link(url: str) -> str:
    return f'<a href="{url}" target="_blank" rel="noopener noreferrer nofollow">{url}</a>'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain & <b>", "plain &amp; &lt;b&gt;"),
        ("see https://a.example/b.", f"see {link('https://a.example/b')}."),
        ("(https://a.example/b)", f"({link('https://a.example/b')})"),
        ("https://a.example/wiki/Foo_(bar)", link("https://a.example/wiki/Foo_(bar)")),
        ("<https://a.example/b>", f"&lt;{link('https://a.example/b')}&gt;"),
        ("https://a.example/?a=1&b=2", link("https://a.example/?a=1&amp;b=2")),
        ('https://a.example/"onmouseover=x', f"{link('https://a.example/')}&quot;onmouseover=x"),
        ("javascript:alert(1) data:text/html,x", "javascript:alert(1) data:text/html,x"),
        ("https://a.example/%3Cscript%3E", link("https://a.example/%3Cscript%3E")),
        ("https://", "https://"),
    ],
)
def test_addresses_become_links_and_the_rest_is_escaped(text, html):
    assert linkify(text) == html


@given(st.text(alphabet=st.sampled_from("<>\"'&/:.htps()[]é \n"), max_size=80))
def test_nothing_gets_through_unescaped(text):
    html = linkify(text.replace("htt", "https://x.example/"))
    assert html.count("<") == html.count('<a href="http') + html.count("</a>")


@pytest.mark.parametrize("unit", ["https://a.example/", "https://" + "." * 1900 + " ", "https://", ")", "https://a("])
def test_a_long_text_takes_little_time(unit):
    start = time.process_time()
    linkify(unit * (100_000 // len(unit)))
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("83212345678", "832 1234 5678"),
        ("1234567890", "123 456 7890"),
        ("123456789", "123 456 789"),
        ("12", "12"),
        (None, ""),
    ],
)
def test_a_meeting_number_is_written_as_zoom_writes_it(number, shown):
    assert meeting_number(number) == shown
