"""Host names and mail domains as admins write them, and the sentence where one is none. Pure."""

import re
from urllib.parse import urlsplit

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def parse_host(written: str) -> str:
    """The host name of a server on the internet. Raises ValueError with the sentence for whoever wrote it."""
    return _parse_name(written, what="host name", like="meet.example.com")


def parse_server(written: str) -> str:
    """The same, where a server inside an organization's own network may go by one word."""
    return _parse_name(written, what="host name", like="mail.example.com", fewest=1)


def parse_domain(written: str) -> str:
    """The part of a mail address behind the @. Raises ValueError with the sentence for whoever wrote it."""
    return _parse_name(written.removeprefix("@"), what="domain", like="example.com")


def is_https_address(url: str) -> bool:
    """Whether this is a whole https:// address, with nobody's name in it."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is none
    except ValueError:
        return False
    return parts.scheme == "https" and _is_host(parts.hostname or "", fewest=1) and "@" not in parts.netloc


def _parse_name(written: str, *, what: str, like: str, fewest: int = 2) -> str:
    shown = written if len(written) <= 60 else f"{written[:59]}…"
    if "/" in written:
        host = _host_in(written)
        raise ValueError(f"“{shown}” is a whole address. Write the {what} alone{f': {host}' if host else ''}.")
    if "@" in written:
        raise ValueError(f"“{shown}” is a mail address. Write the {what} alone, which stands behind the @.")
    if "*" in written:
        raise ValueError(f"“{shown}”: a star stands for nothing here. Write each {what} on a line of its own.")
    host = written.lower().rstrip(".")
    if not host.isascii():
        raise ValueError(f"“{shown}” holds letters beyond a to z.{_advise_ascii(host)}")
    if not _is_host(host, fewest=fewest):
        raise ValueError(f"“{shown}” is not a {what}. Write it like {like}.")
    return host


def _is_host(host: str, *, fewest: int = 2) -> bool:
    parts = host.split(".")
    return len(host) <= 253 and len(parts) >= fewest and all(_LABEL.fullmatch(one) for one in parts)


def _host_in(written: str) -> str:
    try:
        host = urlsplit(written if "://" in written else f"//{written}").hostname or ""
    except ValueError:
        return ""
    return host if _is_host(host) else ""


def _advise_ascii(host: str) -> str:
    try:
        spelled = host.encode("idna").decode()
    except UnicodeError:
        return " Write it as your name server spells it, beginning with xn--."
    return f" Write it as {spelled}." if _is_host(spelled) else ""
