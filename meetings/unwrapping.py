"""Undoing what mail programs and mail gateways do to a link: damage to the text, and wrappers around the URL.

Pure, and linear in the text: each step is one pass, and no pass depends on what the text says. Nothing is fetched,
so an opaque wrapper (Mimecast's, say) stays closed.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase, digits
from urllib.parse import unquote

AMPERSAND = re.compile(r"&(?:amp;|#0{0,5}38;|#[xX]0{0,4}26;)+")
ENTITY = re.compile(
    r"(&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}"
    r"|amp|lt|gt|quot|apos|nbsp|shy|colon|semi|sol|period|comma|quest|equals|num|percnt|lowbar|commat|Tab|NewLine);)"
)
"""Only with its semicolon: `&region=` and `&copy=` are parameters here, not signs."""

_NAMED = {
    "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&nbsp;": " ", "&shy;": "",
    "&colon;": ":", "&semi;": ";", "&sol;": "/", "&period;": ".", "&comma;": ",", "&quest;": "?", "&equals;": "=",
    "&num;": "#", "&percnt;": "%", "&lowbar;": "_", "&commat;": "@", "&Tab;": " ", "&NewLine;": "\n",
}  # fmt: skip

MOST_ENTITIES = 6_000
"""Different ones in a text; Chinese prose that is all entities has some 3,000."""

_INVISIBLE = (
    "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u200f",
    "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u061c", "\u180e",
)  # fmt: skip
"""Zero-width characters, soft hyphens and marks of direction."""

_WBR = re.compile(r"</?[wW][bB][rR][ \t]{0,8}/?>")
_FOLD_AFTER = "|".join(rf"(?<=\n[^\n]{{{octets}}}\n[ \t])" for octets in range(72, 77))
_FOLD = re.compile(rf"\n[ \t](?=[^\s<])(?!https?://)(?:{_FOLD_AFTER})")
"""A line break and one blank behind a line as long as calendar files fold it: 75 octets, a few less or one more in
some programs. A shorter line was ended by a person."""

_FOLD_HINT = re.compile(r"\n[ \t]")
_FOLD_IN_URL = re.compile(r"\s+")


class _Decoded(dict[str, str]):
    """Entity → character, each worked out once per text."""

    def __missing__(self, entity: str) -> str:
        if len(self) > MOST_ENTITIES:
            return " "
        code = int(entity[3:-1], 16) if entity[2] in "xX" else int(entity[2:-1])
        character = chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else " "
        self[entity] = character
        return character


def mend(text: str) -> str:
    """`text` without entities, `<wbr>`, invisible characters, and the folding and escapes of calendar files."""
    if "&" in text and ";" in text:
        text = decode_entities(text)
    if "\\" in text:
        text = (
            text.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
        )
    text = _WBR.sub("", text)
    if not text.isascii():
        for character in _INVISIBLE:
            text = text.replace(character, "")
    if _FOLD_HINT.search(text):
        text = _FOLD.sub("", "\n" + text.replace("\r\n", "\n"))[1:]
    return text


def decode_entities(text: str) -> str:
    """Decodes the entities that occur in and around URLs, those written twice (`&amp;amp;`, `&amp;#46;`) too."""
    if "&amp;amp;" in text or "&#" in text:
        text = AMPERSAND.sub("&", text)
    elif "&amp;" in text:
        text = text.replace("&amp;", "&")
    text = text.replace("&nbsp;", " ")
    if ENTITY.search(text) is None:
        return text
    parts = ENTITY.split(text)
    parts[1::2] = map(_Decoded(_NAMED).__getitem__, parts[1::2])
    return "".join(parts)


def unfold(url: str) -> str:
    """A piece of a URL without the line breaks that folding left in it."""
    return _FOLD_IN_URL.sub("", url)


def find_unwrap(host: str) -> Callable[[str], str] | None:
    """How to open a wrapper on `host` (lower case): a function from what follows the host to the text inside, or None.

    The function returns "" where nothing is inside.
    """
    unwrap = _ON_HOSTS.get(host)
    if unwrap is None and host.endswith(_SAFE_LINKS):
        return _unwrap_safelink
    if unwrap is None and host.endswith(_TREND_MICRO):
        return _unwrap_trend_micro
    return unwrap


def _find_parameter(target: str, *names: str) -> str:
    """The decoded value of the first of these parameters that is there and not empty."""
    query = target.partition("?")[2]
    values: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if value and name in names:
            values.setdefault(name, value)
    for name in names:
        if name in values:
            return _decode_percent(values[name])
    return ""


def _decode_percent(value: str) -> str:
    """Decodes once; once more where a gateway encoded a URL that was encoded already."""
    text = unquote(value)
    return unquote(text) if text[:12].lower().startswith(("https%3a", "http%3a")) else text


def _unwrap_safelink(target: str) -> str:
    """Reference: https://learn.microsoft.com/defender-office-365/safe-links-about"""
    return _find_parameter(target, "url")


