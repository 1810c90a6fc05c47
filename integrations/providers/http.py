"""One request over a guarded session, and what came of it in the words of whichever provider asked.

Nothing of an answer's text reaches an error: details are made of numbers and of the names of classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import orjson
import requests

from integrations.errors import Refused, Unexpected, Unreachable
from safety import outbound

Json = dict[str, Any]

_LONGEST_WAIT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences about a service as a whole. `name` is what people call it: "Google"."""

    name: str

    @property
    def reconnect(self) -> str:
        return f"{self.name} no longer accepts this connection. Reconnect to go on."

    @property
    def unreachable(self) -> str:
        return f"{self.name} cannot be reached just now. We will try again by ourselves."

    @property
    def slow_down(self) -> str:
        return f"{self.name} asks us to slow down. We will go on by ourselves in a while."

    @property
    def not_understood(self) -> str:
        return f"{self.name} answered in a way that Portico does not understand. We will try again."

    @property
    def refused(self) -> str:
        return (
            f"Portico did not ask {self.name}, because the address set for it is not one it may talk to. "
            "Tell your administrator."
        )

    @property
    def read_again(self) -> str:
        return f"{self.name} asked us to read everything again."

    @property
    def too_long(self) -> str:
        return f"Reading from {self.name} took too long. We will go on by ourselves."

    @property
    def gone(self) -> str:
        return f"This no longer exists at {self.name}."

    @property
    def changed(self) -> str:
        return f"This was changed at {self.name} meanwhile."


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Whatever the case of a name."""
    body: bytes


def send(
    session: requests.Session,
    method: str,
    url: str,
    *,
    words: Words,
    headers: Mapping[str, str] | None = None,
    data: Mapping[str, str] | bytes | None = None,
) -> Answer:
    """Send one request and read its answer whole. Redirects are not followed: tokens stay put.

    Raises:
        Refused: the guard said no.
        Unexpected: the answer is longer than we read, or cannot be unpacked.
        Unreachable
    """
    try:
        response = session.request(method, url, headers=headers, data=data, allow_redirects=False)
        return Answer(response.status_code, response.headers, response.content)
    except outbound.Blocked as error:
        raise Refused(words.refused, detail=error.sentence) from error
    except outbound.TooBig as error:
        raise Unexpected(words.not_understood, detail="the answer was longer than Portico reads") from error
    except requests.exceptions.ContentDecodingError as error:
        raise Unexpected(words.not_understood, detail="the answer could not be unpacked") from error
    except (requests.exceptions.RequestException, OSError) as error:
        # The class alone: the text of these holds the URL, and with it a sync token.
        raise Unreachable(words.unreachable, detail=type(error).__name__) from error


def parse_json(body: bytes, words: Words) -> Json:
    """A JSON object.

    Raises:
        Unexpected: it is something else: HTML, half of an object, a list.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unexpected(words.not_understood, detail=f"200, {len(body)} bytes that are not JSON") from None
    if not isinstance(answer, dict):
        raise Unexpected(words.not_understood, detail="200, JSON that is not an object")
    # NUL is no text, and databases refuse it: one such character would cost the whole page.
    return _without_nul(answer) if b"\\u0000" in body else answer


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_nul(one) for name, one in value.items()}
    return value


def parse_retry_after(value: str) -> timedelta | None:
    """Seconds or an HTTP date; None where it is neither. Never negative, never more than a week."""
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value)) if len(value) < 7 else _LONGEST_WAIT
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment - datetime.now(UTC), timedelta(0)), _LONGEST_WAIT)
