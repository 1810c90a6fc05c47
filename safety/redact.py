"""Keep secrets out of what is written down: log lines, exception texts, extra fields.

Two ways to find a secret: it stands behind a telling name (`refresh_token=...`, `"password": "..."`,
`Authorization: ...`), or it looks like one (a JWT, Google's `ya29.`, an address of our own feeds). Too much is hidden
rather than too little. What no filter can know is a secret that stands in a sentence with nothing around it: so do not
write such a line.
"""

import logging
import re
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter as BaseJsonFormatter

REDACTED = "[redacted]"
MOST_DEPTH = 8

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered, set by the middleware; "" outside of one."""

# Names that end in one of these hide their value, whatever stands before: `client_secret`, `csrfmiddlewaretoken`.
_NAME_ENDS = (
    r"password|passwd|passphrase|passcode|secret|token|assertion|verifier|signature|credentials?|api[_-]?key"
    r"|(?:secrets?|private|access|signing|encryption)[_-]?keys?|sessionid|session[_-]state|x-goog-channel-token"
)
# These only as a whole name, or `status_code` would be hidden too. tk and pwd ride in join links, zak in start links.
_WHOLE_NAMES = r"code|state|pwd|tk|zak|sid|nonce|pin"
_HEADERS = r"(?:proxy-)?authorization|(?:set-)?cookie"
_SECRET_NAME = re.compile(rf"(?i)(?:{_NAME_ENDS}|{_HEADERS})$|^(?:{_WHOLE_NAMES})$")

# A whole name starts at a word's start, or behind a query separator that was itself percent- or JSON-escaped.
_STARTS = r"(?:(?<![A-Za-z0-9_\-])|(?<=%3F)|(?<=%26)|(?<=253F)|(?<=2526)|(?<=u0026)|(?<=u003F))"
_EQUALS = r"\\{0,3}[\"']?\s{0,4}(?:=>|[=:]|%(?:25){0,3}3[AD])\s{0,4}|\\{0,3}[\"'],\s{0,4}(?=[bBuUrR]{0,2}\\{0,3}[\"'])"
# Each value pattern matches at its first try or not at all, also when the closing quote is missing: linear time.
_QUOTED = (
    r"\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?"
    r"|\\\"(?:[^\"\\]|\\\\(?:\\.|[^\"\\]))*+(?:\\\")?|\\'(?:[^'\\]|\\\\(?:\\.|[^'\\]))*+(?:\\')?"
)
_BARE = r"(?:(?!%(?:25){0,3}26)[^\s&\"'\\])++"
_NAMED = re.compile(
    rf"(?is)(?P<name>{_STARTS}(?:{_WHOLE_NAMES})|{_NAME_ENDS}|(?P<header>{_HEADERS}))(?P<equals>{_EQUALS})"
    rf"(?P<value>(?:[bur]{{0,2}})(?:{_QUOTED})|(?(header)[^\r\n\"']++|{_BARE}))"
)
_SHAPES = re.compile(
    r"(?P<scheme>\b(?i:bearer|basic|negotiate|ntlm|dpop)\s{1,4})"
    r"(?:(?=[a-z]{0,64}[A-Z0-9+/=._~\-])[A-Za-z0-9._~+/=\-]{8,}+|[a-z]{20,}+)"
    r"|(?<![\w\-])eyJ[\w\-]{5,}+\.[\w\-]{5,}+(?:\.[\w\-]*+){0,3}"
    r"|\bya29\.[\w.\-]++"
    r"|\bGOCSPX-[\w\-]++"
    r"|(?<![\w:/])(?:1(?://|%2[Ff]%2[Ff])|4(?:/|%2[Ff])0)[\w\-]{10,}+"
    r"|(?<=/feed/)[\w\-]{16,}+|(?<=%2[Ff]feed%2[Ff])[\w\-]{16,}+"
    r"|(?<=://)[^\s/@:\"'<>]{0,256}:[^\s/@\"'<>]{0,256}@"
)
# "code" is also what errors and HTTP statuses are called; a real one is neither short digits nor snake_case words.
_HARMLESS_CODE = re.compile(r"[\"']?(?:\d{1,4}|[a-z]{2,}(?:_[a-z]{2,}){1,4})[\"',;.)\]}]*")


def redact(value: Any) -> Any:
    """The same text, mapping or list with secrets replaced; other objects become their redacted text."""
    return _redact(value, 0)


def _redact(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode("utf-8", "replace"))
    if depth >= MOST_DEPTH:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {
            redact_text(str(key)): _hide(str(key), item, depth)
            if _SECRET_NAME.search(str(key))
            else _redact(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact(item, depth + 1) for item in value]
    return redact_text(str(value))


def _hide(name: str, value: Any, depth: int) -> Any:
    if value is None or value == "":
        return value
    if name.lower() == "code" and _HARMLESS_CODE.fullmatch(str(value)):
        return _redact(value, depth + 1)
    return REDACTED


def redact_text(text: str) -> str:
    """`text` with secrets replaced. Takes time linear in its length."""
    return _SHAPES.sub(_replace_shape, _NAMED.sub(_replace_named, text))


def _replace_named(match: re.Match[str]) -> str:
    value = match["value"]
    if match["name"].lower() == "code" and _HARMLESS_CODE.fullmatch(value):
        return match[0]
    opening = re.match(r"[bBuUrR]{0,2}(\\?[\"'])", value)
    if opening is None:
        return f"{match['name']}{match['equals']}{REDACTED}"
    quote = opening[1]
    return f"{match['name']}{match['equals']}{opening[0]}{REDACTED}{quote}"


def _replace_shape(match: re.Match[str]) -> str:
    if match["scheme"]:
        return match["scheme"] + REDACTED
    return REDACTED + ("@" if match[0].endswith("@") else "")


def format_exception(error: BaseException) -> str:
    """The traceback with its causes, without local variables, redacted."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=False).format()
    return redact_text("".join(lines).rstrip())


class RedactingFilter(logging.Filter):
    """Redacts a record in place, so that every handler after this one sees the clean one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, dict):
            record.msg = redact(record.msg)
        else:
            try:
                message = record.getMessage()
            except (TypeError, ValueError, KeyError):
                # Otherwise logging prints the arguments, unredacted, to explain the mismatch.
                message = f"{record.msg} (its arguments do not fit it)"
            record.msg = redact_text(message)
        record.args = None
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = format_exception(record.exc_info[1])
        if record.stack_info:
            record.stack_info = redact_text(record.stack_info)
        for name in record.__dict__.keys() - _RESERVED:
            record.__dict__[name] = (
                _hide(name, record.__dict__[name], 0) if _SECRET_NAME.search(name) else redact(record.__dict__[name])
            )
        return True


_RESERVED = frozenset(RESERVED_ATTRS)


class JsonFormatter(BaseJsonFormatter):
    """One JSON object per line: time (UTC), level, logger, message, request_id, exception, then the extra fields."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception", "stack_info": "stack"},
            timestamp="time",
            json_ensure_ascii=False,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        time = log_data.pop("time").isoformat(timespec="milliseconds")
        request = {"request_id": current} if (current := request_id.get()) else {}
        clean: dict[str, Any] = redact(log_data)
        return {"time": time, **request, **clean}

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return format_exception(ei[1]) if ei[1] is not None else ""
