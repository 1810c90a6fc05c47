"""What an admin allows, and what follows from it. Pure: the whole law is here and can be tried by brute force.

A permission goes through five stages: asked (ticked) -> decided (`decide`, here) -> consented (what the provider
says it granted) -> granted (decided and consented, stored) -> usable (granted and decided under today's policy,
computed at each use, so that tightening works at once).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import urlsplit

from integrations.permissions import NONE, READ_OF, Permission, Permissions, with_reads, without_orphans


class Mode(StrEnum):
    """What an admin says of one permission of one service."""

    ASK = "ask"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """One service under one organization's policy. A permission without a mode is left to the person."""

    offered: bool = True
    modes: Mapping[Permission, Mode] = field(default_factory=dict)
    require_oauth: bool = True
    """Whether ways to sign in that an organization has to allow first (a password where OAuth is there) are refused."""
    ews_url: str = ""
    """Filled into the sign-in form."""
    ews_hosts: frozenset[str] = frozenset()
    """The only servers a password may go to, in lower case; empty: any that the operator's guard lets through."""

    def mode(self, permission: Permission) -> Mode:
        return self.modes.get(permission, Mode.ASK)


@dataclass(frozen=True, slots=True)
class Policy:
    """What an organization allows. A service it does not mention is offered, everything on ask."""

    enabled: bool = True
    services: Mapping[str, ServicePolicy] = field(default_factory=dict)
    default_service: str = ""
    join_services: frozenset[str] = frozenset({"zoom", "portico"})
    vanity_hosts: frozenset[str] = frozenset()

    def service(self, key: str) -> ServicePolicy:
        """The policy for one service; nothing is offered where the integration is off."""
        found = self.services.get(key, ServicePolicy())
        return found if self.enabled else replace(found, offered=False)


def decide(asked: Iterable[Permission], service: ServicePolicy) -> Permissions:
    """What a request comes to: asked and switched on, closed under "write needs read", less what is off."""
    if not service.offered:
        return NONE
    switched_on = {one for one in Permission if service.mode(one) is Mode.ON}
    switched_off = {one for one in Permission if service.mode(one) is Mode.OFF}
    return without_orphans(with_reads(frozenset(asked) | switched_on) - switched_off)


def usable(granted: Permissions, service: ServicePolicy, *, needs_policy: bool = False) -> Permissions:
    """What a stored grant may be used for under today's policy: never more than was granted.

    `needs_policy`: the person signed in in a way that an organization has to allow.
    """
    if not allows_method(service, needs_policy=needs_policy):
        return NONE
    return without_orphans(granted & decide(granted, service))


def allows_method(service: ServicePolicy, *, needs_policy: bool) -> bool:
    """Whether one may sign in in a way that an organization has to allow first (or not, by `needs_policy`)."""
    return not (needs_policy and service.require_oauth)


def allows_host(service: ServicePolicy, host: str) -> bool:
    """Whether a password may be sent to this server, as far as the organization is concerned."""
    return not service.ews_hosts or host.lower().rstrip(".") in service.ews_hosts


@dataclass(frozen=True, slots=True)
class Choice:
    """One box on the permissions page. A fixed box is shown disabled, with the reason."""

    permission: Permission
    ticked: bool
    fixed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ServiceOffer:
    """One service on the chooser. One that is not available is shown with the reason, not hidden."""

    key: str
    available: bool
    reason: str = ""
    is_default: bool = False


def offer_services(policy: Policy, keys: Iterable[str]) -> list[ServiceOffer]:
    """The chooser's rows, in the order of `keys`; the default is the policy's, else the first available."""
    keys = list(keys)
    available = [key for key in keys if policy.service(key).offered]
    default = policy.default_service if policy.default_service in available else (available or [""])[0]
    if not policy.enabled:
        reason = "Your organization has switched the calendar and contact integration off."
    else:
        reason = "Your organization does not offer this service."
    return [
        ServiceOffer(key, True, is_default=key == default) if key in available else ServiceOffer(key, False, reason)
        for key in keys
    ]


def offer_permissions(service: ServicePolicy, ticked: Permissions) -> list[Choice]:
    """The boxes for one service, `ticked` being what the person holds or has asked for so far."""
    held = decide(ticked, service)
    return [_choice(permission, service, ticked=permission in held) for permission in Permission]


def _choice(permission: Permission, service: ServicePolicy, *, ticked: bool) -> Choice:
    mode = service.mode(permission)
    if mode is Mode.ON:
        return Choice(permission, ticked=True, fixed=True, reason="Switched on by your organization.")
    if mode is Mode.OFF:
        return Choice(permission, ticked=False, fixed=True, reason="Switched off by your organization.")
    read = READ_OF.get(permission)
    if read and service.mode(read) is Mode.OFF:
        reason = f"Needs {read.label}, which your organization has switched off."
        return Choice(permission, ticked=False, fixed=True, reason=reason)
    if any(READ_OF.get(write) is permission and service.mode(write) is Mode.ON for write in READ_OF):
        reason = "Needed for a permission that your organization has switched on."
        return Choice(permission, ticked=True, fixed=True, reason=reason)
    return Choice(permission, ticked=ticked, fixed=False)


def problems(policy: Policy, names: Mapping[str, str] | None = None) -> list[str]:
    """Sentences for choices that contradict each other; an admin's form refuses them. `names`: service key -> name."""
    names = names or {}
    found = []
    for key, service in policy.services.items():
        name = names.get(key, key)
        for write, read in READ_OF.items():
            if service.mode(write) is Mode.ON and service.mode(read) is Mode.OFF:
                found.append(f"{name}: {write.label} cannot be on while {read.label} is off.")
        host = urlsplit(service.ews_url).hostname or ""
        if service.ews_url and not (service.ews_url.startswith("https://") and host):
            found.append(f"{name}: the EWS URL needs a whole https:// address.")
        elif service.ews_url and not allows_host(service, host):
            found.append(f"{name}: the EWS URL leads to {host}, which is not among the allowed hosts.")
    if policy.default_service and not policy.service(policy.default_service).offered and policy.enabled:
        name = names.get(policy.default_service, policy.default_service)
        found.append(f"{name} cannot be the default service, because it is not offered.")
    return found
