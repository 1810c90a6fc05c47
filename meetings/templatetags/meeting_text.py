"""Words of an event in a page."""

import re

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from integrations.remote import Response
from meetings.showing import RESPONSES

register = template.Library()

MOST_SHOWN_OF_URL = 90
_URL = re.compile(r"https?://[^\s<>\"'`{}|\\^\u00a0\u200b]{3,2000}", re.IGNORECASE)
_TRAILING = ".,;:!?…)]*_~"


@register.filter
def linkify(text: str) -> SafeString:
    """Text with its web addresses made links, everything else escaped; linear in its length."""
    pieces: list[str] = []
    at = 0
    for found in _URL.finditer(text):
        url = _trim(found[0])
        pieces += escape(text[at : found.start()]), _link(url)
        at = found.start() + len(url)
    pieces.append(escape(text[at:]))
    return mark_safe("".join(pieces))  # noqa: S308 - every piece is escaped above


def _trim(url: str) -> str:
    """Without the punctuation of the sentence around it: a bracket stays that opens inside."""
    for _ in range(len(url)):
        last = url[-1]
        if last not in _TRAILING or (last == ")" and "(" in url) or (last == "]" and "[" in url):
            break
        url = url[:-1]
    return url


def _link(url: str) -> str:
    shown = url if len(url) <= MOST_SHOWN_OF_URL else url[: MOST_SHOWN_OF_URL - 1] + "…"
    return format_html('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>', url, shown)


@register.filter
def meeting_number(number: str | None) -> str:
    """A meeting number as Zoom writes it: "832 1234 5678"."""
    if not number or not 9 <= len(number) <= 11:
        return number or ""
    middle = 6 if len(number) == 9 else len(number) - 4
    return f"{number[:3]} {number[3:middle]} {number[middle:]}"


@register.filter
def response_name(response: str) -> str:
    return "No answer" if response in (Response.NEEDS_ACTION, Response.NONE) else RESPONSES[Response(response)]


@register.filter
def response_badge(response: str) -> str:
    """The variant of the component `badge`."""
    return {Response.ACCEPTED: "badge--good", Response.TENTATIVE: "badge--warn", Response.DECLINED: "badge--bad"}.get(
        Response(response), ""
    )
