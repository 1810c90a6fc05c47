"""Descriptions as text: readable, harmless, and in time however they are written."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.bodies import MOST_TEXT, to_text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", ""),
        ("Plain\ntext stays  as it is", "Plain\ntext stays  as it is"),
        ("Line\r\nends", "Line\nends"),
        ("R&amp;D &lt;team&gt;", "R&D <team>"),
        ("Fish & chips", "Fish & chips"),
        ("I <3 you, a < b > c", "I <3 you, a < b > c"),
        ("Bob <bob@example.com> and <https://example.com/x>", "Bob <bob@example.com> and <https://example.com/x>"),
        ("Dear <Name>,", "Dear <Name>,"),
        ("5 <! and the rest", "5 <! and the rest"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two<BR/>Three", "One\nTwo\nThree"),
        ("<p>source\nlines\nare spaces</p>", "source lines are spaces"),
        ("<b>bold</b>\nkeeps lines without breaks", "bold\nkeeps lines without breaks"),
        ("<ul><li>One</li><li>Two</ul>after", "• One\n• Two\n\nafter"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("a&nbsp;&nbsp;b<br>", "a\xa0\xa0b"),
        ("<o:p>Word</o:p>", "Word"),
        ('<a href="https://example.com/x">here</a>', "here (https://example.com/x)"),
        ('<a href="https://example.com/x">https://example.com/x</a>', "https://example.com/x"),
        ("<a class=\"b\" href='mailto:a@example.com'>mail us</a>", "mail us (a@example.com)"),
        ('<a href="javascript:alert(1)">click</a>', "click"),
        ('<a href="data:text/html,x">click</a>', "click"),
        ("<script>alert(1)</script>safe", "safe"),
        ("<SCRIPT src=x>alert(1)</SCRIPT >safe", "safe"),
        ("<style>p{}</style><title>t</title>seen", "seen"),
        ("before<script>never closed", "before"),
        ("<!-- hidden <b>x</b> -->seen<!-- open", "seen"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
        ("&#60;b&#x3e;", "<b>"),
        ("&bogus; &#" + "9" * 5000 + ";", "&bogus; &#" + "9" * 5000 + ";"),
    ],
)
def test_a_description_reads_as_its_writer_meant(body, text):
    assert to_text(body) == (text, False)


def test_a_long_description_is_shortened_and_says_so():
    text, was_shortened = to_text("<p>" + "word " * 50_000 + "</p>")
    assert was_shortened
    assert len(text) <= MOST_TEXT
    assert to_text("x" * MOST_TEXT) == ("x" * MOST_TEXT, False)


HOSTILE = [
    "<div>",
    "<b>",
    "<a href='x",
    "<a href=https://x.y/>z",
    "<a href=x>",
    "<a ",
    "<a:",
    '<a "',
    "<",
    "</",
    "<?",
    "<!",
]
HOSTILE += ["<!--", "</p>", "<p/", "<foo>", "<script>", "<svg>x", "</script", "<p>\n  ", "&#9", "&amp;", " \n"]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_megabyte_takes_time_in_proportion(unit):
    body = "<p>" + unit * (1_000_000 // len(unit))
    start = time.process_time()
    to_text(body)
    assert time.process_time() - start < 2.5, "some 0.2 s is usual; what is not linear takes minutes"


@given(st.text(alphabet=st.sampled_from("<>/abpscrit !-&#;x\"'=\n \u00e9"), max_size=200))
def test_no_description_breaks_it_or_grows_without_bound(body):
    text, _ = to_text(body)
    assert len(text) <= len(body) * 2 + 2
    assert text == text.strip()
