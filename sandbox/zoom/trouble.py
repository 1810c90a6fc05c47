"""How Zoom words its refusals.

Reference: https://developers.zoom.us/docs/api/rate-limits/
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

from werkzeug.wrappers import Response

from sandbox.faults import Environ, Face, Rule
from sandbox.zoom.errors import OAuthError, ZoomError, no_such_meeting, no_such_user, scopes_missing, token_refused

if TYPE_CHECKING:
    from sandbox.zoom import Zoom

PHONE = "/zoom/v2/phone/"
"""What is behind it has a face of its own."""


class ZoomFace(Face):
    name = "Zoom"
    prefixes = ("/zoom/v2/", "/zoom/oauth/")
    kinds = {
        "401": "401, the access token is refused (code 124)",
        "400-token": "the same with status 400, as Zoom does at times",
        "4711": "400, the app lacks a scope (code 4711)",
        "404-user": "404, the user does not exist (code 1001)",
        "404": "404, the meeting does not exist (code 3001)",
        "429": "429, too many requests in a second, without Retry-After",
        "429-day": "429, too many requests in a day; Retry-After is an ISO date (amount: seconds until then)",
        "500": "500 with a JSON body",
        "503": "503 with a JSON body",
        "invalid-client": "the token endpoint refuses the app",
        "endless": "there is always a next page, and it is the same one",
    }
    action_words = {"expire-access": "every access token of the account has expired"}

    def __init__(self, zoom: Zoom) -> None:
        super().__init__()
        self._meetings = zoom.meetings
        # Tokens are the app's, not a person's: they expire for everybody.
        self.actions = {"expire-access": lambda _: zoom.tokens.expire_all()}

    def covers(self, path: str) -> bool:
        return super().covers(path) and not path.startswith(PHONE)

    def find_account(self, environ: Environ) -> str:
        """Whose meetings it is about."""
        parts = str(environ.get("PATH_INFO", "")).removeprefix("/zoom/v2/").split("/")
        if len(parts) < 2:
            return ""
        if parts[0] == "users":
            user = self._meetings.find_user(unquote(parts[1]))
            return user.email if user else ""
        doc = self._meetings.find(int(parts[1])) if parts[1].isascii() and parts[1].isdigit() else None
        return doc["host_email"] if doc else ""

    def concerns(self, kind: str, path: str, query: dict[str, str]) -> bool:
        is_token = path.startswith("/zoom/oauth/")
        if kind == "invalid-client":
            return is_token
        if kind == "endless":
            return path.startswith("/zoom/v2/users/") and path.endswith(("/meetings", "/webinars"))
        if kind in ("401", "400-token", "4711", "404", "404-user", "429", "429-day"):
            return not is_token
        return super().concerns(kind, path, query)

    def refuse(self, rule: Rule, environ: Environ, query: dict[str, str]) -> Response | None:
        return dump_refusal(find_refusal(rule))

    def spoil(self, rule: Rule, query: dict[str, str], body: bytes) -> bytes:
        return lead_astray(rule, body)

    def prepare(self, rule: Rule, environ: Environ, query: dict[str, str]) -> None:
        forget_page(rule, environ)


def lead_astray(rule: Rule, body: bytes) -> bytes:
    """A list that has always a next page."""
    if rule.kind != "endless":
        return body
    return json.dumps(json.loads(body) | {"next_page_token": f"again{rule.hits}"}).encode()


def forget_page(rule: Rule, environ: Environ) -> None:
    if rule.kind == "endless":
        pairs = str(environ.get("QUERY_STRING", "")).split("&")
        environ["QUERY_STRING"] = "&".join(one for one in pairs if not one.startswith("next_page_token="))


def dump_refusal(error: ZoomError | OAuthError | None) -> Response | None:
    if error is None:
        return None
    headers = getattr(error, "headers", {})
    return Response(json.dumps(error.body), error.status, headers, mimetype="application/json")


def find_refusal(rule: Rule) -> ZoomError | OAuthError | None:
    match rule.kind:
        case "401":
            return token_refused()
        case "400-token":
            return ZoomError(400, 124, "Access token is expired.")
        case "4711":
            return scopes_missing("meeting:write:meeting:admin")
        case "404-user":
            return no_such_user("nobody")
        case "404":
            return no_such_meeting("meeting", "0")
        case "429":
            text = "You have reached the maximum per-second rate limit for this API. Try again later."
            limits = {"X-RateLimit-Category": "Medium", "X-RateLimit-Type": "QPS", "X-RateLimit-Limit": "20"}
            return ZoomError(429, 429, text, headers=limits | {"X-RateLimit-Remaining": "0"})
        case "429-day":
            text = (
                "You have reached the maximum daily rate limit for this API. Refer to the response header for details."
            )
            again = datetime.now(UTC) + timedelta(seconds=3600 if rule.amount is None else rule.amount)
            limits = {"X-RateLimit-Category": "Heavy", "X-RateLimit-Type": "Daily-limit", "X-RateLimit-Remaining": "0"}
            return ZoomError(429, 429, text, headers=limits | {"Retry-After": f"{again:%Y-%m-%dT%H:%M:%SZ}"})
        case "500" | "503":
            return ZoomError(int(rule.kind), 500, "An internal error occurred. Try again later.")
        case "invalid-client":
            return OAuthError("invalid_client", "Invalid client_id or client_secret")
    return None
