"""What Entra ID answers when it gives no token: who must act, in a sentence.

The names decide (`error`, `suberror`), and the AADSTS number where we know it says more: Microsoft wants nobody to rely
on the numbers alone. Texts are looked into for that number only, in the one answer that has no other place for it.

Reference: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from integrations.errors import (
    AdminNeeded,
    ConsentDenied,
    NotOffered,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Unexpected,
    Unreachable,
)
from integrations.providers import http
from integrations.providers.http import Words
from integrations.providers.office365.responses import RECONNECT, keep_claims

WORDS = Words("Microsoft")
START_AGAIN = "This sign-in at Microsoft took too long or was used already. Start again."
NOT_SET_UP = "Microsoft does not accept how this server is registered there. Tell your administrator."
APPROVE = "Your organization wants an administrator to approve Portico at Microsoft first."
SECOND_FACTOR = "Microsoft wants you to sign in again, for example with a second factor. Reconnect to go on."
NOT_ALLOWED = (
    "You did not allow access at Microsoft, so nothing was added. If it asked for an administrator's approval, ask "
    "your administrator to approve Portico first."
)

_NUMBER = re.compile(r"\bAADSTS(\d{5,8})\b")


@dataclass(eq=False)
class Refusal(Exception):
    """An answer of Entra ID's that is no token. `claims`: what it wants to be asked for next time, as JSON."""

    error: str = ""
    suberror: str = ""
    numbers: tuple[int, ...] = ()
    """AADSTS numbers. They change over the years: `error` and `suberror` decide where a number is unknown."""
    status: int = 0
    claims: str = ""
    retry_after: timedelta | None = None

    @property
    def detail(self) -> str:
        names = http.keep_names((self.error, self.suberror))
        return " ".join([str(self.status or ""), *names, *[f"AADSTS{one}" for one in self.numbers]]).strip()


Verdict = tuple[type[ProviderError], str]

_BY_NUMBER: dict[int, Verdict] = {
    **dict.fromkeys((65004,), (ConsentDenied, NOT_ALLOWED)),
    **dict.fromkeys((65001, 90008, 90093, 90094, 900941), (AdminNeeded, APPROVE)),
    90095: (
        AdminNeeded,
        "Your request for an administrator's approval was sent at Microsoft. Try again when it is given.",
    ),
    50105: (
        AdminNeeded,
        "Your administrator has to assign your account to Portico at Microsoft first: only some may use it there.",
    ),
    50057: (AdminNeeded, "Your account is disabled at Microsoft. Ask your administrator."),
    50053: (
        AdminNeeded,
        "Microsoft has locked your account, or refuses the network that this came from. Ask your administrator.",
    ),
    **dict.fromkeys(
        (53000, 53001, 53002, 53003, 530002, 530003, 530004),
        (
            AdminNeeded,
            "Your organization's rules at Microsoft (conditional access) do not let Portico sign in for you. "
            "Ask your administrator.",
        ),
    ),
    **dict.fromkeys(
        (50020, 50034, 50128, 51004, 90072),
        (
            ReconnectNeeded,
            "Microsoft does not know this account in the organization that this server works with. Start again with "
            "another account.",
        ),
    ),
    **dict.fromkeys((50072, 50074, 50076, 50079, 50158), (ReconnectNeeded, SECOND_FACTOR)),
    50055: (ReconnectNeeded, "Your password at Microsoft has expired. Change it there, then reconnect."),
    **dict.fromkeys(
        (50173, 50133),
        (ReconnectNeeded, "Your password was changed, or your sessions were ended, at Microsoft. Reconnect to go on."),
    ),
    **dict.fromkeys(
        (70043, 700081, 700082, 700084),
        (ReconnectNeeded, "Microsoft lets a sign-in last only so long, and this one has ended. Reconnect to go on."),
    ),
    50194: (
        NotOffered,
        "This server's registration at Microsoft is for one organization only, and the server does not say which. "
        "Tell your administrator.",
    ),
    **dict.fromkeys(
        (90002, 900023),
        (
            NotOffered,
            "Microsoft does not know the organization that this server is set to work with. Tell your administrator.",
        ),
    ),
    **dict.fromkeys(
        (7000215, 7000222, 700027, 700024, 7000218),
        (
            NotOffered,
            "The secret or certificate with which this server signs in at Microsoft is wrong or has expired. "
            "Tell your administrator.",
        ),
    ),
    **dict.fromkeys(
        (50011, 500113, 900971),
        (NotOffered, "The address of this server is not registered at Microsoft. Tell your administrator."),
    ),
    **dict.fromkeys((700016, 7000112, 700025, 65005, 650052, 650053, 650056, 70011), (NotOffered, NOT_SET_UP)),
    **dict.fromkeys((50196, 90055), (RateLimited, WORDS.slow_down)),
    **dict.fromkeys((90033, 90006, 90024), (Unreachable, WORDS.unreachable)),
}
_BY_NAME: dict[str, Verdict] = {
    "consent_required": (AdminNeeded, APPROVE),
    "access_denied": (ConsentDenied, NOT_ALLOWED),
    "invalid_grant": (ReconnectNeeded, RECONNECT),
    "interaction_required": (ReconnectNeeded, SECOND_FACTOR),
    "login_required": (ReconnectNeeded, SECOND_FACTOR),
    **dict.fromkeys(
        ("invalid_client", "unauthorized_client", "invalid_resource", "invalid_scope", "invalid_tenant"),
        (NotOffered, NOT_SET_UP),
    ),
    "invalid_instance": (
        NotOffered,
        "Microsoft does not know the sign-in address that is set for this server. Tell your administrator.",
    ),
    **dict.fromkeys(("temporarily_unavailable", "server_error"), (Unreachable, WORDS.unreachable)),
    "slow_down": (RateLimited, WORDS.slow_down),
}


