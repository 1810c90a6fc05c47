"""An event's description as plain text: what it says is kept, what it would do is not.

A description is written by whoever sends an invitation, so the work is linear in its length, whatever it holds. (An
HTML parser's is not: 200,000 nested <div> keep lexbor busy for minutes.) The result is text, to be escaped like any.
"""

import html
import re
from typing import Final

MOST_TEXT: Final = 100_000
"""Characters kept. Join links are looked for in the whole of it before."""

_UNSEEN = "script|style|title|template|iframe|noembed|noframes|svg|math"
# A tag ends at the next ">", and one that meets another "<" first is none; what is not closed goes on to the end. So
# no character is tried twice. "<bob@host>" and "<https://host>" are no tags, "<o:p>" is one.
_MARKUP = re.compile(
    rf"""<(?:
        !--.*?(?:-->|\Z)
      | [!?][^<>]*+>
      | (?P<unseen>{_UNSEEN})(?=[\s/>])[^<>]*+>.*?(?:</(?P=unseen)(?=[\s/>])[^>]*+>?|\Z)
      | a\s(?P<attributes>[^<>]*+)>(?P<label>[^<]*+)</a\s*+>
      | (?P<name>/?[a-z][a-z0-9]*+(?::[a-z]\w*+)?+)(?:[\s/][^<>]*+)?+>
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_NAME = _MARKUP.groupindex["name"]
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_HREF = re.compile(r"""\bhref\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"']++))""", re.IGNORECASE)
_SOURCE_LINES_MEAN_NOTHING = re.compile(r"<(?:br|p|div|li|tr)[\s/>]", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]{2,}")
_SPACED_LINE_END = re.compile(r" \n ?|\n ")
_EMPTY_LINES = re.compile(r"\n{3,}")

_PARAGRAPHS = ["p", "blockquote", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr", "dl"]
_LINES = ["br", "div", "tr", "section", "article", "header", "footer", "main", "aside", "address", "dt", "dd", "center"]
_OTHERS = """
    a abbr acronym b base basefont bdi bdo big body button caption cite code col colgroup data del dfn em fieldset
    figcaption figure font form head html i img input ins kbd label legend link mark meta nav nobr noscript object
    picture q s samp select small source span strike strong sub sup tbody textarea tfoot thead time tt u var video wbr
"""
_BECOMES = {
    **dict.fromkeys(_OTHERS.split(), ""),
    **dict.fromkeys(_UNSEEN.split("|"), ""),
    **dict.fromkeys(_PARAGRAPHS, "\n\n"),
    **dict.fromkeys(_LINES, "\n"),
    **dict.fromkeys(["td", "th"], " "),
}
_BECOMES |= {f"/{name}": text for name, text in _BECOMES.items()} | {"li": "\n• ", "/li": ""}
"""Every tag there is, and what stands for it. "<Name>" is not among them: it is what somebody typed."""


def to_text(body: str) -> tuple[str, bool]:
    """(text, whether it was shortened) of a description that may be HTML or plain."""
    text = body
    if "<" in text:
        if _SOURCE_LINES_MEAN_NOTHING.search(text):
            text = text.replace("\r", " ").replace("\n", " ")
        text = _MARKUP.sub(_replace, text)
        if text != body:
            text = _SPACES.sub(" ", text.replace("\xa0", " "))
            text = _EMPTY_LINES.sub("\n\n", _SPACED_LINE_END.sub("\n", text))
    if "&" in text:
        # Not html.unescape on the whole: it raises on a numeric reference of thousands of digits.
        text = _ENTITY.sub(_unescape, text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.strip()
    if len(text) > MOST_TEXT:
        return text[:MOST_TEXT].rstrip(), True
    return text, False


def _replace(found: re.Match[str]) -> str:
    name = found[_NAME]
    if name is not None:
        becomes = _BECOMES.get(name)
        if becomes is None:
            becomes = _BECOMES.get(name.lower(), "" if ":" in name else found[0])
        return becomes
    label = found["label"]
    return "" if label is None else f"{label}{_show_address(found['attributes'], label)}"


def _unescape(found: re.Match[str]) -> str:
    return html.unescape(found[0])


def _show_address(attributes: str, label: str) -> str:
    """ " (address)" of a link that leads somewhere a person can be sent to, unless its label says it."""
    found = _HREF.search(attributes)
    address = (found[1] or found[2] or found[3] or "").strip() if found else ""
    scheme, _, rest = address.partition(":")
    scheme = scheme.lower()
    if scheme not in ("https", "http", "mailto", "tel") or rest.strip("/") in label:
        return ""
    return f" ({address if scheme.startswith('http') else rest})"
