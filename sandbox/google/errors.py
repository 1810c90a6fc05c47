"""Refusals in the shape Google gives them: the Calendar API's older one, and the newer one with status and details."""

from __future__ import annotations

from typing import Any

GREEK_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}  # fmt: skip
AUTH_ADVICE = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class GoogleError(Exception):
    """An answer that is an error: HTTP status, JSON body, headers.

    Reference: https://developers.google.com/workspace/calendar/api/guides/errors
    """

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(body)
        self.status, self.body, self.headers = status, body, headers or {}


def calendar_error(
    status: int, reason: str, message: str, *, domain: str = "global", location: str = "", kind: str = "parameter"
) -> GoogleError:
    """The Calendar API's shape. location names the parameter (or header) at fault, if one is."""
    entry = {"domain": domain, "reason": reason, "message": message}
    if location:
        entry |= {"locationType": kind, "location": location}
    return GoogleError(status, {"error": {"errors": [entry], "code": status, "message": message}})


def people_error(status: int, message: str, *, greek: str = "", reason: str = "") -> GoogleError:
    """The People API's shape. reason adds an ErrorInfo."""
    error: dict[str, Any] = {"code": status, "message": message, "status": greek or GREEK_STATUS[status]}
    if reason:
        error["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": "people.googleapis.com",
            }
        ]
    return GoogleError(status, {"error": error})


def _guarded(status: int, message: str, entry: dict[str, str], info: dict[str, Any], www: str) -> GoogleError:
    """What Google's front end says before an API is reached: the newer shape with the older list inside."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "domain": "googleapis.com"} | info
    body = {
        "code": status, "message": message, "errors": [entry], "status": GREEK_STATUS[status], "details": [info],
    }  # fmt: skip
    return GoogleError(status, {"error": body}, {"WWW-Authenticate": www})


def credentials_missing(service: str, method: str) -> GoogleError:
    return _guarded(
        401,
        f"Request is missing required authentication credential. {AUTH_ADVICE}",
        {"message": "Login Required.", "domain": "global", "reason": "required", "location": "Authorization",
         "locationType": "header"},
        {"reason": "CREDENTIALS_MISSING", "metadata": {"service": service, "method": method}},
        'Bearer realm="https://accounts.google.com/"',
    )  # fmt: skip


def credentials_refused(service: str, method: str) -> GoogleError:
    """The access token is unknown, expired or revoked."""
    return _guarded(
        401,
        f"Request had invalid authentication credentials. {AUTH_ADVICE}",
        {"message": "Invalid Credentials", "domain": "global", "reason": "authError", "location": "Authorization",
         "locationType": "header"},
        {"reason": "ACCESS_TOKEN_EXPIRED", "metadata": {"service": service, "method": method}},
        'Bearer realm="https://accounts.google.com/", error="invalid_token"',
    )  # fmt: skip


def scope_insufficient(service: str, method: str, accepted: list[str]) -> GoogleError:
    return _guarded(
        403,
        "Request had insufficient authentication scopes.",
        {"message": "Insufficient Permission", "domain": "global", "reason": "insufficientPermissions"},
        {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "metadata": {"service": service, "method": method}},
        f'Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="{" ".join(accepted)}"',
    )


def not_found() -> GoogleError:
    return calendar_error(404, "notFound", "Not Found")


def required(name: str, message: str = "") -> GoogleError:
    return calendar_error(400, "required", message or f"Required parameter: {name}", location=name)


def invalid(name: str, message: str = "Bad Request") -> GoogleError:
    return calendar_error(400, "invalid", message, location=name)


def precondition_failed() -> GoogleError:
    return calendar_error(412, "conditionNotMet", "Precondition Failed", location="If-Match", kind="header")


def full_sync_required() -> GoogleError:
    """The Calendar API's word for a sync token that is void."""
    return calendar_error(
        410, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.", domain="calendar",
        location="syncToken",
    )  # fmt: skip


def sync_token_expired() -> GoogleError:
    """The People API's.

    Reference: https://developers.google.com/people/api/rest/v1/people.connections/list
    """
    return people_error(
        400, "Sync token is expired. Clear local cache and retry call without the sync token.",
        greek="FAILED_PRECONDITION", reason="EXPIRED_SYNC_TOKEN",
    )  # fmt: skip
