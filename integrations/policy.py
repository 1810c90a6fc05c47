"""What an admin allows, and what follows from it. Pure: the whole law is here and can be tried by brute force.

A permission goes through five stages: asked (ticked) -> decided (`decide`, here) -> consented (what the provider
says it granted) -> granted (decided and consented, stored) -> usable (granted and decided under today's policy,
computed at each use, so that tightening works at once: `verdicts.usable`).

What is decided where (organization, group, member) becomes one `Policy` per person in `levels.resolve`.
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


class Prompt(StrEnum):
    """Whether who is not connected is asked to, after signing in."""

    NEVER = "never"
    ONCE = "once"
    UNTIL_DONE = "until_done"


class TimeChange(StrEnum):
    """What becomes of the event when the time of a meeting is changed here."""

    ONE_EVENT = "one_event"
    SEPARATE_EVENT = "separate_event"


class CallScheme(StrEnum):
    """How Call hands a number over to the program that dials."""

    ZOOM_PHONE = "zoomphonecall"
    TEL = "tel"
    CALLTO = "callto"
    SIP = "sip"


class Level(StrEnum):
    """Where something is decided, from the top."""

    ORGANIZATION = "organization"
    GROUP = "group"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Source:
    """Who decided one setting. Without a level: nobody, it is as Portico comes."""

    level: Level | None = None
    name: str = ""
    """Of the group."""
    is_locked: bool = False

    @property
    def words(self) -> str:
        """For the person concerned, in the middle of a sentence: "your group Sales"."""
        if self.level is Level.GROUP:
            return f"your group {self.name}"
        return "an administrator, for you alone" if self.level is Level.MEMBER else "your organization"

    @property
    def label(self) -> str:
        """For an admin: "Group Sales"."""
        if self.level is None:
            return "Portico's default"
        return f"Group {self.name}" if self.level is Level.GROUP else self.level.capitalize()


NOBODY = Source()


@dataclass(frozen=True, slots=True)
class ServicePolicy:
    """One service under one person's policy. A permission without a mode is left to the person."""

    offered: bool = True
    modes: Mapping[Permission, Mode] = field(default_factory=dict)
    require_oauth: bool = True
    """Whether ways to sign in that an organization has to allow first (a password where OAuth is there) are refused."""
    ews_url: str = ""
    """Filled into the sign-in form."""
    ews_hosts: frozenset[str] = frozenset()
    """The only servers a password may go to, in lower case; empty: any that the operator's guard lets through."""
    versions: frozenset[str] = frozenset()
    """The only versions of the server that may be connected, as the sign-in form names them; empty: any."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Who decided each of the above, by its name; a permission's mode by the permission's."""

    def source(self, name: str) -> Source:
        return self.sources.get(name, NOBODY)

    def mode(self, permission: Permission) -> Mode:
        return self.modes.get(permission, Mode.ASK)


@dataclass(frozen=True, slots=True)
class Policy:
    """What one person is allowed. A service it does not mention is offered, everything on ask."""

    enabled: bool = True
    services: Mapping[str, ServicePolicy] = field(default_factory=dict)
    default_service: str = ""
    join_services: frozenset[str] = frozenset({"zoom", "portico"})
    vanity_hosts: frozenset[str] = frozenset()
    mailbox_domains: frozenset[str] = frozenset()
    """Where a mailbox may be, in lower case; empty: anywhere."""
    own_mailbox: bool = False
    """Whether a mailbox has to be the person's own address."""
    prompt: Prompt = Prompt.NEVER
    time_change: TimeChange = TimeChange.ONE_EVENT
    scheduling_privilege: bool = True
    """Whether a person may name delegates, and those they have named see and schedule for them."""
    call_scheme: CallScheme = CallScheme.ZOOM_PHONE
    grace_days: int = 7
    """How long connections that break a new lock go on, where whoever locks does not say otherwise; 0: at once."""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """Who decided each of the above, by its name."""

    def source(self, name: str) -> Source:
        return self.sources.get(name, NOBODY)

    @property
    def switched_off_by(self) -> str:
        """Who decided whether the integration is on, in words for the person."""
        return self.source("enabled").words

    def service(self, key: str) -> ServicePolicy:
        """The policy for one service; nothing is offered where the integration is off."""
        found = self.services.get(key, ServicePolicy())
        if self.enabled:
            return found
        return replace(found, offered=False, sources={**found.sources, "offered": self.source("enabled")})


