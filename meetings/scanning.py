"""Where the URLs stand in a text: each with its host and what follows it, and how damage at its end is trimmed off.

Pure. Linear because each expression has one way to match, and none starts inside what another one took.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from meetings.join_services import BARE_PATHS
from meetings.unwrapping import unfold

LONGEST_BARE_HOST = 100
MOST_TRIMMED = 20
"""Brackets in a URL, and invisible characters at its end, that are still taken for an accident."""

# A URL's host, then the rest of it: ASCII that may stand in a URL. A calendar file may have folded either; the rest
# goes on behind a short fold only where what follows looks like parameters.
_FOLD = r"\r?\n[ \t]"
_CHARACTERS = r"!#-&(-;=?-\[\]_a-z~"
_TAIL = rf"[{_CHARACTERS}]*(?:{_FOLD}(?=[A-Za-z0-9._~%&?/+-]*=[A-Za-z0-9%])(?!\S*://)[{_CHARACTERS}]*)*"
_URL = re.compile(rf"://([A-Za-z0-9.-]{{4,}}({_FOLD}[A-Za-z0-9.-]+)?)({_TAIL})")
_ANY_URL = re.compile(rf"://([A-Za-z0-9.-]+({_FOLD}[A-Za-z0-9.-]+)?)({_TAIL})")
_REST = re.compile(_TAIL)
_GLUED_URL = re.compile(r"(?<=[A-Za-z0-9,;)\]])(https?)://([A-Za-z0-9.-]{4,})")
_BARE = re.compile(rf"\.[A-Za-z]{{2,24}}/(?=(?:{BARE_PATHS}))")
_SCHEME = re.compile(r"(?i)(?:https?|zoommtg|zoomus)(?=://)")
_SCHEMES = ("https", "http", "zoommtg", "zoomus")
_HOST_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
_NEVER_BEFORE_BARE_HOST = frozenset("@/\\%$#&_")
_BRACKET = re.compile(r"[()\[\]]")
_CLOSING = {"(": ")", "[": "]"}
_PUNCTUATION = ".,;:!?*"
_INVISIBLE_AT_END = ("%E2%80%8B", "%e2%80%8b", "%EF%BB%BF", "%ef%bb%bf", "%C2%A0", "%c2%a0", "%20")


class Url(NamedTuple):
    """A URL as it stands in the text: where it does, and all that follows its host as `tail`.

    `scheme`: https, http, zoommtg or zoomus; "" for any other.
    """

    position: int
    scheme: str
    host: str
    tail: str


def find_urls(text: str, endings: Collection[str], *, every: bool, most_bare: int) -> Iterator[Url]:
    """The URLs in `text` whose host ends like one of `endings` (seven characters); with `every` all of them.

    First those with their `https://`, then those without, of which no more than `most_bare` are looked at.
    """
    bare = list(islice(_BARE.finditer(text), most_bare))
    spans: list[tuple[int, int]] = []
    written: set[str] = set()
    for found in (_ANY_URL if every else _URL).finditer(text):
        host, host_fold, tail = found.groups()
        if bare:
            spans.append(found.span())
        if not (host[-7:].lower() in endings or host_fold or "://" in tail or every):
            continue
        # Mail programs write each URL twice; the end of its scheme tells it from a deep link.
        same = text[max(0, found.start() - 3) : found.end()]
        if same in written:
            continue
        written.add(same)
        if host_fold or "://" in tail or "\n" in tail:
            yield from _keep_known(_read_urls(text, found, endings), endings, every=every)
        else:
            yield _read_url(text, found)
    if bare:
        yield from _keep_known(_read_bare_urls(text, bare, spans), endings, every=every)


def find_url_at_start(text: str, endings: Collection[str]) -> Url | None:
    """The URL `text` begins with, if it does."""
    scheme = _SCHEME.match(text)
    found = _URL.match(text, scheme.end()) if scheme else None
    return next(_read_urls(text, found, endings)) if found else None


def _keep_known(urls: Iterable[Url], endings: Collection[str], *, every: bool) -> Iterator[Url]:
    return (url for url in urls if every or url.host[-7:] in endings)


def _read_url(text: str, found: re.Match[str]) -> Url:
    start = found.start()
    before = text[max(0, start - 7) : start]
    if before.endswith("https"):
        scheme = "https"
    else:
        before = before.lower()
        scheme = next((scheme for scheme in _SCHEMES if before.endswith(scheme)), "")
    # A host that goes on beyond ASCII is another host than the part we read: keep that character in sight.
    tail = found[3] or ("\ufffd" if text[found.end() : found.end() + 1] > "\x7f" else "")
    return Url(start, scheme, found[1].lower(), tail)


def _read_urls(text: str, found: re.Match[str], endings: Collection[str]) -> Iterator[Url]:
    """The URL that was found, unfolded, and the further ones glued to its end."""
    position, scheme, host, tail = _read_url(text, found)
    tail = unfold(tail)
    if "\n" in host:
        whole = unfold(host)
        host, tail = (whole, tail) if whole[-7:] in endings else (host.partition("\n")[0].rstrip("\r"), "")
    begins = 0
    for glued in _GLUED_URL.finditer(tail):
        yield Url(position, scheme, host, tail[begins : glued.start()])
        position, scheme, host, begins = found.start() + glued.start(), glued[1], glued[2].lower(), glued.end()
    yield Url(position, scheme, host, tail[begins:])


def _read_bare_urls(text: str, bare: Iterable[re.Match[str]], spans: list[tuple[int, int]]) -> Iterator[Url]:
    """Links whose sender left out `https://`, as in "Zoom: us02web.zoom.us/j/123"; never a piece of another URL."""
    around = iter(spans)
    nowhere = (len(text) + 1, len(text) + 1)
    taken = 0
    begins, ends = next(around, nowhere)
    for hit in bare:
        while ends <= hit.start():
            begins, ends = next(around, nowhere)
        if begins <= hit.start() or hit.start() < taken:
            continue
        before = text[max(0, hit.start() - LONGEST_BARE_HOST) : hit.start()]
        head = before.rstrip(_HOST_CHARACTERS)
        if (not head and len(before) == LONGEST_BARE_HOST) or not _may_precede_bare_host(head):
            continue
        host = (before[len(head) :] + hit[0][:-1]).lower()
        rest = _REST.match(text, hit.end() - 1)
        assert rest is not None, "it matches the empty text, too"
        taken = rest.end()
        scheme = next((scheme for scheme in ("zoommtg", "zoomus") if head.lower().endswith(scheme + ":")), "https")
        yield Url(hit.start(), scheme, host, unfold(rest[0]))


def _may_precede_bare_host(head: str) -> bool:
    """Whether a host may begin behind `head`: not inside a mail address, a path, or a host with foreign letters.

    Chinese, Japanese and Korean text has no blanks between words, so their letters may; letters that have an upper
    case (Cyrillic, Greek) look like ours and may not.
    """
    last = head[-1:]
    if last in _NEVER_BEFORE_BARE_HOST or last.lower() != last.upper():
        return False
    word = head.split()[-1] if head and not last.isspace() else ""
    return "://" not in word or "/" in word.rpartition("://")[2]


def trim(tail: str) -> str:
    """`tail` without the sentence's punctuation, unbalanced brackets and invisible characters at its end."""
    tail = trim_end(tail)
    if _BRACKET.search(tail):
        tail = trim_end(_cut_unbalanced(tail))
    return tail


def trim_end(tail: str) -> str:
    """`tail` without punctuation and invisible characters at its end; "" where it ends in a heap of the latter."""
    tail = tail.rstrip(_PUNCTUATION)
    end = len(tail)
    rounds = 0
    while tail.endswith(_INVISIBLE_AT_END, 0, end):
        rounds += 1
        if rounds > MOST_TRIMMED:
            return ""
        end -= next(len(one) for one in _INVISIBLE_AT_END if tail.endswith(one, 0, end))
        while end and tail[end - 1] in _PUNCTUATION:
            end -= 1
    return tail[:end]


def _cut_unbalanced(tail: str) -> str:
    """Up to the first bracket that nothing opened, else up to the first that nothing closes."""
    opened: list[tuple[str, int]] = []
    for count, bracket in enumerate(_BRACKET.finditer(tail)):
        if count > MOST_TRIMMED:
            return tail[: opened[0][1]] if opened else tail[: bracket.start()]
        if bracket[0] in _CLOSING:
            opened.append((_CLOSING[bracket[0]], bracket.start()))
        elif opened and opened[-1][0] == bracket[0]:
            opened.pop()
        else:
            return tail[: bracket.start()]
    return tail[: opened[0][1]] if opened else tail
