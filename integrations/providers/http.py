"""One request over a guarded session, and what came of it in the words of whichever provider asked.

Nothing of an answer's text reaches an error: details are made of numbers and of the names of classes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import orjson
import requests

from integrations.errors import (
    Conflict,
    CursorExpired,
    Gone,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Refused,
    Unexpected,
    Unreachable,
)
from safety import outbound

Json = dict[str, Any]

Rule = tuple[frozenset[str], type[ProviderError], str]
"""Reasons, as an answer names them, the class that they stand for, and its sentence."""

_PIECE_BYTES = 256 * 1024
_LONGEST_WAIT = timedelta(days=7)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,59}")
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences about a service as a whole. `name` is what people call it: "Google"."""

    name: str

    @property
    def reconnect(self) -> str:
        return f"{self.name} no longer accepts this connection. Reconnect to go on."

    @property
    def sign_in_again(self) -> str:
        return f"Your organization wants you to sign in at {self.name} again. Reconnect to go on."

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
        with session.request(method, url, headers=headers, data=data, allow_redirects=False, stream=True) as response:
            # `response.content` reads 10 kB at a time: a good part of what a page of some hundred would cost.
            body = b"".join(response.iter_content(_PIECE_BYTES))
        return Answer(response.status_code, response.headers, body)
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


def keep_names(found: Iterable[Any]) -> list[str]:
    """Those that look like names for machines, each once: an error may tell these, and nothing else of an answer."""
    names = [name for name in found if isinstance(name, str) and _NAME.fullmatch(name)]
    return list(dict.fromkeys(names))[:_MOST_NAMES]


def judge(
    status: int,
    headers: Mapping[str, str],
    reasons: Sequence[str],
    *,
    words: Words,
    rules: Iterable[Rule],
    cursor_statuses: Iterable[int] = (),
) -> ProviderError:
    """The error that an answer other than 200 stands for. The first rule that fits decides, the number only if none.

    `cursor_statuses`: with these the provider says that it does not take the cursor it was sent, in words that change
    over the years. Reading everything again is right for all of them.
    """
    detail = " ".join([str(status), *reasons])
    found = next(((kind, text) for names, kind, text in rules if not names.isdisjoint(reasons)), None)
    if status in cursor_statuses and (found is None or found[0] in (Conflict, Gone)):
        return CursorExpired(words.read_again, detail=detail)
    if found is None and status >= 500:
        found = Unreachable, words.unreachable
    # A 404 that is not the provider's own JSON says something about an address, not about an item.
    if found is None and (reasons or status in (401, 408, 429)):
        found = _judge_number(status, words)
    kind, sentence = found or (Unexpected, words.not_understood)
    if issubclass(kind, RateLimited | Unreachable):
        return kind(sentence, detail=detail, retry_after=parse_retry_after(headers.get("Retry-After", "")))
    return kind(sentence, detail=detail)


def _judge_number(status: int, words: Words) -> tuple[type[ProviderError], str] | None:
    return {
        401: (ReconnectNeeded, words.reconnect),
        404: (Gone, words.gone),
        408: (Unreachable, words.unreachable),
        409: (Conflict, words.changed),
        410: (Gone, words.gone),
        412: (Conflict, words.changed),
        429: (RateLimited, words.slow_down),
    }.get(status)