def _unwrap_google(target: str) -> str:
    return _find_parameter(target, "q", "url") if target.startswith("/url?") else ""


def _unwrap_barracuda(target: str) -> str:
    return _find_parameter(target, "a")


def _unwrap_trend_micro(target: str) -> str:
    return _find_parameter(target, "url")


def _unwrap_cisco(target: str) -> str:
    """`/<signature>/<the URL, percent-encoded>`."""
    return _decode_percent(target[1:].partition("/")[2])


_V2 = str.maketrans("-_", "%/")
_V3 = re.compile(r"/v3/__(.+?)__;([^!]*)!")
_V3_TOKEN = re.compile(r"\*(?:\*(.))?")
_V3_ONE_SLASH = re.compile(r"(?i)(https?|zoommtg|zoomus):/(?!/)")
_V3_RUN = {letter: length for length, letter in enumerate(ascii_uppercase + ascii_lowercase + digits + "-_", start=2)}


def _unwrap_proofpoint(target: str) -> str:
    """URL Defense in its three forms.

    Reference: https://help.proofpoint.com/Threat_Insight_Dashboard/Concepts/How_do_I_decode_a_rewritten_URL%3F
    """
    if target.startswith("/v1/"):
        return _find_parameter(target, "u")
    if target.startswith("/v2/"):
        query = target.partition("?")[2]
        value = next((pair[2:] for pair in query.split("&") if pair.startswith("u=")), "")
        return _decode_percent(value.translate(_V2))
    if target.startswith("/v3/"):
        return _unwrap_proofpoint_v3(target)
    return ""


def _unwrap_proofpoint_v3(target: str) -> str:
    """Each `*` stands for the next character of the base64 list behind `__;`, each `**X` for a run of them."""
    found = _V3.match(target)
    if found is None:
        return ""
    listed = found[2]
    try:
        characters = urlsafe_b64decode(listed + "=" * (-len(listed) % 4)).decode()
    except ValueError:
        return ""
    position = 0

    def take(token: re.Match[str]) -> str:
        nonlocal position
        start = position
        position += _V3_RUN.get(token[1], 1) if token[1] else 1
        return characters[start:position]

    return _V3_ONE_SLASH.sub(r"\1://", _V3_TOKEN.sub(take, unquote(found[1])), count=1)


_SAFE_LINKS = ".safelinks.protection.outlook.com"
_TREND_MICRO = "-ctp.trendmicro.com"
_ON_HOSTS: dict[str, Callable[[str], str]] = {
    "google.com": _unwrap_google,
    "www.google.com": _unwrap_google,
    "urldefense.com": _unwrap_proofpoint,
    "urldefense.proofpoint.com": _unwrap_proofpoint,
    "urldefense.us": _unwrap_proofpoint,
    "linkprotect.cudasvc.com": _unwrap_barracuda,
    "secure-web.cisco.com": _unwrap_cisco,
    "ctp.trendmicro.com": _unwrap_trend_micro,
}

WRAPPER_ENDINGS = frozenset(domain[-7:] for domain in (*_ON_HOSTS, _SAFE_LINKS, _TREND_MICRO))
"""The last seven characters of every wrapper's host, see `join_services.HOST_ENDINGS`."""
