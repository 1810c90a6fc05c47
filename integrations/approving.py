"""An administrator approves Portico at the provider, for everyone in their organization: the link, and the way back.

Whoever comes back need not be signed in here, or be known here at all: `state` is signed, and says whose link it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.core import signing
from django.utils import timezone

from integrations import registry
from integrations.models import Connection, Status
from integrations.terms import terms_for
from organizations.models import Organization, User, record

SALT = "integrations.approving"
LASTS_SECONDS = 30 * 24 * 3600


def make_url(user: User, provider_key: str, connection: Connection | None, *, redirect_uri: str) -> str:
    """Where an administrator approves all that policy lets this person ask for, who may be connected there already.

    "" where the provider has no such page, or the service is not offered.
    """
    organization = user.organization
    decided = terms_for(user, provider_key, connection).obtainable
    is_oauth = any(one.kind == "oauth" for one in registry.methods_of(provider_key))
    if organization is None or not decided or not is_oauth:
        return ""
    state = signing.dumps({"organization": organization.pk, "provider": provider_key}, salt=SALT)
    return registry.get_oauth_provider(provider_key).approval_url(decided, redirect_uri=redirect_uri, state=state)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the page says to the administrator. `service` is "" where the link was none of ours, or too old."""

    approved: bool
    service: str = ""
    organization: str = ""


def finish(answer: Mapping[str, str], *, address: str | None = None) -> Outcome:
    """Read the provider's answer; what waited for an approval is tried again at once.

    Nothing is taken from the answer but yes or no: that Portico is approved shows when it is tried.
    """
    try:
        state = signing.loads(answer.get("state", ""), salt=SALT, max_age=LASTS_SECONDS)
        organization = Organization.objects.get(pk=state["organization"])
    except (signing.BadSignature, Organization.DoesNotExist):
        return Outcome(approved=False)
    info = registry.find_info(state["provider"])
    approved = answer.get("admin_consent", "").lower() == "true" and "error" not in answer
    record(
        "approval.given" if approved else "approval.refused",
        organization=organization,
        details={"provider": state["provider"]},
        address=address,
    )
    if approved:
        waiting = Connection.objects.filter(
            user__membership__organization=organization, provider=state["provider"], status=Status.ADMIN_NEEDED
        )
        waiting.update(next_sync_at=timezone.now())
    return Outcome(approved, info.name if info else "", organization.name)
