"""OAuth 2.0 and OpenID Connect as Google documents them: choose an account, consent, tokens, revocation.

Reference: https://developers.google.com/identity/protocols/oauth2/web-server
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from flask import Blueprint, Response, jsonify, redirect, render_template, request

from sandbox.google.scopes import AUTH, SIGN_IN, is_known, parse_scopes, sentence
from sandbox.google.tokens import Client, Issued, TokenRefused
from sandbox.same_origin import check_same_origin
from sandbox.store import Person

if TYPE_CHECKING:
    from sandbox.google import Google

COOKIE = "sandbox_google_accounts"
SCHEMA = "CREATE TABLE IF NOT EXISTS g_pending (id TEXT PRIMARY KEY, asked TEXT NOT NULL, since REAL NOT NULL);"


def subject(email: str) -> str:
    """Google's stable number for an account."""
    return str(10**20 + int(hashlib.sha256(email.encode()).hexdigest()[:16], 16) % 10**19)


class Refused(Exception):
    """The page Google shows instead of redirecting, because the redirect address cannot be trusted."""

    def __init__(self, error: str, sentence: str, detail: str = "") -> None:
        super().__init__(error)
        self.error, self.sentence, self.detail = error, sentence, detail
        self.status = 401 if error == "invalid_client" else 400


