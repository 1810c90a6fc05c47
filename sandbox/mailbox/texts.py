"""Bodies: HTML as Outlook stores it, and the plain text it becomes."""

from __future__ import annotations

import html
import re

BREAKS = re.compile(r"<br\s*/?>|</(?:p|div|tr|li|h[1-6])\s*>", re.IGNORECASE)
HIDDEN = re.compile(r"<(style|script|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"<[^>]*>")
HEAD = '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>'
PREVIEW = 255


def to_html(text: str) -> str:
    """Plain text as a page."""
    return f"{HEAD}<div>{html.escape(text, quote=False).replace(chr(10), '<br>' + chr(10))}</div></body></html>"


def to_text(content: str) -> str:
    """A page as plain text: line breaks kept, tags dropped, links lost where only the href has them."""
    text = HIDDEN.sub("", content).replace("\r", "").replace("\n", " ")
    text = TAG.sub("", BREAKS.sub("\n", text))
    lines = [line.strip() for line in html.unescape(text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def preview(content: str) -> str:
    """The first 255 characters of a page's text."""
    return to_text(content).replace("\n", "\r\n")[:PREVIEW]
