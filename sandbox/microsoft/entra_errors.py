"""Refusals of Entra ID: AADSTS numbers, the OAuth error each goes with, and the shape they are told in.

Reference: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

POLICY = "3f6a2b0e-2f4b-4d1c-9b53-6a1f5d0b7c11"
# what a client has to hand to the next authorization request, so that the person is asked for what is missing
CLAIMS = json.dumps({"access_token": {"capolids": {"essential": True, "values": [POLICY]}}}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Code:
    """error is said by the token endpoint, sent_back by the authorization endpoint ("": the same)."""

    error: str
    sentence: str
    suberror: str = ""
    sent_back: str = ""
    status: int = 400
    has_claims: bool = False


GRANT = "invalid_grant"
CODES = {
    50011: Code("invalid_request", "The redirect URI '{redirect_uri}' specified in the request does not match the "
                "redirect URIs configured for the application '{client}'."),
    50020: Code(GRANT, "User account '{email}' from identity provider '{home}' does not exist in tenant '{tenant}' and "
                "cannot access the application '{client}'({app}) in that tenant.", sent_back="access_denied"),
    50034: Code(GRANT, "The user account {email} does not exist in the {tenant} directory. To sign into this "
                "application, the account must be added to the directory.", sent_back="access_denied"),
    50053: Code(GRANT, "The account is locked, because of too many attempts to sign in with a wrong password.",
                sent_back="access_denied"),
    50057: Code(GRANT, "The user account is disabled.", sent_back="access_denied"),
    50058: Code("login_required", "A silent sign-in request was sent but no user is signed in."),
    50076: Code(GRANT, "Due to a configuration change made by your administrator, or because you moved to a new "
                "location, you must use multi-factor authentication to access '00000003-0000-0000-c000-000000000000'.",
                "basic_action", "interaction_required", has_claims=True),
    50079: Code(GRANT, "Due to a configuration change made by your administrator, or because you moved to a new "
                "location, you must enroll in multi-factor authentication to access "
                "'00000003-0000-0000-c000-000000000000'.", "basic_action", "interaction_required", has_claims=True),
    50105: Code(GRANT, "Your administrator has configured the application {app} ('{client}') to block users unless "
                "they are specifically granted ('assigned') access to it. The signed in user '{email}' is blocked.",
                sent_back="access_denied"),
    50158: Code(GRANT, "External security challenge not satisfied.", "basic_action", "interaction_required",
                has_claims=True),
    50173: Code(GRANT, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user "
                "might have changed or reset their password.", "bad_token", "interaction_required"),
    50194: Code("invalid_request", "Application '{client}'({app}) is not configured as a multi-tenant application. "
                "Usage of the /common endpoint is not supported for such apps. Use a tenant-specific endpoint or "
                "configure the application to be multi-tenant."),
    50196: Code("temporarily_unavailable", "The server terminated an operation because it encountered a client request "
                "loop. Please contact your app vendor.", status=429),
    53000: Code(GRANT, "Device is not in required device state: not compliant. Conditional Access policy requires a "
                "compliant device.", "message_only", "access_denied", has_claims=True),
    53003: Code(GRANT, "Access has been blocked by Conditional Access policies. The access policy does not allow token "
                "issuance.", "message_only", "access_denied", has_claims=True),
    54005: Code(GRANT, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an "
                "existing refresh token."),
    65001: Code(GRANT, "The user or administrator has not consented to use the application with ID '{client}' named "
                "'{app}'. Send an interactive authorization request for this user and resource.", "consent_required",
                "consent_required"),
    65004: Code("access_denied", "User declined to consent to access the app."),
    70000: Code(GRANT, "Provided grant is invalid or malformed."),
    70003: Code("unsupported_grant_type", "The app requested an unsupported grant type '{name}'."),
    70008: Code(GRANT, "The provided authorization code or refresh token has expired due to inactivity. Send a new "
                "interactive authorization request for this user and resource.", "token_expired"),
    70011: Code("invalid_scope", "The provided value for the input parameter 'scope' is not valid."),
    70043: Code(GRANT, "The refresh token has expired or is invalid due to sign-in frequency checks by Conditional "
                "Access.", "token_expired", "interaction_required"),
    90002: Code("invalid_request", "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and "
                "are signing into the correct cloud."),
    90033: Code("temporarily_unavailable", "A transient error has occurred. Please try again.", status=503),
    90055: Code("temporarily_unavailable", "There are too many incoming requests. This exception is thrown for blocked "
                "tenants.", status=429),
    90094: Code(GRANT, "An administrator of {tenant} has set a policy that prevents you from granting {app} the "
                "permissions it is requesting. Contact an administrator of {tenant}, who can grant permissions to this "
                "app on your behalf.", "consent_required", "consent_required"),
    501481: Code(GRANT, "The Code_Verifier does not match the code_challenge supplied in the authorization request."),
    650053: Code("invalid_client", "The application '{app}' asked for scope '{scope}' that doesn't exist on the "
                 "resource '00000003-0000-0000-c000-000000000000'."),
    700003: Code(GRANT, "Device object was not found in the tenant '{tenant}' directory.",
                 "device_authentication_failed", "access_denied"),
    700007: Code(GRANT, "The grant was issued for a different client id."),
    700016: Code("unauthorized_client", "Application with identifier '{client}' was not found in the directory "
                 "'{tenant}'. This can happen if the application has not been installed by the administrator of the "
                 "tenant or consented to by any user in the tenant."),
    700023: Code("invalid_client", "Client assertion audience claim does not match Realm issuer.", status=401),
    700024: Code("invalid_client", "Client assertion is not within its valid time range.", status=401),
    700027: Code("invalid_client", "The certificate with identifier used to sign the client assertion is not "
                 "registered on application, or the signature is not right.", status=401),
    700082: Code(GRANT, "The refresh token has expired due to inactivity. The token was inactive for 90.00:00:00.",
                 "bad_token", "interaction_required"),
    900144: Code("invalid_request", "The request body must contain the following parameter: '{name}'."),
    7000215: Code("invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is "
                  "the client secret value, not the client secret ID, for a secret added to app '{client}'.",
                  status=401),
    7000218: Code("invalid_client", "The request body must contain the following parameter: 'client_assertion' or "
                  "'client_secret'.", status=401),
    7000222: Code("invalid_client", "The provided client secret keys for app '{client}' are expired. Create new keys "
                  "for your app.", status=401),
}  # fmt: skip


class EntraError(Exception):
    """One of CODES, with what its sentence names. retry_after in seconds, 0 for none."""

    def __init__(self, number: int, named: Mapping[str, str] | None = None, *, retry_after: int = 0) -> None:
        super().__init__(f"AADSTS{number}")
        self.number, self.code, self.retry_after = number, CODES[number], retry_after
        blanks = {"client": "", "app": "", "tenant": "", "email": "{EmailHidden}", "home": "", "scope": "", "name": "",
                  "redirect_uri": ""}  # fmt: skip
        self.sentence = self.code.sentence.format(**blanks | dict(named or {}))

    def describe(self, now: datetime, *, correlation: str = "") -> dict[str, Any]:
        """The token endpoint's document."""
        trace, moment = str(uuid.uuid4()), f"{now:%Y-%m-%d %H:%M:%S}Z"
        correlation = correlation or str(uuid.uuid4())
        document: dict[str, Any] = {
            "error": self.code.error,
            "error_description": f"AADSTS{self.number}: {self.sentence} Trace ID: {trace} Correlation ID: {correlation}"
            f" Timestamp: {moment}",
            "error_codes": [self.number], "timestamp": moment, "trace_id": trace, "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }  # fmt: skip
        if self.code.suberror:
            document["suberror"] = self.code.suberror
        if self.code.has_claims:
            document["claims"] = CLAIMS
        return document

    def send_back(self, now: datetime) -> dict[str, str]:
        """What goes to the app's redirect address instead."""
        document = self.describe(now)
        return {
            "error": self.code.sent_back or self.code.error, "error_description": document["error_description"],
            "error_uri": document["error_uri"],
        }  # fmt: skip