def decide(asked: Iterable[Permission], service: ServicePolicy) -> Permissions:
    """What a request comes to: asked and switched on, closed under "write needs read", less what is off."""
    if not service.offered:
        return NONE
    switched_on = {one for one in Permission if service.mode(one) is Mode.ON}
    switched_off = {one for one in Permission if service.mode(one) is Mode.OFF}
    return without_orphans(with_reads(frozenset(asked) | switched_on) - switched_off)


def allows_method(service: ServicePolicy, *, needs_policy: bool) -> bool:
    """Whether one may sign in in a way that an organization has to allow first (or not, by `needs_policy`)."""
    return not (needs_policy and service.require_oauth)


def allows_host(service: ServicePolicy, host: str) -> bool:
    """Whether a password may be sent to this server, as far as the organization is concerned."""
    return not service.ews_hosts or host.lower().rstrip(".") in service.ews_hosts


def allows_version(service: ServicePolicy, version: str) -> bool:
    """Whether a server of this version may be connected; one that could not be told may."""
    return not (version and service.versions) or version in service.versions


def allows_mailbox(policy: Policy, mailbox: str, *, address: str) -> bool:
    """Whether a person known by `address` may connect this mailbox."""
    mailbox, domain = mailbox.lower(), mailbox.lower().rpartition("@")[2]
    if policy.own_mailbox and mailbox != address.lower():
        return False
    return not policy.mailbox_domains or domain in policy.mailbox_domains


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
    available = [key for key in keys if decide(Permission, policy.service(key))]
    default = policy.default_service if policy.default_service in available else (available or [""])[0]
    return [
        ServiceOffer(key, True, is_default=key == default)
        if key in available
        else ServiceOffer(key, False, why_not_offered(policy, key))
        for key in keys
    ]


def why_not_offered(policy: Policy, key: str) -> str:
    """The sentence for a service that is not offered, or of which nothing is left, naming who decided it."""
    if not policy.enabled:
        return f"The calendar and contact integration is switched off, by {policy.source('enabled').words}."
    service = policy.service(key)
    if service.offered:
        return f"All that this service could be used for is switched off, by {_read_source(service).words}."
    return f"This service is not offered to you, by decision of {service.source('offered').words}."


def _read_source(service: ServicePolicy) -> Source:
    return service.source(next(read for read in READ_OF.values() if service.mode(read) is Mode.OFF))


def offer_permissions(service: ServicePolicy, ticked: Permissions) -> list[Choice]:
    """The boxes for one service, `ticked` being what the person holds or has asked for so far."""
    held = decide(ticked, service)
    return [_choice(permission, service, ticked=permission in held) for permission in Permission]


def _choice(permission: Permission, service: ServicePolicy, *, ticked: bool) -> Choice:
    mode = service.mode(permission)
    if mode is Mode.ON:
        return Choice(permission, ticked=True, fixed=True, reason=f"Switched on by {service.source(permission).words}.")
    if mode is Mode.OFF:
        reason = f"Switched off by {service.source(permission).words}."
        return Choice(permission, ticked=False, fixed=True, reason=reason)
    read = READ_OF.get(permission)
    if read and service.mode(read) is Mode.OFF:
        reason = f"Needs {read.label}, which was switched off by {service.source(read).words}."
        return Choice(permission, ticked=False, fixed=True, reason=reason)
    for write in READ_OF:
        if READ_OF[write] is permission and service.mode(write) is Mode.ON:
            reason = f"Needed for {write.label}, which was switched on by {service.source(write).words}."
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
