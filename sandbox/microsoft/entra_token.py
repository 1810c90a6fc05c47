"""Entra ID where programs see it: discovery, the token endpoint, signed id tokens and the keys to check them.

Reference: https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
Reference: https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from flask import Blueprint, Response, jsonify, request

from sandbox.microsoft.entra_assertion import check_assertion, find_issuer
from sandbox.microsoft.entra_errors import EntraError
from sandbox.microsoft.entra_scopes import dump_scopes, parse_scopes
from sandbox.microsoft.entra_tenants import Tenant, Tenants
from sandbox.microsoft.graph_ids import user_id
from sandbox.microsoft.tokens import Client, Issued

if TYPE_CHECKING:
    from sandbox.microsoft import Office365

GENERIC = ("common", "organizations", "consumers")
KEY_ID = "sandbox-entra"


def find_tenant(tenants: Tenants, segment: str) -> Tenant | None:
    """The tenant that an address names; None for those that stand for any. Raises EntraError."""
    if segment.lower() in GENERIC:
        return None
    found = tenants.find(segment)
    if found is None:
        raise EntraError(90002, {"tenant": segment})
    return found


def encode_client_info(email: str, tenant: Tenant) -> str:
    """Which account this is, in the form that Microsoft's libraries read."""
    return encode(json.dumps({"uid": user_id(email), "utid": tenant.id}).encode())