class Authorization:
    """The routes of the authorization server."""

    def __init__(self, google: Google) -> None:
        self.google = google
        google.store.create(SCHEMA)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("google_oauth", __name__)
        for path in ("/google/o/oauth2/v2/auth", "/google/o/oauth2/auth"):
            routes.add_url_rule(path, f"authorize_{path.count('/')}", self.authorize, methods=["GET"])
        routes.add_url_rule("/google/o/oauth2/choice", view_func=self.choose, methods=["POST"])
        routes.add_url_rule("/google/o/oauth2/consent", view_func=self.decide, methods=["POST"])
        routes.add_url_rule("/google/token", view_func=self.token, methods=["POST"])
        routes.add_url_rule("/google/revoke", view_func=self.revoke, methods=["POST", "GET"])
        for path in ("/google/v1/userinfo", "/google/oauth2/v3/userinfo", "/google/oauth2/v1/userinfo"):
            routes.add_url_rule(path, f"userinfo{path.replace('/', '_')}", self.userinfo, methods=["GET", "POST"])
        routes.add_url_rule("/google/tokeninfo", view_func=self.tokeninfo, methods=["GET", "POST"])
        routes.add_url_rule("/google/oauth2/v3/certs", view_func=self.certs)
        routes.add_url_rule("/google/.well-known/openid-configuration", view_func=self.configuration)
        routes.register_error_handler(Refused, self._show_refusal)
        return routes

    # choosing and consenting

    def authorize(self) -> Any:
        asked = self._read_request()
        prompts = set(asked["prompt"].split())
        hinted = self._find_account(asked["login_hint"])
        if "none" in prompts:
            return self._answer_silently(asked, hinted)
        pending = self._stash(asked)
        if hinted and "select_account" not in prompts:
            return self._consent_page(pending, asked, hinted)
        signed_in = self._signed_in()
        people = sorted(self.google.store.people, key=lambda person: person.email not in signed_in)
        return render_template("google/choose.html", pending=pending, client=asked["client_name"], people=people,
                               signed_in=signed_in)  # fmt: skip

    def choose(self) -> Any:
        check_same_origin()
        asked = self._find_pending(request.form.get("pending", ""))
        person = self._find_account(request.form.get("email", ""))
        if person is None:
            raise Refused("invalid_request", "That account does not exist in this sandbox.")
        page = self._consent_page(request.form["pending"], asked, person)
        return self._remember_account(page, person)

    def decide(self) -> Any:
        check_same_origin()
        pending = request.form.get("pending", "")
        asked = self._find_pending(pending)
        person = self._find_account(request.form.get("email", ""))
        if person is None:
            raise Refused("invalid_request", "That account does not exist in this sandbox.")
        self.google.store.run("DELETE FROM g_pending WHERE id = ?", pending)
        if request.form.get("decision") != "allow":
            return self._remember_account(self._send_back(asked, {"error": "access_denied"}), person)
        ticked, boxes = set(request.form.getlist("scope")), self._boxes(asked)
        scopes = [scope for scope in asked["scopes"] if scope in ticked or scope not in boxes]
        return self._remember_account(self._grant(asked, person, scopes), person)

    def _consent_page(self, pending: str, asked: dict[str, Any], person: Person) -> Any:
        held = set(self.google.tokens.granted(asked["client_id"], person.email))
        if set(asked["scopes"]) <= held and "consent" not in asked["prompt"].split():
            self.google.store.run("DELETE FROM g_pending WHERE id = ?", pending)
            return self._remember_account(self._grant(asked, person, asked["scopes"], first=False), person)
        boxes = self._boxes(asked)
        lines = [{"scope": s, "sentence": sentence(s), "held": s in held, "box": s in boxes} for s in asked["scopes"]]
        return render_template("google/consent.html", pending=pending, client=asked["client_name"], person=person,
                               lines=lines, boxes=boxes, host=urlsplit(asked["redirect_uri"]).netloc)  # fmt: skip

    @staticmethod
    def _boxes(asked: dict[str, Any]) -> list[str]:
        """Scopes with a box to untick: what is not sign-in, and only when more than one such is asked for.

        Reference: https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
        """
        rest = [scope for scope in asked["scopes"] if scope not in SIGN_IN]
        return rest if len(rest) > 1 else []

    def _answer_silently(self, asked: dict[str, Any], hinted: Person | None) -> Any:
        person = hinted or next((self._find_account(email) for email in self._signed_in()), None)
        if person is None or person.email not in self._signed_in():
            return self._send_back(asked, {"error": "login_required"})
        if not set(asked["scopes"]) <= set(self.google.tokens.granted(asked["client_id"], person.email)):
            return self._send_back(asked, {"error": "interaction_required"})
        return self._grant(asked, person, asked["scopes"], first=False)

    def _grant(self, asked: dict[str, Any], person: Person, scopes: list[str], *, first: bool = True) -> Any:
        if not scopes:
            return self._send_back(asked, {"error": "access_denied"})
        if asked["include_granted_scopes"] == "true":
            scopes = list(dict.fromkeys([*scopes, *self.google.tokens.granted(asked["client_id"], person.email)]))
        code = self.google.tokens.issue_code(
            asked["client_id"], person.email, scopes, asked["redirect_uri"], challenge=asked["code_challenge"],
            method=asked["code_challenge_method"], nonce=asked["nonce"],
            wants_refresh=asked["access_type"] == "offline" and first,
        )  # fmt: skip
        return self._send_back(
            asked, {"code": code, "scope": " ".join(scopes), "authuser": "0", "prompt": "consent" if first else "none"}
        )

    def _send_back(self, asked: dict[str, Any], values: dict[str, str]) -> Any:
        if asked["state"]:
            values = {"state": asked["state"]} | values
        joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
        return redirect(f"{asked['redirect_uri']}{joint}{urlencode(values)}", 303)

    def _read_request(self) -> dict[str, Any]:
        """What the app asks for. Raises Refused."""
        get = request.args.get
        client = self.google.tokens.find_client(get("client_id", ""))
        if client is None:
            raise Refused("invalid_client", "The OAuth client was not found.")
        redirect_uri = get("redirect_uri", "")
        if redirect_uri not in client.redirect_uris:
            raise Refused(
                "redirect_uri_mismatch",
                "You can't sign in to this app because it doesn't comply with Google's OAuth 2.0 policy.",
                f"If you're the app developer, register the redirect URI in the sandbox. redirect_uri={redirect_uri}",
            )
        if get("response_type") != "code":
            raise Refused("invalid_request", "Required parameter is missing or wrong: response_type must be code.")
        scopes = parse_scopes(get("scope", ""))
        if not scopes:
            raise Refused("invalid_request", "Missing required parameter: scope")
        if unknown := [scope for scope in scopes if not is_known(scope)]:
            raise Refused("invalid_scope", f"Some requested scopes were invalid. {{invalid={unknown}}}")
        method = get("code_challenge_method", "plain") if get("code_challenge") else ""
        if method not in ("", "plain", "S256"):
            raise Refused("invalid_request", "Invalid code_challenge_method.")
        names = ("state", "prompt", "access_type", "include_granted_scopes", "login_hint", "nonce", "code_challenge")
        return {name: get(name, "") for name in names} | {
            "client_id": client.id, "client_name": client.name, "redirect_uri": redirect_uri, "scopes": scopes,
            "code_challenge_method": method,
        }  # fmt: skip

    def _stash(self, asked: dict[str, Any]) -> str:
        pending = secrets.token_urlsafe(24)
        now = self.google.clock.seconds()
        self.google.store.run("DELETE FROM g_pending WHERE since < ?", now - 3600)
        self.google.store.run("INSERT INTO g_pending VALUES (?, ?, ?)", pending, json.dumps(asked), now)
        return pending

    def _find_pending(self, pending: str) -> dict[str, Any]:
        row = self.google.store.row("SELECT asked FROM g_pending WHERE id = ?", pending)
        if row is None:
            raise Refused(
                "invalid_request", "This consent page is no longer valid. Go back to the app and start again."
            )
        asked: dict[str, Any] = json.loads(row["asked"])
        return asked

    def _find_account(self, hint: str) -> Person | None:
        found = self.google.store.people.find(hint) if "@" in hint else None
        if found or not hint.isdigit():
            return found
        return next((person for person in self.google.store.people if subject(person.email) == hint), None)

    @staticmethod
    def _signed_in() -> list[str]:
        return [email for email in request.cookies.get(COOKIE, "").split("|") if email]

    def _remember_account(self, answer: Any, person: Person) -> Response:
        response = answer if isinstance(answer, Response) else Response(answer)
        accounts = [person.email, *(email for email in self._signed_in() if email != person.email)]
        response.set_cookie(COOKIE, "|".join(accounts[:10]), httponly=True, samesite="Lax", path="/google/")
        return response

    @staticmethod
    def _show_refusal(refusal: Refused) -> tuple[str, int]:
        return render_template("google/refused.html", refusal=refusal), refusal.status

    # tokens

    def token(self) -> Any:
        try:
            issued = self._issue_tokens()
        except TokenRefused as refusal:
            answer = jsonify(error=refusal.error, error_description=refusal.description)
            answer.status_code = refusal.status
            return self._uncached(answer)
        values: dict[str, Any] = {"access_token": issued.access, "expires_in": issued.expires_in}
        if issued.refresh:
            values["refresh_token"] = issued.refresh
        values |= {"scope": " ".join(issued.scopes), "token_type": "Bearer"}
        if "openid" in issued.scopes:
            values["id_token"] = self._id_token(issued)
        return self._uncached(jsonify(values))

    def _issue_tokens(self) -> Issued:
        client_id, secret = request.form.get("client_id", ""), request.form.get("client_secret", "")
        if request.authorization and request.authorization.type == "basic":
            client_id = unquote(request.authorization.username or "")
            secret = unquote(request.authorization.password or "")
        grant = request.form.get("grant_type", "")
        if not grant:
            raise TokenRefused("invalid_request", "Missing required parameter: grant_type")
        if grant not in ("authorization_code", "refresh_token"):
            raise TokenRefused("unsupported_grant_type", f"Invalid grant_type: {grant}")
        if not client_id:
            raise TokenRefused("invalid_request", "Could not determine client ID from request.")
        client: Client = self.google.tokens.check_client(client_id, secret)
        if grant == "refresh_token":
            if not request.form.get("refresh_token"):
                raise TokenRefused("invalid_request", "Missing required parameter: refresh_token")
            scope = parse_scopes(request.form.get("scope", "")) or None
            return self.google.tokens.refresh(client, request.form["refresh_token"], scope)
        if not request.form.get("code"):
            raise TokenRefused("invalid_request", "Missing required parameter: code")
        return self.google.tokens.redeem(
            client, request.form["code"], request.form.get("redirect_uri", ""), request.form.get("code_verifier", "")
        )

    @staticmethod
    def _uncached(answer: Response) -> Response:
        answer.headers["Cache-Control"] = "no-cache, no-store, max-age=0, must-revalidate"
        answer.headers["Pragma"] = "no-cache"
        return answer

    def revoke(self) -> Any:
        if not self.google.tokens.revoke(request.values.get("token", "")):
            return jsonify(error="invalid_token", error_description="Token expired or revoked"), 400
        return jsonify({})

    def userinfo(self) -> Any:
        access = self.google.tokens.find_access(self._bearer())
        person = self.google.store.people.find(access.email) if access else None
        if access is None or person is None or not access.scopes & SIGN_IN:
            answer = jsonify(error="invalid_request", error_description="Invalid Credentials")
            answer.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
            return answer, 401
        return jsonify(self._claims(person, access.scopes))

    def tokeninfo(self) -> Any:
        token = request.values.get("access_token", "")
        access = self.google.tokens.find_access(token)
        if access is None:
            return jsonify(error="invalid_token", error_description="Invalid Value"), 400
        return jsonify(
            azp=access.client, aud=access.client, scope=" ".join(sorted(access.scopes)), email=access.email,
            email_verified="true", sub=subject(access.email), access_type="offline",
            expires_in=str(self.google.tokens.seconds_left(token)),
        )  # fmt: skip

    @staticmethod
    def _bearer() -> str:
        header = request.headers.get("Authorization", "")
        return header[7:].strip() if header[:7].lower() == "bearer " else request.values.get("access_token", "")

    @staticmethod
    def _claims(person: Person, scopes: frozenset[str]) -> dict[str, Any]:
        claims: dict[str, Any] = {"sub": subject(person.email)}
        if f"{AUTH}userinfo.email" in scopes:
            claims |= {"email": person.email, "email_verified": True, "hd": person.email.split("@")[1]}
        if f"{AUTH}userinfo.profile" in scopes:
            given, _, family = person.name.partition(" ")
            claims |= {"name": person.name, "given_name": given, "family_name": family}
        return claims

    # signatures

    def _key(self) -> rsa.RSAPrivateKey:
        stored = self.google.store.read("google.signing_key", "")
        if not stored:
            made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            stored = made.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode()
            self.google.store.write("google.signing_key", stored)
        key = serialization.load_pem_private_key(stored.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    def _id_token(self, issued: Issued) -> str:
        person = self.google.store.people.find(issued.email)
        row = self.google.store.row("SELECT client FROM g_access WHERE token = ?", issued.access)
        assert person and row
        now = int(self.google.clock.seconds())
        digest = hashlib.sha256(issued.access.encode()).digest()[:16]
        claims = {"iss": f"{self.google.base_url}/google", "azp": row["client"], "aud": row["client"]}
        claims |= self._claims(person, frozenset(issued.scopes))
        claims |= {"at_hash": _encode(digest), "iat": now, "exp": now + 3600}
        if issued.nonce:
            claims["nonce"] = issued.nonce
        head = {"alg": "RS256", "kid": "sandbox", "typ": "JWT"}
        signed = ".".join(_encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
        signature = self._key().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encode(signature)}"

    def certs(self) -> Any:
        numbers = self._key().public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return jsonify(
            keys=[{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "sandbox",
                   "n": _encode(numbers.n.to_bytes(size)), "e": _encode(numbers.e.to_bytes(3))}]
        )  # fmt: skip

    def configuration(self) -> Any:
        base = f"{self.google.base_url}/google"
        return jsonify(
            issuer=base, authorization_endpoint=f"{base}/o/oauth2/v2/auth", token_endpoint=f"{base}/token",
            userinfo_endpoint=f"{base}/v1/userinfo", revocation_endpoint=f"{base}/revoke",
            jwks_uri=f"{base}/oauth2/v3/certs", response_types_supported=["code"], subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"], scopes_supported=["openid", "email", "profile"],
            token_endpoint_auth_methods_supported=["client_secret_post", "client_secret_basic"],
            code_challenge_methods_supported=["plain", "S256"],
            grant_types_supported=["authorization_code", "refresh_token"],
        )  # fmt: skip


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
