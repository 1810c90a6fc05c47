"""What a policy means for one connection: it stays, is held back, is narrowed or ends. Pure.

The same function answers an admin's preview, the task that acts, and each use of a connection. What is switched off
without a lock is held back: nothing is read under it, nothing is erased, and it comes back with the policy. What is
switched off with a lock is ended, as far as the lock reaches.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from integrations.permissions import NONE, Permission, Permissions, with_reads, without_orphans
from integrations.policy import (
    Mode,
    Policy,
    ServicePolicy,
    Source,
    allows_host,
    allows_mailbox,
    allows_method,
    allows_version,
    decide,
    why_not_offered,
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a policy judges of a connection, or of one about to be made."""

    provider: str
    granted: Permissions
    mailbox: str
    address: str
    """The person's own."""
    needs_policy: bool = False
    """Whether they signed in in a way that an organization has to allow first."""
    host: str = ""
    """Of the server that a password goes to, where there is one."""
    version: str = ""
    """Of that server, as the sign-in form names it; "" where it could not be told."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence for the person, and who decided it."""

    sentence: str
    source: Source


class Outcome(StrEnum):
    """From the worst to none."""

    DISCONNECTED = "disconnected"
    NARROWED = "narrowed"
    HELD_BACK = "held_back"
    """Switched off without a lock, wholly or in part: kept, not used."""
    TO_GRANT = "to_grant"
    """Goes on; a permission that is switched on has not been granted yet, and the person is asked to."""
    UNAFFECTED = "unaffected"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ended`, `held_back` and what stays usable are the granted permissions, parted. `lacking` were never granted."""

    outcome: Outcome
    ended: Permissions = NONE
    held_back: Permissions = NONE
    lacking: Permissions = NONE
    reasons: tuple[Reason, ...] = ()


def find_objections(facts: Facts, policy: Policy) -> list[Reason]:
    """Why this account may not be connected at all, whatever it is used for; [] where it may."""
    service = policy.service(facts.provider)
    found = object_to_sign_in(facts.provider, policy, needs_policy=facts.needs_policy)
    if not allows_host(service, facts.host) and facts.host:
        source = service.source("ews_hosts")
        found.append(Reason(f"The server {facts.host} is not among those allowed by {source.words}.", source))
    if not allows_version(service, facts.version):
        source = service.source("versions")
        found.append(Reason(f"This version of the server is not among those allowed by {source.words}.", source))
    if not allows_mailbox(policy, facts.mailbox, address=facts.address):
        found.append(_object_to_mailbox(facts, policy))
    return found


def object_to_sign_in(provider: str, policy: Policy, *, needs_policy: bool) -> list[Reason]:
    """Why nobody may sign in there, or not in a way that an organization has to allow first; [] where they may."""
    service = policy.service(provider)
    found = []
    if not service.offered:
        found.append(Reason(why_not_offered(policy, provider), service.source("offered")))
    if not allows_method(service, needs_policy=needs_policy):
        source = service.source("require_oauth")
        found.append(Reason(f"OAuth 2.0 is required instead of a password, by decision of {source.words}.", source))
    return found


def usable(facts: Facts, policy: Policy) -> Permissions:
    """What a stored grant may be used for under today's policy: never more than was granted."""
    if find_objections(facts, policy):
        return NONE
    return without_orphans(facts.granted & decide(facts.granted, policy.service(facts.provider)))


def why_not_usable(facts: Facts, policy: Policy, permission: Permission) -> Reason | None:
    """Why this connection may not be used for one permission, granted or not; None where it may."""
    wanted = with_reads({permission})
    if permission in usable(replace(facts, granted=wanted), policy):
        return None
    if objections := find_objections(facts, policy):
        return objections[0]
    service = policy.service(facts.provider)
    off = next(one for one in (permission, *wanted) if service.mode(one) is Mode.OFF)
    return Reason(f"{off.label} was switched off by {service.source(off).words}.", service.source(off))


def judge(facts: Facts, policy: Policy) -> Verdict:
    objections = find_objections(facts, policy)
    if any(one.source.is_locked for one in objections):
        return Verdict(Outcome.DISCONNECTED, ended=facts.granted, reasons=_locked_first(objections))
    service = policy.service(facts.provider)
    stays = usable(facts, policy)
    ended = facts.granted - without_orphans(facts.granted - _locked_off(facts.granted, service))
    reasons = (*objections, *_reasons_for(facts.granted - stays, service)) if not objections else tuple(objections)
    if ended and ended == facts.granted:
        return Verdict(Outcome.DISCONNECTED, ended=ended, reasons=_locked_first(reasons))
    held_back = facts.granted - stays - ended
    if ended:
        return Verdict(Outcome.NARROWED, ended=ended, held_back=held_back, reasons=_locked_first(reasons))
    if held_back:
        return Verdict(Outcome.HELD_BACK, held_back=held_back, reasons=tuple(reasons))
    lacking = _lacking(facts.granted, service)
    if lacking:
        return Verdict(Outcome.TO_GRANT, lacking=lacking, reasons=_reasons_to_grant(lacking, service))
    return Verdict(Outcome.UNAFFECTED)


def judge_in_grace(facts: Facts, today: Policy, kept: Policy) -> Verdict:
    """While a grace period runs, what either policy lets a connection keep is kept, and what either allows is used."""
    now = judge(facts, today)
    if kept is today:
        return now
    before = judge(facts, kept)
    if now.outcome is Outcome.DISCONNECTED and before.outcome is Outcome.DISCONNECTED:
        return now
    ended = now.ended & before.ended
    held_back = facts.granted - ended - usable(facts, today) - usable(facts, kept)
    reasons = before.reasons if before.ended == ended else now.reasons
    if ended:
        return Verdict(Outcome.NARROWED, ended=ended, held_back=held_back, reasons=reasons)
    if held_back:
        return Verdict(Outcome.HELD_BACK, held_back=held_back, reasons=now.reasons)
    if now.outcome is Outcome.TO_GRANT:
        return now
    return Verdict(Outcome.UNAFFECTED)


def _object_to_mailbox(facts: Facts, policy: Policy) -> Reason:
    if policy.own_mailbox and facts.mailbox.lower() != facts.address.lower():
        source = policy.source("own_mailbox")
        return Reason(
            f"Only your own mailbox ({facts.address}) may be connected, by decision of {source.words}.", source
        )
    source = policy.source("mailbox_domains")
    allowed = ", ".join(sorted(policy.mailbox_domains))
    return Reason(f"Only mailboxes at {allowed} may be connected, by decision of {source.words}.", source)


def _locked_off(granted: Permissions, service: ServicePolicy) -> Permissions:
    return frozenset(one for one in granted if service.mode(one) is Mode.OFF and service.source(one).is_locked)


def _reasons_for(lost: Permissions, service: ServicePolicy) -> tuple[Reason, ...]:
    """One for each permission that is off itself; a write that only goes with its read needs no words of its own."""
    return tuple(
        Reason(f"{one.label} was switched off by {service.source(one).words}.", service.source(one))
        for one in Permission
        if one in lost and service.mode(one) is Mode.OFF
    )


def _lacking(granted: Permissions, service: ServicePolicy) -> Permissions:
    wanted = with_reads(one for one in Permission if service.mode(one) is Mode.ON)
    return (wanted & decide(wanted, service)) - granted


def _reasons_to_grant(lacking: Permissions, service: ServicePolicy) -> tuple[Reason, ...]:
    return tuple(
        Reason(f"{one.label} was switched on by {service.source(one).words}.", service.source(one))
        for one in Permission
        if one in lacking and service.mode(one) is Mode.ON
    )


def _locked_first(reasons: list[Reason] | tuple[Reason, ...]) -> tuple[Reason, ...]:
    return tuple(sorted(reasons, key=lambda one: not one.source.is_locked))
