"""What Zoom's refusals mean, whichever of its APIs was asked, in the words of the family of errors.

Reference: https://developers.zoom.us/docs/api/errors/
Reference: https://developers.zoom.us/docs/api/rate-limits/
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from integrations.errors import AdminNeeded, ProviderError, Rejected
from integrations.providers.http import Answer, Rule, Words, judge, keep_names

WORDS = Words("Zoom")
_SCOPE = re.compile(r"[a-z_]+(?::[a-z_]+){1,4}")
_MOST_SCOPES = 12


def is_token_refused(answer: Answer) -> bool:
    """Whether another token may do. Zoom says so with 401, at times with 400."""
    return answer.status == 401 or (answer.status == 400 and parse_body(answer).get("code") == 124)


def say_credentials(place: str) -> str:
    return (
        "Zoom does not accept the account ID, client ID and client secret set for your organization. An administrator "
        f"has to check them under Administration, {place}."
    )


def judge_token_answer(answer: Answer, *, place: str) -> ProviderError:
    """Why there is no token: as a rule because of what an admin has typed, at this place of ours.

    Reference: https://developers.zoom.us/docs/internal-apps/s2s-oauth/
    """
    reasons = keep_names([parse_body(answer).get("error")])
    if answer.status in (400, 401, 403) and reasons:
        return AdminNeeded(say_credentials(place), detail=" ".join([str(answer.status), *reasons]))
    return judge(answer.status, _with_seconds(answer.headers), reasons, words=WORDS, rules=())


def judge_answer(
    answer: Answer,
    *,
    place: str,
    rules: tuple[Rule, ...],
    judge_fields: Callable[[list[str]], Rejected],
    extra: tuple[str, ...] = (),
) -> ProviderError:
    """The error that an answer other than success stands for.

    `place`: where under Administration the app is set up. `rules` name Zoom's codes as "code300"; `judge_fields` is
    asked about fields that Zoom does not take; `extra` are further reasons, known to whoever asked.
    """
    body = parse_body(answer)
    code = body.get("code")
    if code == 4711:
        return AdminNeeded(say_scopes(_list_scopes(body)), detail=f"{answer.status} code4711")
    if code == 300 and answer.status == 400:
        return judge_fields(_list_fields(body))
    reasons = [f"code{code}"] if isinstance(code, int) else []
    if answer.status == 401:
        reasons = ["code124"]
    known = ((frozenset({"code124", "code4700"}), AdminNeeded, say_credentials(place)), *rules)
    return judge(answer.status, _with_seconds(answer.headers), [*reasons, *extra], words=WORDS, rules=known)


def say_scopes(scopes: list[str]) -> str:
    named = f" {', '.join(scopes)}" if scopes else " listed in the guide"
    return (
        f"The app set for your organization at Zoom lacks permissions. An administrator has to add these scopes to it:"
        f"{named}."
    )


def _list_fields(body: Mapping[str, Any]) -> list[str]:
    errors = body.get("errors")
    return keep_names(one.get("field") for one in errors if isinstance(one, dict)) if isinstance(errors, list) else []


def _list_scopes(body: Mapping[str, Any]) -> list[str]:
    """Scopes are names for machines, and the one thing of an answer that whoever sets the app up has to know."""
    message = body.get("message")
    _, _, listed = message.partition("[") if isinstance(message, str) else ("", "", "")
    return list(dict.fromkeys(_SCOPE.findall(listed[:1_000])))[:_MOST_SCOPES]


def parse_body(answer: Answer) -> dict[str, Any]:
    """What it says, {} where that is no JSON object."""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _with_seconds(headers: Mapping[str, str]) -> dict[str, str]:
    """Retry-After as seconds: of a daily limit Zoom sends an ISO date there."""
    value = headers.get("Retry-After", "")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return {"Retry-After": value}
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return {"Retry-After": str(max(int((moment - datetime.now(UTC)).total_seconds()) + 1, 0))}
