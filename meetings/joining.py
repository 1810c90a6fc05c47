"""Finding the join link of a meeting: URLs are read, and their host is compared with the hosts we know.

Pure, and linear in the text. Read `find_links` first; the services are a table in `join_services`, the damage that
mail programs do is undone in `unwrapping`, and docs/join-links.md says why each rule is there.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from meetings.join_services import (
    HOST_ENDINGS,
    PORTAL_PLACE,
    SERVICES,
    ZOOM_PLACE,
    Place,
    Service,
    find_place,
    is_host,
)
from meetings.scanning import Url, find_url_at_start, find_urls, trim, trim_end
from meetings.unwrapping import ENTITY, WRAPPER_ENDINGS, find_unwrap, mend

__all__ = [
    "DEFAULT_SERVICES",
    "SERVICES",
    "Explanation",
    "JoinLink",
    "RefusedUrl",
    "Service",
    "choose_join",
    "explain_links",
    "find_links",
    "without_personal_parts",
]

Source = Literal["conference", "url", "location", "body"]

DEFAULT_SERVICES = frozenset({"zoom", "portico"})
"""What is switched on where an organization chose nothing: Zoom's links and this portal's own."""

PERSONAL_PARAMETERS = frozenset({"tk", "zak"})
"""On Zoom's links: a registrant's own token, and a host's key to start the meeting in their name."""

MOST_LINKS = 100
"""Links kept from one source; a real event has a handful."""
LONGEST_URL = 8192
"""Characters. Longer is no link of anyone's; a SafeLink around a SafeLink has some 2,000."""
DEEPEST_WRAPPING = 4
MOST_URLS = 5_000
"""Different URLs on our known hosts read in one source; a real event has a handful."""
MOST_UNWRAPPED = 300_000
"""Characters of wrapped URLs opened in one source; bounds the work a hostile text can ask for."""


@dataclass(frozen=True, slots=True)
class JoinLink:
    """One way into a meeting. `url` is ready to be followed; only its recipient may see it where `personal`.

    `service`: a key of `SERVICES`. `has_passcode`: the URL carries it, nobody need type it. `meeting_number`: the
    digits of a Zoom meeting. `personal`: the URL holds a token of one person's own, see `without_personal_parts`.
    `kind`: "register" leads to a form first, it is never Join.
    """

    service: str
    url: str
    source: Source
    has_passcode: bool = False
    meeting_number: str | None = None
    personal: bool = False
    kind: Literal["join", "register"] = "join"