class TokenService:
    def __init__(self, office365: Office365) -> None:
        self.office365, self.tenants, self.tokens = office365, office365.tenants, office365.tokens

    def blueprint(self) -> Blueprint:
        routes = Blueprint("entra_token", __name__, url_prefix="/microsoft/<tenant>")
        routes.add_url_rule("/oauth2/v2.0/token", view_func=self.token, methods=["POST"])
        routes.add_url_rule("/v2.0/.well-known/openid-configuration", view_func=self.configuration)
        routes.add_url_rule("/discovery/v2.0/keys", view_func=self.keys)
        routes.add_url_rule("/discovery/instance", view_func=self.instance)
        routes.register_error_handler(EntraError, self.dress)
        return routes

    def dress(self, error: EntraError) -> Response:
        correlation = request.headers.get("client-request-id", "") or request.values.get("client-request-id", "")
        document = error.describe(self.office365.clock.now(), correlation=correlation)
        if not request.path.endswith("/token") and error.number == 90002:
            document["error"] = "invalid_tenant"
        answer = jsonify(document)
        answer.status_code = error.code.status
        if error.retry_after:
            answer.headers["Retry-After"] = str(error.retry_after)
        return _uncached(answer)

    # tokens

    def token(self, tenant: str) -> Response:
        wanted = find_tenant(self.tenants, tenant)
        client = self._check_client(tenant)
        if client.tenant and wanted is None:
            raise EntraError(50194, {"client": client.id, "app": client.name})
        issued = self._issue(client)
        own = self.tenants.of(issued.email)
        if wanted is not None and wanted.id != own.id:
            raise EntraError(50034, {"tenant": wanted.name})
        values: dict[str, Any] = {
            "token_type": "Bearer", "scope": dump_scopes(list(issued.scopes), issued.asked),
            "expires_in": issued.expires_in, "ext_expires_in": issued.expires_in, "access_token": issued.access,
        }  # fmt: skip
        if issued.refresh:
            values["refresh_token"] = issued.refresh
        if "openid" in issued.asked.sign_in:
            values["id_token"] = self._id_token(client, issued, own)
        if request.form.get("client_info"):
            values["client_info"] = encode_client_info(issued.email, own)
        return _uncached(jsonify(values))

    def _issue(self, client: Client) -> Issued:
        form = request.form
        match form.get("grant_type", ""):
            case "authorization_code":
                if not form.get("code"):
                    raise EntraError(900144, {"name": "code"})
                return self.tokens.redeem(
                    client, form["code"], form.get("redirect_uri", ""), form.get("code_verifier", "")
                )
            case "refresh_token":
                if not form.get("refresh_token"):
                    raise EntraError(900144, {"name": "refresh_token"})
                asked = parse_scopes(form.get("scope", ""))
                wants_more = "polids" in form.get("claims", "")
                return self.tokens.refresh(client, form["refresh_token"], asked, wants_more=wants_more)
            case "":
                raise EntraError(900144, {"name": "grant_type"})
            case other:
                raise EntraError(70003, {"name": other})

    def _check_client(self, segment: str) -> Client:
        """Raises EntraError."""
        form = request.form
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if request.authorization and request.authorization.type == "basic":
            client_id = unquote(request.authorization.username or "")
            secret = unquote(request.authorization.password or "")
        assertion = form.get("client_assertion", "")
        client_id = client_id or find_issuer(assertion)
        if not client_id:
            raise EntraError(900144, {"name": "client_id"})
        client = self.tokens.find_client(client_id)
        if client is None:
            raise EntraError(700016, {"client": client_id, "tenant": segment})
        if assertion:
            bases = [f"{base}/microsoft/{segment}" for base in (self.office365.tls_url, self.office365.base_url)]
            audiences = [f"{base}{end}" for base in bases for end in ("/oauth2/v2.0/token", "/v2.0")]
            check_assertion(assertion, client.id, client.certificate, audiences=audiences)
        elif secret:
            self.tokens.check_secret(client, secret)
        else:
            raise EntraError(7000218)
        return client

    def _id_token(self, client: Client, issued: Issued, tenant: Tenant) -> str:
        person = self.office365.people.find(issued.email)
        now = int(self.office365.clock.seconds())
        oid = user_id(issued.email)
        claims: dict[str, Any] = {
            "aud": client.id, "iss": f"{self.office365.tls_url}/microsoft/{tenant.id}/v2.0", "iat": now, "nbf": now,
            "exp": now + 3900, "name": person.name if person else issued.email, "oid": oid,
            "preferred_username": issued.email, "rh": "1.sandbox.",
            "sub": encode(hashlib.sha256(f"{client.id}/{oid}".encode()).digest()), "tid": tenant.id,
            "uti": encode(hashlib.sha256(issued.access.encode()).digest()[:16]), "ver": "2.0",
        }  # fmt: skip
        if issued.nonce:
            claims["nonce"] = issued.nonce
        if "email" in issued.asked.sign_in:
            claims["email"] = issued.email
        head = {"typ": "JWT", "alg": "RS256", "kid": KEY_ID}
        signed = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
        return f"{signed}.{encode(self._key().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def _key(self) -> rsa.RSAPrivateKey:
        store = self.office365.store
        stored = store.read("entra.signing_key", "")
        if not stored:
            stored = _make_key()
            store.write("entra.signing_key", stored)
        return _load_key(stored)

    # discovery

    def configuration(self, tenant: str) -> Response:
        """The page where people consent is on plain http, so that a browser needs no certificate of ours."""
        found = find_tenant(self.tenants, tenant)
        base = f"{self.office365.tls_url}/microsoft/{found.id if found else tenant}"
        page = f"{self.office365.base_url}/microsoft/{found.id if found else tenant}"
        issuer = found.id if found else "{tenantid}"
        return jsonify(
            token_endpoint=f"{base}/oauth2/v2.0/token",
            token_endpoint_auth_methods_supported=["client_secret_post", "private_key_jwt", "client_secret_basic"],
            jwks_uri=f"{base}/discovery/v2.0/keys", response_modes_supported=["query", "fragment"],
            subject_types_supported=["pairwise"], id_token_signing_alg_values_supported=["RS256"],
            response_types_supported=["code"], scopes_supported=["openid", "profile", "email", "offline_access"],
            issuer=f"{self.office365.tls_url}/microsoft/{issuer}/v2.0", request_uri_parameter_supported=False,
            authorization_endpoint=f"{page}/oauth2/v2.0/authorize", http_logout_supported=False,
            claims_supported=["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver",
                              "email"],
            code_challenge_methods_supported=["plain", "S256"], tenant_region_scope=None,
        )  # fmt: skip

    def keys(self, tenant: str) -> Response:
        find_tenant(self.tenants, tenant)
        numbers = self._key().public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return jsonify(
            keys=[{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": encode(numbers.n.to_bytes(size)),
                   "e": encode(numbers.e.to_bytes(3))}]
        )  # fmt: skip

    def instance(self, tenant: str) -> Response:
        """What clients ask when they want to know whether an authority is Microsoft's."""
        host = self.office365.tls_url.partition("//")[2]
        return jsonify(
            {"tenant_discovery_endpoint":
             f"{self.office365.tls_url}/microsoft/{tenant}/v2.0/.well-known/openid-configuration",
             "api-version": "1.1",
             "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]}
        )  # fmt: skip


def _uncached(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store, no-cache"
    answer.headers["Pragma"] = "no-cache"
    return answer


@cache
def _make_key() -> str:
    """One per process: making it takes a while, and nobody minds two sandboxes with the same."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@cache
def _load_key(stored: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(stored.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