def judge(refusal: Refusal, *, is_renewal: bool) -> ProviderError:
    """Who must act. `is_renewal`: it was about a grant given before, which only the person can give again."""
    names = (refusal.suberror, refusal.error)
    found = next((_BY_NUMBER[one] for one in refusal.numbers if one in _BY_NUMBER), None)
    found = found or next((_BY_NAME[one] for one in names if one in _BY_NAME), None)
    if refusal.status == 429:
        found = RateLimited, WORDS.slow_down
    elif found is None and refusal.status >= 500:
        found = Unreachable, WORDS.unreachable
    kind, sentence = found or (Unexpected, "Microsoft did not finish the sign-in. Start again.")
    if is_renewal and (kind is ConsentDenied or sentence == APPROVE):
        kind, sentence = ReconnectNeeded, "Your approval of Portico at Microsoft was taken back. Reconnect to go on."
    if kind is Unexpected and is_renewal:
        sentence = WORDS.not_understood
    if issubclass(kind, RateLimited | Unreachable):
        return kind(sentence, detail=refusal.detail, retry_after=refusal.retry_after)
    if issubclass(kind, AdminNeeded):
        return kind(sentence, detail=refusal.detail, can_approve=sentence == APPROVE)
    return kind(sentence, detail=refusal.detail)


def parse_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """Of a token endpoint's answer; whatever it is."""
    retry_after = http.parse_retry_after(headers.get("Retry-After", ""))
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        return Refusal(status=status, retry_after=retry_after)
    codes = answer.get("error_codes")
    numbers = [one for one in codes if isinstance(one, int)] if isinstance(codes, list) else []
    return Refusal(
        _text(answer.get("error")),
        _text(answer.get("suberror")),
        tuple(numbers[:5]) or _find_numbers(answer.get("error_description")),
        status,
        keep_claims(answer.get("claims")),
        retry_after,
    )


def parse_answer(answer: Mapping[str, str]) -> Refusal | None:
    """Of the query that a browser comes back with; None where it is no refusal. Only here a text is looked into."""
    if not answer.get("error"):
        return None
    numbers = _find_numbers(answer.get("error_description"))
    return Refusal(_text(answer["error"]), _text(answer.get("error_subcode")), numbers)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _find_numbers(text: Any) -> tuple[int, ...]:
    return tuple(int(one) for one in _NUMBER.findall(text)[:5]) if isinstance(text, str) else ()