@dataclass(frozen=True, slots=True)
class RefusedUrl:
    """A URL that is no join link, and why, in a sentence for support. Shown without its secret parts."""

    url: str
    source: Source
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `find_links` answers, and every other URL it saw."""

    links: tuple[JoinLink, ...]
    refused: tuple[RefusedUrl, ...]


def find_links(
    *,
    conference: Iterable[str] = (),
    url: str = "",
    location: str = "",
    body: str = "",
    own_hosts: Collection[str] = (),
    vanity_hosts: Collection[str] = (),
    room_templates: Collection[str] = (),
) -> tuple[JoinLink, ...]:
    """Every join link of every known service, the best first; each URL once. Never raises; linear in the text.

    Sources in this order: `conference` (the provider's structured field), `url` (the event's), `location`, `body`
    (text or HTML, whole). Within one source a link with its passcode comes first, else the order of the text holds.
    `own_hosts`: hosts of this portal, "host:port" for a development server. `vanity_hosts`: an organization's own
    host names for Zoom. `room_templates`: addresses with {room} in them, of which this portal makes links; on hosts of
    no service that we know, they count as this portal's own.
    """
    texts = _name_sources(conference, url, location, body)
    return _find(
        texts, _list_own_places(frozenset(own_hosts), frozenset(vanity_hosts), frozenset(room_templates)), None
    )


def explain_links(
    *,
    conference: Iterable[str] = (),
    url: str = "",
    location: str = "",
    body: str = "",
    own_hosts: Collection[str] = (),
    vanity_hosts: Collection[str] = (),
    room_templates: Collection[str] = (),
) -> Explanation:
    """As `find_links`, with every URL that was refused, for support: why has this meeting no Join?"""
    refused: list[RefusedUrl] = []
    texts = _name_sources(conference, url, location, body)
    links = _find(
        texts, _list_own_places(frozenset(own_hosts), frozenset(vanity_hosts), frozenset(room_templates)), refused
    )
    return Explanation(links=links, refused=tuple(dict.fromkeys(refused)))


def choose_join(links: Iterable[JoinLink], services: Collection[str]) -> JoinLink | None:
    """The link behind the Join button: the first into a meeting whose service is switched on."""
    return next((link for link in links if link.kind == "join" and link.service in services), None)


def without_personal_parts(link: JoinLink) -> JoinLink:
    """The link as another person, an export or a log may have it."""
    if not link.personal:
        return link
    head, hash_sign, fragment = link.url.partition("#")
    base, _, query = head.partition("?")
    kept = [pair for pair in query.split("&") if pair.partition("=")[0].lower() not in PERSONAL_PARAMETERS]
    url = base + ("?" + "&".join(kept) if any(kept) else "") + hash_sign + fragment
    return replace(link, url=url, personal=False)


_PORT = re.compile(r":([0-9]{1,5})(?=[/?#]|\Z)")
_PERSONAL = re.compile(r"[?&](?:[tT][kK]|[zZ][aA][kK])=[^&#]")
# Wherever it stands, also where it is only the end of a name: too much is hidden rather than too little.
_SECRET_PARTS = re.compile(r"(?i)((?:tk|zak)=)[^&#\s]*|(?<=://)[^/?#\s@]*(?=@)")
_NUMBER = re.compile(r"[0-9]+")
_BEFORE_BRACKET = re.compile(r"[^(\[?#]*(?:\Z|(?=[(\[])|[?#].*)")
_ENDINGS = HOST_ENDINGS | WRAPPER_ENDINGS
_PORT_OF_SCHEME = {"https": 443, "http": 80}


class _OwnPlaces(NamedTuple):
    """Hosts only the caller knows: host → its place and, on a development server, its port."""

    places: dict[str, tuple[Place, int | None]]
    endings: frozenset[str]
    """The last seven characters of every host that may matter."""


@dataclass(slots=True)
class _Search:
    """What one source has given so far."""

    source: Source
    own: _OwnPlaces
    refused: list[RefusedUrl] | None
    found: dict[str, tuple[int, JoinLink]] = field(default_factory=dict)
    read: int = 0
    unwrapped: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.found) >= MOST_LINKS or self.read >= MOST_URLS

    def refuse(self, url: Url, reason: str) -> None:
        if self.refused is not None:
            shown = _SECRET_PARTS.sub(lambda secret: (secret[1] or "") + "…", f"{url.scheme}://{url.host}{url.tail}")
            self.refused.append(RefusedUrl(url=shown, source=self.source, reason=reason))


def _name_sources(conference: Iterable[str], url: str, location: str, body: str) -> tuple[tuple[Source, str], ...]:
    first = conference if isinstance(conference, str) else "\n".join(conference)
    return ("conference", first), ("url", url), ("location", location), ("body", body)


@lru_cache(maxsize=64)
def _list_own_places(
    own_hosts: frozenset[str], vanity_hosts: frozenset[str], room_templates: frozenset[str]
) -> _OwnPlaces:
    places = dict(filter(None, map(_read_template, room_templates)))
    for hosts, place in ((vanity_hosts, ZOOM_PLACE), (own_hosts, PORTAL_PLACE)):
        for written in hosts:
            host, _, port = written.strip().lower().partition(":")
            if is_host(host) and (not port or _NUMBER.fullmatch(port)):
                places[host] = (place, int(port) if port else None)
    return _OwnPlaces(places, _ENDINGS | {host[-7:] for host in places})


def _read_template(template: str) -> tuple[str, tuple[Place, int | None]] | None:
    """Host, place and port of a template's links; None where its host is of a service in the table, or is none."""
    before, _, _ = template.partition("{room}")
    authority, slash, path = before.removeprefix("https://").partition("/")
    host, _, port = authority.lower().partition(":")
    if not slash or not is_host(host) or find_place(host) is not None or (port and not _NUMBER.fullmatch(port)):
        return None
    join = re.compile(re.escape(f"/{path}") + r"[A-Za-z0-9-]{8,64}(?=[/?#&]|\Z)")
    return host, (replace(PORTAL_PLACE, join=join), int(port) if port else None)


def _find(
    texts: Iterable[tuple[Source, str]], own: _OwnPlaces, refused: list[RefusedUrl] | None
) -> tuple[JoinLink, ...]:
    links: dict[str, JoinLink] = {}
    for source, text in texts:
        # No slash and no entity that may hide one: no URL. The rooms and the phone numbers end here.
        if not text or ("/" not in text and "&" not in text):
            continue
        search = _Search(source, own, refused)
        for found_url in find_urls(mend(text), own.endings, every=refused is not None, most_bare=MOST_URLS):
            _consider(found_url, search)
            if search.is_full:
                break
        for _, link in sorted(search.found.values(), key=lambda one: (not one[1].has_passcode, one[0])):
            links.setdefault(link.url, link)
    return tuple(links.values())


