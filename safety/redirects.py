"""Where a browser may be sent: back to a page of ours, or out to a provider that the operator has set up."""

import re
from collections.abc import Collection
from urllib.parse import unquote, urlsplit

from django.http import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme


class HttpResponseSeeOther(HttpResponseRedirect):
    """303: the browser asks again with GET, whatever it sent."""

    status_code = 303


class NotAllowed(Exception):
    """A redirect that would lead somewhere we do not send people."""


def check_next(url: str | None, *, default: str = "/") -> str:
    """`url` if it is a path on this site ("/meetings/?q=x#day"), else `default`.

    A path that only turns into another host once it is decoded (by a proxy, or by a page that redirects again) is
    refused as well.
    """
    if not url or len(url) > 2000:
        return default
    if not _is_plain_path(url):
        return default
    # The query may hold whatever it likes: only the path decides where the browser goes.
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    while (decoded := unquote(path)) != path:
        if not _is_plain_path(decoded):
            return default
        path = decoded
    return url if url_has_allowed_host_and_scheme(url, allowed_hosts=None) else default


def _is_plain_path(url: str) -> bool:
    if not url.startswith("/") or url.startswith("//"):
        return False
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    if "\\" in url or "//" in path or any(c < " " or c == "\x7f" or c.isspace() for c in url):
        return False
    return not any(segment in (".", "..") for segment in path.split("/"))


def check_way_out(url: str, *, allowed: Collection[str]) -> str:
    """`url`, if it leads to one of the addresses the operator has set up.

    `allowed` holds those addresses ("https://accounts.google.com/o/oauth2/v2/auth"); `url` must share scheme, host and
    port with one of them. Plain http is followed only where an operator wrote it.

    Raises:
        NotAllowed: the message names the host only.
    """
    try:
        target = _origin(url)
        origins = {_origin(address) for address in allowed}
    except ValueError:
        raise NotAllowed("That is not a web address.") from None
    if target not in origins:
        raise NotAllowed(f"{target[1]} is not a place Portico sends people to.")
    return url


def _origin(url: str) -> tuple[str, str, int]:
    """(scheme, host, port).

    Raises:
        ValueError: not an absolute http(s) address, or one that browsers and we may read differently.
    """
    parts = urlsplit(url)
    is_odd = "\\" in url or any(c <= " " or c >= "\x7f" for c in url) or "@" in parts.netloc or "%" in parts.netloc
    if is_odd or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an absolute web address")
    return parts.scheme, parts.hostname.rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
