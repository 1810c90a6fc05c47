"""How Zoom Phone words its refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from werkzeug.wrappers import Response

from sandbox.faults import Environ, Face, Rule
from sandbox.zoom.errors import OAuthError, ZoomError, scopes_missing
from sandbox.zoom.trouble import PHONE, ZoomFace, dump_refusal, find_refusal, forget_page, lead_astray

if TYPE_CHECKING:
    from sandbox.zoom import Zoom

LISTS = ("/users", "/call_history", "/voice_mails")


class PhoneFace(Face):
    name = "Zoom Phone"
    prefixes = (PHONE,)
    kinds = {kind: ZoomFace.kinds[kind] for kind in (
        "401", "400-token", "4711", "404-user", "429", "429-day", "500", "503", "endless")} | {
        "403-no-phone": "403, the account has no Zoom Phone (what the real one says there is not known)",
        "404-call": "404, the call does not exist (code 301), as for a moment after it has ended",
        "400-voicemail": "400, the voicemail does not exist (code 404)",
        "400-file": "400, the sound does not exist (code 404)",
        "429-concurrent": "429, another such request is still being answered",
    }  # fmt: skip

    def __init__(self, zoom: Zoom) -> None:
        super().__init__()
        self._users = zoom.phone.users
        self.actions = {"expire-access": lambda _: zoom.tokens.expire_all()}

    def find_account(self, environ: Environ) -> str:
        """Whose list it is; of an account's list and of single things nobody's."""
        parts = str(environ.get("PATH_INFO", "")).removeprefix(PHONE).split("/")
        user = self._users.find(unquote(parts[1])) if parts[0] == "users" and len(parts) > 1 else None
        return user.email if user else ""

    def concerns(self, kind: str, path: str, query: dict[str, str]) -> bool:
        match kind:
            case "endless":
                return path.endswith(LISTS)
            case "404-call":
                return path.startswith((f"{PHONE}call_history/", f"{PHONE}call_element/"))
            case "400-voicemail":
                return path.startswith(f"{PHONE}voice_mails/") and "/download/" not in path
            case "400-file":
                return "/download/" in path
        return super().concerns(kind, path, query)

    def refuse(self, rule: Rule, environ: Environ, query: dict[str, str]) -> Response | None:
        return dump_refusal(_find_refusal(rule))

    def prepare(self, rule: Rule, environ: Environ, query: dict[str, str]) -> None:
        forget_page(rule, environ)

    def spoil(self, rule: Rule, query: dict[str, str], body: bytes) -> bytes:
        return lead_astray(rule, body)


def _find_refusal(rule: Rule) -> ZoomError | OAuthError | None:
    match rule.kind:
        case "4711":
            return scopes_missing("phone:read:list_call_logs:admin")
        case "403-no-phone":
            return ZoomError(403, 403, "This account does not have Zoom Phone enabled.")
        case "404-call":
            return ZoomError(404, 301, "Call history does not exist for call history Id: 0.")
        case "400-voicemail":
            return ZoomError(400, 404, "Voice mail does not exist: 0.")
        case "400-file":
            return ZoomError(400, 404, "File does not exist.")
        case "429-concurrent":
            return ZoomError(429, 429, "Too many concurrent requests. A request to this API has already been made.")
    return find_refusal(rule)
