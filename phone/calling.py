"""May this person call, and by which link? Links alone: what dials is a program on the reader's device.

Reference: https://developers.zoom.us/docs/phone/ (Zoom Phone's URL schemes), RFC 3966 (tel:), RFC 3261 (sip:),
https://doc.acrobits.net/general/call_uris.html (sip: as programs that dial take it).
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from integrations.numbers import is_e164
from integrations.policy import CallScheme
from integrations.policy_models import policy_for
from organizations.models import Membership, Role, User
from phone import licences
from phone.models import Call, Direction, Licence, Result, Source

SAME_CLICK = timedelta(seconds=10)
"""Two clicks on one number within it are one attempt."""


class Platform(StrEnum):
    """What of the reader's device decides which links lead anywhere."""

    DESKTOP = "desktop"
    IOS = "ios"
    ANDROID = "android"


NOTES = {
    (CallScheme.ZOOM_PHONE, Platform.ANDROID): (
        "Android opens none of Zoom’s own links, so Call uses callto: here. "
        "If nothing opens, copy the number into Zoom."
    ),
    (CallScheme.ZOOM_PHONE, Platform.IOS): (
        "Call opens Zoom, which has to be installed on this device and signed in. It dials at once."
    ),
    (CallScheme.TEL, Platform.ANDROID): "Call opens this device’s own dialler, not Zoom.",
    (CallScheme.TEL, Platform.IOS): "Call opens this device’s own dialler, not Zoom.",
}


@dataclass(frozen=True, slots=True)
class Dialer:
    """What a page needs to offer Call. `reason`: why the reader may not, and whom to ask; "" where they may.

    `note`: what to know about Call on the reader's device, "" for nothing. Both are said once on a page.
    """

    scheme: CallScheme
    reason: str = ""
    note: str = ""

    def link_for(self, e164: str, extension: str = "") -> str:
        """The address that Call leads to; "" where there is no Call: no licence, or no number that can be dialled."""
        if self.reason or not is_e164(e164):
            return ""
        return _write_link(self.scheme, e164, extension)


def find_dialer(user: User, user_agent: str) -> Dialer:
    """`user_agent`: the header. At most two queries besides the person's policy."""
    platform = find_platform(user_agent)
    scheme = policy_for(user).call_scheme
    if not licences.holds(user):
        return Dialer(scheme, reason=_explain(user))
    is_out_of_reach = scheme is CallScheme.ZOOM_PHONE and platform is Platform.ANDROID
    return Dialer(CallScheme.CALLTO if is_out_of_reach else scheme, note=NOTES.get((scheme, platform), ""))


def find_platform(user_agent: str) -> Platform:
    """An iPad may call itself a Mac; both open the same links."""
    if "Android" in user_agent:
        return Platform.ANDROID
    return Platform.IOS if any(one in user_agent for one in ("iPhone", "iPad", "iPod")) else Platform.DESKTOP


def record_attempt(user: User, e164: str) -> bool:
    """Put a click on Call into the person's call history. False: they have no licence.

    A second click within `SAME_CLICK` adds nothing; two that come together wait for each other at the licence.
    """
    now = timezone.now()
    with transaction.atomic():
        licence = Licence.objects.select_for_update().filter(user=user).first()
        if licence is None or not licence.is_held:
            return False
        clicked = Call.objects.filter(owner=user, e164=e164, source=Source.CLICK, started_at__gt=now - SAME_CLICK)
        if not clicked.exists():
            Call.objects.create(
                owner=user,
                number=e164,
                e164=e164,
                direction=Direction.OUTGOING,
                result=Result.ATTEMPT,
                source=Source.CLICK,
                started_at=now,
                reported_at=now,
            )
    return True


def _write_link(scheme: CallScheme, e164: str, extension: str) -> str:
    match scheme:
        case CallScheme.ZOOM_PHONE:
            return f"zoomphonecall://{e164}"
        case CallScheme.CALLTO:
            return f"callto:{e164}"
        case CallScheme.SIP:
            # A whole SIP address names the server behind an @. Which one is the reader's only their program knows: it
            # takes a bare number and puts its own account's behind it; a guess would call strangers.
            return f"sip:{e164}"
        case CallScheme.TEL:
            # The only scheme that says what an extension is; elsewhere it is dialled by hand.
            return f"tel:{e164};ext={extension}" if extension.isascii() and extension.isdigit() else f"tel:{e164}"


def _explain(user: User) -> str:
    membership = user.find_membership()
    if membership is None:
        return "You have no phone licence, and belong to no organization that could give you one."
    if membership.is_admin:
        return "You have no phone licence. Assign yourself one, under Administration, Licences."
    organization = membership.organization
    admins = Membership.objects.filter(organization=organization, role__in=(Role.OWNER, Role.ADMIN))
    # The two first: who is asked, and whether there is anybody else. "owner" comes after "admin" in the alphabet.
    asked = list(admins.filter(user__is_active=True).select_related("user").order_by("-role", "user__name", "pk")[:2])
    if not asked:
        return f"You have no phone licence. An administrator of {organization} can assign you one."
    others = f" or another administrator of {organization}" if len(asked) > 1 else f", who administers {organization}"
    return f"You have no phone licence. Ask {asked[0].user.label}{others}."
