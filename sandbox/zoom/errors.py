"""Refusals as Zoom words them: a code of its own beside the status, a message, and for fields a list."""

from __future__ import annotations

from typing import Any


class ZoomError(Exception):
    """An answer that is an error: HTTP status, JSON body, headers.

    Reference: https://developers.zoom.us/docs/api/errors/
    """

    def __init__(
        self, status: int, code: int, message: str, *, fields: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.body: dict[str, Any] = {"code": code, "message": message}
        if fields:
            self.body["errors"] = [{"field": field, "message": text} for field, text in fields.items()]
        super().__init__(self.body)
        self.status, self.headers = status, headers or {}


class OAuthError(Exception):
    """The token endpoint's own shape, with the reason beside OAuth's code."""

    def __init__(self, error: str, reason: str, *, status: int = 400) -> None:
        self.body = {"reason": reason, "error": error}
        super().__init__(self.body)
        self.status = status


def token_refused(*, is_expired: bool = False) -> ZoomError:
    return ZoomError(401, 124, "Access token is expired." if is_expired else "Invalid access token.")


def scopes_missing(scope: str) -> ZoomError:
    return ZoomError(400, 4711, f"Invalid access token, does not contain scopes:[{scope}].")


def no_such_user(who: str) -> ZoomError:
    return ZoomError(404, 1001, f"User does not exist: {who}.")


def no_such_meeting(kind: str, number: str) -> ZoomError:
    text = "Webinar does not exist" if kind == "webinar" else "Meeting does not exist"
    return ZoomError(404, 3001, f"{text}: {number}.")


def no_webinar_plan() -> ZoomError:
    return ZoomError(
        400,
        200,
        "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars for this user in order "
        "to perform this action.",
    )


def invalid(fields: dict[str, str]) -> ZoomError:
    return ZoomError(400, 300, "Validation Failed.", fields=fields)