def _consider(url: Url, search: _Search, *, depth: int = 0) -> None:
    """Reads one URL: a link to keep, a wrapper to open, or something to refuse."""
    search.read += 1
    place, port = search.own.places.get(url.host) or (find_place(url.host), None)
    if place is None:
        unwrap = find_unwrap(url.host)
        if unwrap is not None:
            _open_wrapper(url, unwrap, search, depth=depth)
        elif search.refused is not None:
            search.refuse(url, _say_why_unknown(url))
        return
    link = _read_link(url, place, port, search.source)
    if isinstance(link, str):
        search.refuse(url, link)
    else:
        search.found.setdefault(link.url, (url.position, link))


def _open_wrapper(url: Url, unwrap: Callable[[str], str], search: _Search, *, depth: int) -> None:
    search.unwrapped += len(url.tail) + 200
    if len(url.tail) > LONGEST_URL or depth >= DEEPEST_WRAPPING or search.unwrapped > MOST_UNWRAPPED:
        search.refuse(url, "It is wrapped too deep, is too long, or there are too many like it, so it was not opened.")
        return
    tail = url.tail
    if tail.startswith(":"):
        ported = _PORT.match(tail)
        if ported is None or int(ported[1]) != _PORT_OF_SCHEME.get(url.scheme):
            search.refuse(url, "Its port is not the usual one.")
            return
        tail = tail[ported.end() :]
    inner = mend(unwrap(tail)).strip() if url.scheme in _PORT_OF_SCHEME and tail.startswith("/") else ""
    first = find_url_at_start(inner, search.own.endings)
    if first is None:
        search.refuse(url, "It is a mail gateway's wrapper with no web address inside.")
        return
    _consider(first._replace(position=url.position), search, depth=depth + 1)


def _read_link(url: Url, place: Place, own_port: int | None, source: Source) -> JoinLink | str:
    """The join link that `url` on one of our known hosts is, or why it is none."""
    if not url.scheme:
        return "It begins with something else than https:// or http://."
    if len(url.tail) > LONGEST_URL:
        return f"It is longer than {LONGEST_URL:,} characters."
    target = trim(url.tail)
    port = _PORT.match(target) if target.startswith(":") else None
    if target.startswith(":") and port is None:
        return "Behind its host name stands something that is no port."
    expected = own_port or _PORT_OF_SCHEME.get(url.scheme)
    if (port or own_port) and (port is None or int(port[1]) != expected):
        return "Its port is not the usual one."
    target = target[port.end() :] if port else target
    if target[:1] not in ("", "/", "?", "#"):
        return "Its host name goes on with characters that do not belong into one."
    if ";" in target and ENTITY.search(target):
        return "It is damaged: an HTML entity is left in it."
    if url.scheme in ("zoommtg", "zoomus"):
        return _read_deep_link(url.host, target, place, source)
    origin = f"{url.scheme}://{url.host}:{own_port}" if own_port else f"https://{url.host}"
    return _match_path(origin, target, place, source)


def _match_path(origin: str, target: str, place: Place, source: Source) -> JoinLink | str:
    kind: Literal["join", "register"] = "join"
    matched = place.join.match(target)
    if matched is None and place.register and place.register.match(target):
        kind = "register"
    elif matched is None:
        # "/j/123(Passcode:456)", "_https://zoom.us/j/123_": once more without what cannot belong to it.
        shorter = _BEFORE_BRACKET.match(target)
        trimmed = trim_end(shorter[0]).rstrip("_~") if shorter else target
        matched = place.join.match(trimmed) if trimmed != target else None
        target = trimmed
        if matched is None:
            return f"It is a page of {SERVICES[place.service].name}, but not a way into a meeting."
    service = SERVICES[place.service]
    return JoinLink(
        service=service.key,
        url=origin + target,
        source=source,
        has_passcode=service.passcode is not None and service.passcode.search(target) is not None,
        meeting_number=matched[matched.lastindex] if matched and matched.lastindex else None,
        personal=place.service == "zoom" and _PERSONAL.search(target) is not None,
        kind=kind,
    )


def _read_deep_link(host: str, target: str, place: Place, source: Source) -> JoinLink | str:
    """`zoommtg://<host>/join?confno=…&pwd=…` as the address in the browser that does the same."""
    path, _, query = target.partition("#")[0].partition("?")
    values: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        values.setdefault(name, value)
    number = values.get("confno", "")
    if place.service != "zoom" or path.rstrip("/") != "/join" or not _NUMBER.fullmatch(number):
        return "It opens an application, but names no meeting to join."
    passcode = trim(values.get("pwd", ""))
    return _match_path(f"https://{host}", f"/j/{number}" + (f"?pwd={passcode}" if passcode else ""), place, source)


def _say_why_unknown(url: Url) -> str:
    authority = re.split(r"[/?#]", url.tail, maxsplit=1)[0]
    if "@" in authority:
        return "It has a user name before its host, as deceptive links do."
    return f"{url.host} is not a host of any meeting service in the table."
