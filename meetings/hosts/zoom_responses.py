"""What Zoom's refusals mean where a meeting was asked for."""

from integrations.errors import Gone, ProviderError, Rejected
from integrations.providers.http import Answer, Rule
from integrations.zoom import responses
from integrations.zoom.responses import WORDS
from meetings.hosting import PLACE

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
    (frozenset({"code1001", "code1010", "code1120"}), Gone, NO_SUCH_USER),
    (frozenset({"code3001"}), Gone, WORDS.gone),
    (frozenset({"webinar_plan"}), Rejected, NO_WEBINARS),
    (frozenset({"code200"}), Rejected, NOT_ALLOWED),
    (frozenset({"code3000"}), Rejected, NOT_NOW),
)


def judge_answer(answer: Answer, *, is_about_webinar: bool = False) -> ProviderError:
    """The error that an answer other than success stands for."""
    is_refused = responses.parse_body(answer).get("code") == 200
    extra = ("webinar_plan",) if is_about_webinar and is_refused else ()
    return responses.judge_answer(answer, place=PLACE, rules=RULES, judge_fields=_judge_fields, extra=extra)


def is_about_recurrence(error: Rejected) -> bool:
    return " recurrence" in error.detail


def _judge_fields(fields: list[str]) -> Rejected:
    heads = [field.partition(".")[0] for field in fields]
    said = next((FIELD_WORDS[head] for head in heads if head in FIELD_WORDS), TAKES_NOT)
    return Rejected(said, detail=" ".join(["400 code300", *fields]))
