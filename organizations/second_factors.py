"""The secrets behind authenticator apps and recovery codes, encrypted at rest like every other secret."""

from collections import Counter
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from organizations import mailing
from organizations.mailing import Mail
from organizations.models import User, record
from organizations.people import end_sessions
from safety import secrets

ABOUT = "allauth.mfa.authenticator"
"""allauth does not say whose secret it hands over, so that these are tied to their table, not to their row."""

SECRET_PARTS = ("secret", "seed", "migrated_codes")
"""Where allauth keeps encrypted text in `Authenticator.data`: text, or a list of it."""


class MfaAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return secrets.encrypt(text.encode(), about=ABOUT)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises safety.secrets.Undecryptable: nobody passes a second factor that cannot be checked."""
        return secrets.decrypt(encrypted_text, about=ABOUT).decode()


def rotate(*, is_check: bool) -> Counter[str]:
    """For `manage.py rotate_secrets`: how many rows are "current", "rotated" (or "old"), "gone", "undecryptable"."""
    counts: Counter[str] = Counter()
    for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            counts["gone" if row is None else rotate_row(row, is_check=is_check)] += 1
    return counts


def rotate_row(row: Authenticator, *, is_check: bool) -> str:
    tokens = [token for part in SECRET_PARTS for token in as_list(row.data.get(part))]
    try:
        for token in tokens:
            secrets.decrypt(token, about=ABOUT)
    except secrets.Undecryptable:
        return "undecryptable"
    if not any(map(secrets.needs_rotation, tokens)):
        return "current"
    if is_check:
        return "old"
    row.data |= {part: renew(row.data[part]) for part in SECRET_PARTS if part in row.data}
    row.save(update_fields=["data"])
    return "rotated"


def as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def renew(value: Any) -> Any:
    """The same under the first key: a token, or a list of them."""
    if isinstance(value, list):
        return [renew(token) for token in value]
    return secrets.encrypt(secrets.decrypt(value, about=ABOUT), about=ABOUT)


REMOVED = Mail("second_factor_removed", "mail/notice", "Your second factor was removed")


def remove_all(user: User, *, reason: str) -> list[str]:
    """For whoever runs the server, when a person lost every second factor: they come in by password until they set
    up a new one, and all their sessions end. Returns the kinds that were removed; [] where there was none.
    """
    with transaction.atomic():
        found = Authenticator.objects.select_for_update().filter(user=user)
        kinds = sorted({str(Authenticator.Type(one.type).label) for one in found})
        if not kinds:
            return []
        found.delete()
        end_sessions(user)
        details = {"kinds": kinds, "reason": reason, "by": "the server's console"}
        record("person.second_factor_removed", organization=user.organization, subject=user, details=details)
    return kinds


def tell_removed(user: User, kinds: list[str]) -> None:
    """Raises mailing.NotSent."""
    lines = [
        f"Whoever runs Portico removed your second factor ({', '.join(kinds)}), and signed you out everywhere.",
        "If you asked for that, sign in with your password and set up a new one. If you did not, tell them at once.",
    ]
    url = settings.PUBLIC_URL + reverse("mfa_index")
    words = {"heading": "Your second factor was removed", "lines": lines, "url": url, "label": "Set up a new one"}
    mailing.send(REMOVED, to=user, subject="Portico: your second factor was removed", context=words)
