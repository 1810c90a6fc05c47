"""A request to Graph as the handlers see it, whether it came by itself or inside a batch; and its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import orjson

from sandbox.mailbox.times import MOMENT, get_zone
from sandbox.microsoft.graph_errors import bad_request

PREFERENCE = re.compile(r'\s*([A-Za-z.\-]+)\s*(?:=\s*(?:"([^"]*)"|([^,;\s]*)))?\s*(?:[,;]|$)')
PAGE, MOST = 10, 1000
# as many days as a calendar view may span
LONGEST_VIEW = timedelta(days=1825)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the Prefer header asks for. zone: an answer's times, with the name the client gave it."""

    page_size: int = 0
    zone_name: str = ""
    zone: ZoneInfo | None = None
    body_as_text: bool = False
    immutable_ids: bool = False

    def applied(self) -> str:
        """The Preference-Applied header."""
        parts = [f"odata.maxpagesize={self.page_size}"] if self.page_size else []
        parts += [f'outlook.timezone="{self.zone_name}"'] if self.zone_name else []
        parts += ['outlook.body-content-type="text"'] if self.body_as_text else []
        parts += ['IdType="ImmutableId"'] if self.immutable_ids else []
        return ", ".join(parts)


def parse_preferences(header: str) -> Preferences:
    """Raises GraphError, MailboxError."""
    values: dict[str, Any] = {}
    for match in PREFERENCE.finditer(header):
        name, value = match[1].lower(), match[2] if match[2] is not None else match[3] or ""
        if name == "odata.maxpagesize":
            if not value.isdigit() or int(value) < 1:
                raise bad_request(
                    f"Invalid value '{value}' for the preference odata.maxpagesize.", "ErrorInvalidRequest"
                )
            values["page_size"] = min(int(value), MOST)
        elif name == "outlook.timezone":
            values["zone_name"], values["zone"] = value, get_zone(value)
        elif name == "outlook.body-content-type":
            values["body_as_text"] = value.lower() == "text"
        elif name == "idtype":
            values["immutable_ids"] = value.lower() == "immutableid"
    return Preferences(**values)


@dataclass(slots=True)
class Call:
    """method, path as segments below the version; query: names in lower case; root: `https://host/graph/v1.0/`."""

    method: str
    segments: list[str]
    query: dict[str, str]
    headers: dict[str, str]
    data: bytes
    root: str
    values: dict[str, str] = field(default_factory=dict)
    prefer: Preferences = field(default_factory=Preferences)
    email: str = ""

    @property
    def path(self) -> str:
        """As asked, quoted."""
        return "/".join(quote(segment, safe="$()'@:=") for segment in self.segments)

    def body(self) -> dict[str, Any]:
        """The request's JSON object, nothing at all for none. Raises GraphError."""
        try:
            loaded = orjson.loads(self.data or b"{}")
        except orjson.JSONDecodeError:
            raise bad_request("Unable to read JSON request payload. Please ensure Content-Type header is set and "
                              "payload is of valid JSON format.") from None  # fmt: skip
        if not isinstance(loaded, dict):
            raise bad_request("Unable to read JSON request payload.")
        return loaded

    def link(self, **changes: str) -> str:
        """The same address with other query parameters, absolute."""
        return f"{self.root}{self.path}?{urlencode(changes, safe='$:')}"

    @property
    def if_match(self) -> str:
        return self.headers.get("if-match", "")

    def number(self, name: str, default: int) -> int:
        """Raises GraphError."""
        text = self.query.get(name)
        if text is None:
            return default
        if not text.isdigit():
            raise bad_request(f"Invalid value '{text}' for {name} query option found. The {name} query option requires "
                              "a non-negative integer value.")  # fmt: skip
        return int(text)

    def page_size(self) -> int:
        """$top before the preference before ten. Raises GraphError."""
        return min(self.number("$top", 0) or self.prefer.page_size or PAGE, MOST)

    def window(self) -> tuple[datetime, datetime]:
        """startDateTime and endDateTime; without an offset they are UTC, whatever Prefer says. Raises GraphError."""
        texts = [self.query.get(name, "") for name in ("startdatetime", "enddatetime")]
        if not all(texts):
            raise bad_request("This request requires a time window specified by the query string parameters "
                              "StartDateTime and EndDateTime.", "ErrorInvalidRequest")  # fmt: skip
        starts, ends = (_parse(text) for text in texts)
        if ends < starts:
            raise bad_request("The EndDateTime parameter is earlier than StartDateTime.", "ErrorInvalidParameter")
        if ends - starts > LONGEST_VIEW:
            raise bad_request("The requested time duration specified for CalendarView is too long. Limit = "
                              f"{LONGEST_VIEW.days} days.", "ErrorCalendarViewRangeTooBig")  # fmt: skip
        return starts, ends


def _parse(text: str) -> datetime:
    match = MOMENT.match(text)
    try:
        if not match:
            raise ValueError(text)
        moment = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}{(match[3] or 'Z').replace('Z', '+00:00')}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_request(f"The value '{text}' of the time window is invalid.", "ErrorInvalidParameter") from None


@dataclass(slots=True)
class Answer:
    """doc: an object or finished JSON; None for no body."""

    doc: dict[str, Any] | bytes | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def dump(self) -> bytes:
        return self.doc if isinstance(self.doc, bytes) else b"" if self.doc is None else orjson.dumps(self.doc)
