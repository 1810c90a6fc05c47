"""The small words that templates use: icons, avatars, times, links that keep a page's filters."""

from datetime import datetime
from typing import Any

from django import template
from django.core.paginator import Paginator
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

ICONS = "vendor/lucide-1.62.0/icons.svg"


@register.simple_tag
def icon(name: str, label: str = "", *, spins: bool = False) -> SafeString:
    """A picture from the sprite. Give a label only where no words stand beside it."""
    return format_html(
        '<svg class="icon{}" {} focusable="false"><use href="{}#{}"></use></svg>',
        " icon--spins" if spins else "",
        format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"'),
        static(ICONS),
        name,
    )


@register.simple_tag
def avatar(name: str, *, large: bool = False) -> SafeString:
    """A person's initials; decoration, since the name stands beside it."""
    words = [word for word in str(name or "").split("@")[0].replace(".", " ").split() if word[0].isalnum()]
    initials = "".join(word[0] for word in ([words[0], words[-1]] if len(words) > 1 else words[:1])) or "?"
    color = sum(map(ord, str(name or ""))) % 6
    return format_html(
        '<span class="avatar avatar--{}{}" aria-hidden="true">{}</span>',
        color,
        " avatar--large" if large else "",
        initials,
    )


@register.filter
def breakable(address: str) -> SafeString:
    """An address for a narrow column: it goes on in a second line after its "@", rather than anywhere."""
    name, at, domain = address.partition("@")
    return format_html("{}{}<wbr>{}", name, at, domain)


@register.simple_tag
def ago(moment: datetime | None, *, never: str = "never") -> SafeString | str:
    """How long ago (or until), with the absolute time and zone on hover; portico.js keeps it fresh."""
    if moment is None:
        return never
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        local.isoformat(timespec="seconds"),
        f"{date_format(local, 'DATETIME_FORMAT')} ({zone_name(local)})",
        say_relative((moment - timezone.now()).total_seconds()),
    )


def say_relative(seconds: float) -> str:
    """ "12 s ago", "in 5 min", "3 days ago". The same words as in static/js/portico.js."""
    size = abs(seconds)
    for unit, length in (("day", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if size >= length:
            count = int(size // length)
            words = f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
            return f"in {words}" if seconds > 0 else f"{words} ago"
    return "just now"


def zone_name(moment: datetime) -> str:
    """ "Europe/Berlin" where known, else the abbreviation."""
    return getattr(moment.tzinfo, "key", None) or moment.tzname() or "UTC"


@register.simple_tag
def here_zone() -> str:
    """The name of the zone in which this page shows its times."""
    return timezone.get_current_timezone_name().replace("_", " ")


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """This page's query string with some values changed; None or "" leaves one out. Always starts with "?"."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None or value == "":
            parameters.pop(name, None)
        else:
            parameters[name] = str(value)
    return "?" + parameters.urlencode()


@register.filter
def page_numbers(paginator: Paginator, number: int) -> list[int | str]:
    """The page numbers worth a link, with "…" for those left out."""
    return list(paginator.get_elided_page_range(number, on_each_side=1, on_ends=1))


@register.filter
def browser_name(user_agent: str) -> str:
    """ "Firefox on Windows": enough for people to know their own devices again."""
    browsers = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "FxiOS": "Firefox", "Chrome": "Chrome",
                "CriOS": "Chrome", "Safari": "Safari"}  # fmt: skip
    systems = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS": "Mac",
               "CrOS": "ChromeOS", "Linux": "Linux"}  # fmt: skip
    # The order matters: Edge also calls itself Chrome, and Chrome Safari.
    browser = next((name for mark, name in browsers.items() if mark in user_agent), "A browser")
    system = next((name for mark, name in systems.items() if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser
