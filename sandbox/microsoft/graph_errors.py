"""Refusals in the shape Microsoft Graph gives them.

Reference: https://learn.microsoft.com/en-us/graph/errors
Reference: https://learn.microsoft.com/en-us/graph/throttling
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import orjson

from sandbox.mailbox import MailboxError

# the status that goes with what a mailbox refuses; 400 for the others
STATUS = {
    "ErrorItemNotFound": 404, "ErrorFolderNotFound": 404, "ErrorIrresolvableConflict": 412, "ErrorAccessDenied": 403,
    "ErrorFolderExists": 409, "ErrorDeleteDistinguishedFolder": 403,
}  # fmt: skip
# a mailbox's own name for it → Graph's
CODES = {
    "ErrorFolderNotFound": "ErrorItemNotFound",
    "ErrorCalendarEndDateIsEarlierThanStartDate": "ErrorPropertyValidationFailure",
}
NOT_FOUND = "The specified object was not found in the store."
CHALLENGE = (
    'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize",'
    ' client_id="00000003-0000-0000-c000-000000000000"'
)


class GraphError(Exception):
    """An answer that is an error: HTTP status, code, message, headers; more goes beside code and message."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.headers, self.more = status, code, message, headers or {}, more

    def body(self, request_id: str = "", client_request_id: str = "") -> dict[str, Any]:
        """The JSON; without ids it makes up some."""
        request_id = request_id or str(uuid.uuid4())
        inner = {"date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", "request-id": request_id,
                 "client-request-id": client_request_id or request_id}  # fmt: skip
        return {"error": {"code": self.code, "message": self.message, **self.more, "innerError": inner}}

    def dump(self) -> bytes:
        return orjson.dumps(self.body())


def dress(error: MailboxError) -> GraphError:
    """What a mailbox refuses, as Graph says it."""
    code = CODES.get(error.code, error.code)
    message = NOT_FOUND if code == "ErrorItemNotFound" else error.message
    return GraphError(STATUS.get(error.code, 400), code, message)


def bad_request(message: str, code: str = "BadRequest") -> GraphError:
    return GraphError(400, code, message)


def not_found() -> GraphError:
    return GraphError(404, "ErrorItemNotFound", NOT_FOUND)


def malformed_id() -> GraphError:
    return GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def unknown_property(name: str, kind: str) -> GraphError:
    """In a body; kind: "event" and so on."""
    return GraphError(400, "RequestBodyRead", f"The property '{name}' does not exist on type 'microsoft.graph.{kind}'. "
                      "Make sure to only use property names that are defined by the type.")  # fmt: skip


def no_such_path(segment: str) -> GraphError:
    return GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")


def token_missing() -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", "Access token is empty.", {"WWW-Authenticate": CHALLENGE})


def token_refused() -> GraphError:
    """The access token is unknown, expired or revoked."""
    return GraphError(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.",
                      {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'})  # fmt: skip


def access_denied() -> GraphError:
    """The token's scopes do not reach this."""
    return GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def throttled(seconds: int, code: str = "ApplicationThrottled",
              message: str = "Application is over its MailboxConcurrency limit.") -> GraphError:  # fmt: skip
    """429; seconds 0: without Retry-After. The other code in use is TooManyRequests."""
    headers = {"Retry-After": str(seconds)} if seconds else {}
    return GraphError(429, code, message, headers)


def unavailable(seconds: int = 0) -> GraphError:
    headers = {"Retry-After": str(seconds)} if seconds else {}
    return GraphError(503, "ServiceUnavailable", "The service is temporarily unavailable. Please try again later.",
                      headers)  # fmt: skip


def timed_out() -> GraphError:
    return GraphError(504, "GatewayTimeout", "The server, while acting as a proxy, did not receive a timely response.")


def mailbox_inactive() -> GraphError:
    """The account has no mailbox in the cloud: no licence, deleted, or on premises."""
    return GraphError(404, "MailboxNotEnabledForRESTAPI",
                      "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")  # fmt: skip


def sync_state_not_found(status: int = 410, location: str = "") -> GraphError:
    """The state behind a delta or next link is gone. Seen in the wild as 410; documented as a 40x of this code.

    Reference: https://learn.microsoft.com/en-us/graph/delta-query-overview#synchronization-reset
    """
    return GraphError(status, "SyncStateNotFound",
                      "The sync state generation is not found; generation=149;[highest=157][157][155][156].",
                      {"Location": location} if location else {})  # fmt: skip


def sync_state_invalid() -> GraphError:
    return GraphError(400, "SyncStateInvalid", "The sync state is invalid.")


def untracked(resource: str, names: list[str]) -> GraphError:
    """Query options that change tracking does not take."""
    return GraphError(400, "ErrorInvalidUrlQuery", "The following parameters are not supported with change tracking "
                      f"over the '{resource}' resource: '{', '.join(names)}'.")  # fmt: skip
