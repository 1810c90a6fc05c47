"""What Zoom's refusals mean where its phone was asked for.

The same code says one thing of a list and another of a voicemail, and a status of 400 or 404 as it happens.
"""

from integrations.errors import AdminNeeded, CursorExpired, Gone, ProviderError, Rejected
from integrations.providers.http import Answer, Rule
from integrations.zoom import responses
from integrations.zoom.responses import WORDS
from phone.systems import PLACE

NO_PHONE = (
    "Zoom says that this account has no Zoom Phone, or that the app may not use it. An administrator has to set Zoom "
    "Phone up at Zoom, or give the account of another organization under Administration, Phone system."
)
TAKES_NOT = "Zoom does not accept this request as it is. Tell your administrator."
NO_AUDIO = "This voicemail can no longer be played: Zoom does not have it any more."
_FORBIDDEN: Rule = (frozenset({"forbidden", "code200", "code2001"}), AdminNeeded, NO_PHONE)
RULES: tuple[Rule, ...] = (
    (frozenset({"code404", "code1001"}), Gone, WORDS.gone),
    _FORBIDDEN,
)
VOICEMAIL_RULES: tuple[Rule, ...] = ((frozenset({"code404", "code300"}), Gone, NO_AUDIO), _FORBIDDEN)


def judge_answer(answer: Answer) -> ProviderError:
    """The error that an answer other than success stands for."""
    body = responses.parse_body(answer)
    if answer.status == 400 and body.get("code") in (300, 301, 400) and not body.get("errors"):
        # Of all that a list is asked with, only the token of a page gets too old: it lives 15 minutes.
        return CursorExpired(WORDS.read_again, detail=f"400 code{body['code']}")
    return responses.judge_answer(
        answer, place=PLACE, rules=RULES, judge_fields=_judge_fields, extra=_list_extra(answer)
    )


def judge_voicemail(answer: Answer) -> ProviderError:
    """The same for one message and its sound. Of one that does not exist Zoom says that a field is invalid."""
    body = responses.parse_body(answer)
    if answer.status == 400 and body.get("code") == 300 and not body.get("errors"):
        return Gone(NO_AUDIO, detail="400 code300")
    return responses.judge_answer(
        answer, place=PLACE, rules=VOICEMAIL_RULES, judge_fields=_judge_fields, extra=_list_extra(answer)
    )


def _list_extra(answer: Answer) -> tuple[str, ...]:
    return ("forbidden",) if answer.status == 403 else ()


def _judge_fields(fields: list[str]) -> Rejected:
    return Rejected(TAKES_NOT, detail=" ".join(["400 code300", *fields]))
