"""What Zoom's refusals mean, in the words of the family of errors.

Reference: https://developers.zoom.us/docs/api/errors/
Reference: https://developers.zoom.us/docs/api/rate-limits/
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from integrations.errors import AdminNeeded, Gone, ProviderError, Rejected
from integrations.providers.http import Answer, Rule, Words, judge, keep_names

WORDS = Words("Zoom")
CREDENTIALS_REFUSED = (
    "Zoom does not accept the account ID, client ID and client secret set for your organization. An administrator has "
    "to check them under Administration, Meeting host."
)
NO_SUCH_USER = (
    "Zoom knows no user with this person's e-mail address, so nothing can be scheduled for them there. An "
    "administrator can add them at Zoom."
)
NO_WEBINARS = (
    "This person's Zoom license has no webinars. Schedule a meeting instead, or have an administrator add the webinar "
    "plan at Zoom."
)
NOT_ALLOWED = "Zoom does not allow this for this person. Ask whoever administers Zoom in your organization."
NOT_NOW = "Zoom does not allow this change just now, for example because the meeting is running. Try again later."
TAKES_NOT = "Zoom does not accept this meeting as it is. Change it and try again."
FIELD_WORDS = {
    "password": "Zoom does not accept this passcode. It takes up to 10 letters, digits and @ - _ *.",
    "topic": "Zoom does not accept this topic. Choose a shorter one.",
    "agenda": "Zoom does not accept this description. Choose a shorter one.",
    "duration": "Zoom does not accept this duration. Choose another one.",
    "start_time": "Zoom does not accept this start. Choose another one.",
    "timezone": "Zoom does not accept this time zone. Choose another one.",
    "recurrence": "Zoom does not accept this way of repeating. Choose another one.",
}
RULES: tuple[Rule, ...] = (
    (frozenset({"code124", "code4700"}), AdminNeeded, CREDENTIALS_REFUSED),
    (frozenset({"code1001", "code1010", "code1120"}), Gone, NO_SUCH_USER),
    (frozenset({"code3001"}), Gone, WORDS.gone),
    (frozenset({"webinar_plan"}), Rejected, NO_WEBINARS),
    (frozenset({"code200"}), Rejected, NOT_ALLOWED),
    (frozenset({"code3000"}), Rejected, NOT_NOW),
)
_SCOPE = re.compile(r"[a-z_]+(?::[a-z_]+){1,4}")
_MOST_SCOPES = 12


def is_token_refused(answer: Answer) -> bool:
    """Whether another token may do. Zoom says so with 401, at times with 400."""
    return answer.status == 401 or (answer.status == 400 and _parse_body(answer).get("code") == 124)


def judge_token_answer(answer: Answer) -> ProviderError:
    """Why there is no token: as a rule because of what an admin has typed.

    Reference: https://developers.zoom.us/docs/internal-apps/s2s-oauth/
    """
    reasons = keep_names([_parse_body(answer).get("error")])
    if answer.status in (400, 401, 403) and reasons:
        return AdminNeeded(CREDENTIALS_REFUSED, detail=" ".join([str(answer.status), *reasons]))
    return judge(answer.status, _with_seconds(answer.headers), reasons, words=WORDS, rules=())


def judge_answer(answer: Answer, *, is_about_webinar: bool = False) -> ProviderError:
    """The error that an answer other than success stands for."""
    body = _parse_body(answer)
    code, fields = body.get("code"), _list_fields(body)
    if code == 4711:
        return AdminNeeded(say_scopes(_list_scopes(body)), detail=f"{answer.status} code4711")
    if code == 300 and answer.status == 400:
        return _judge_fields(fields)
    reasons = [f"code{code}"] if isinstance(code, int) else []
    if answer.status == 401:
        reasons = ["code124"]
    elif code == 200 and is_about_webinar:
        reasons.append("webinar_plan")
    return judge(answer.status, _with_seconds(answer.headers), reasons, words=WORDS, rules=RULES)


def say_scopes(scopes: list[str]) -> str:
    named = f" {', '.join(scopes)}" if scopes else " listed in the guide"
    return (
        f"The app set for your organization at Zoom lacks permissions. An administrator has to add these scopes to it:"
        f"{named}."
    )


def is_about_recurrence(error: Rejected) -> bool:
    return " recurrence" in error.detail


def _judge_fields(fields: list[str]) -> Rejected:
    heads = [field.partition(".")[0] for field in fields]
    said = next((FIELD_WORDS[head] for head in heads if head in FIELD_WORDS), TAKES_NOT)
    return Rejected(said, detail=" ".join(["400 code300", *fields]))


def _list_fields(body: Mapping[str, Any]) -> list[str]:
    errors = body.get("errors")
    return keep_names(one.get("field") for one in errors if isinstance(one, dict)) if isinstance(errors, list) else []


def _list_scopes(body: Mapping[str, Any]) -> list[str]:
    """Scopes are names for machines, and the one thing of an answer that whoever sets the app up has to know."""
    message = body.get("message")
    _, _, listed = message.partition("[") if isinstance(message, str) else ("", "", "")
    return list(dict.fromkeys(_SCOPE.findall(listed[:1_000])))[:_MOST_SCOPES]


def _parse_body(answer: Answer) -> dict[str, Any]:
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
