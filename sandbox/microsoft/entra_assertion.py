"""Client assertions: an app that shows it holds a certificate's key, instead of sending a secret.

Reference: https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.microsoft.entra_errors import EntraError

WAYS: dict[str, Any] = {
    "RS256": padding.PKCS1v15(),
    "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO),
}


def find_issuer(assertion: str) -> str:
    """Which client says it wrote this, unproved; "" for what is no assertion."""
    try:
        return str(_decode(assertion.split(".")[1]).get("iss", ""))
    except (IndexError, ValueError):
        return ""


def check_assertion(assertion: str, client_id: str, certificates: str, *, audiences: Sequence[str]) -> None:
    """certificates: those registered, PEM. Times are real ones, whatever the sandbox's clock says.

    Raises EntraError.
    """
    try:
        head, claims = (_decode(part) for part in assertion.split(".")[:2])
        signed, _, signature = assertion.rpartition(".")
        key, way = _find_key(head, certificates), WAYS[str(head.get("alg"))]
        key.verify(_decode_raw(signature), signed.encode(), way, hashes.SHA256())
    except (ValueError, KeyError, TypeError, InvalidSignature):
        raise EntraError(700027) from None
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise EntraError(700027)
    if claims.get("aud") not in audiences:
        raise EntraError(700023)
    now, leeway = time.time(), 300
    try:
        if not float(claims.get("nbf", 0)) - leeway <= now < float(claims["exp"]) + leeway:
            raise EntraError(700024)
    except (KeyError, TypeError, ValueError):
        raise EntraError(700024) from None


def _find_key(head: dict[str, Any], certificates: str) -> rsa.RSAPublicKey:
    """Raises KeyError where no registered certificate, or one that has expired, is named."""
    for certificate in x509.load_pem_x509_certificates(certificates.encode()) if certificates else ():
        sha1, sha256 = (certificate.fingerprint(kind) for kind in (hashes.SHA1(), hashes.SHA256()))  # noqa: S303
        wanted = [str(head.get(name, "")).rstrip("=") for name in ("x5t#S256", "x5t")]
        named = wanted[0] == _encode(sha256) or wanted[1] == _encode(sha1)
        key = certificate.public_key()
        if named and isinstance(key, rsa.RSAPublicKey) and certificate.not_valid_after_utc > datetime.now(UTC):
            return key
    raise KeyError("no such certificate")


def _decode(part: str) -> dict[str, Any]:
    """Raises ValueError."""
    loaded = json.loads(_decode_raw(part))
    if not isinstance(loaded, dict):
        raise ValueError("not an object")
    return loaded


def _decode_raw(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
