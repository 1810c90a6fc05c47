"""Entra ID's refusals on demand: each AADSTS number the sandbox knows, at the token or the authorization endpoint."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from werkzeug.wrappers import Response

from sandbox.faults import LINE_KINDS, Environ, Face, Rule
from sandbox.microsoft.entra_errors import CODES, EntraError

if TYPE_CHECKING:
    from sandbox.microsoft import Office365

BY_NUMBER = "aadsts-"
THROTTLED = (429, 503)
LONGEST_FORM = 1_000_000


class EntraFace(Face):
    name = "Entra ID"
    prefixes = ("/microsoft/",)
    kinds = {f"{BY_NUMBER}{number}": f"AADSTS{number}: {code.sentence}" for number, code in sorted(CODES.items())}

    def __init__(self, office365: Office365) -> None:
        super().__init__()
        self._office365 = office365
        self.actions = {
            "expire-access": office365.tokens.expire_access,
            "revoke-account": office365.tokens.revoke_account,
        }

    def covers(self, path: str) -> bool:
        """Not the forms that people send from the pages."""
        return super().covers(path) and not path.startswith("/microsoft/page/")

    def find_account(self, environ: Environ) -> str:
        """Whose code or refresh token is handed in, or whose name is hinted at."""
        if environ["REQUEST_METHOD"] != "POST":
            return str(dict(parse_qsl(environ.get("QUERY_STRING", ""))).get("login_hint", "")).lower()
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not 0 < length <= LONGEST_FORM:
            return ""
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        return self._office365.tokens.find_owner(form.get("refresh_token") or form.get("code") or "")

    def concerns(self, kind: str, path: str, query: dict[str, str]) -> bool:
        return kind in LINE_KINDS or (kind in self.kinds and path.endswith(("/token", "/authorize", "/adminconsent")))

    def refuse(self, rule: Rule, environ: Environ, query: dict[str, str]) -> Response | None:
        if not rule.kind.startswith(BY_NUMBER):
            return None
        number = int(rule.kind.removeprefix(BY_NUMBER))
        wait = int(30 if rule.amount is None else rule.amount) if CODES[number].status in THROTTLED else 0
        client = self._office365.tokens.first_client()
        named = {"client": client.id, "app": client.name} if client else {}
        error = EntraError(number, named | {"tenant": "Microsoft"}, retry_after=wait)
        if environ["PATH_INFO"].endswith("/token"):
            document, after = error.describe(self._office365.clock.now()), {"Retry-After": str(wait)} if wait else {}
            return Response(json.dumps(document), error.code.status, after, mimetype="application/json")
        return self._office365.authorization.refuse(environ["PATH_INFO"], query, error)
