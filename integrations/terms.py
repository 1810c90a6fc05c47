"""On what terms a person may connect a service, or go on with the connection that is there.

What is new falls under today's policy. While a grace period runs, a connection that is there goes on as it was: what
was granted, and may be used under the policy before, can be kept, renewed or given up, but never had anew.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from integrations import policy, verdicts
from integrations.models import Connection
from integrations.permissions import ALL, NONE, Permission, Permissions, without_orphans
from integrations.policy import Choice, Mode, Policy, ServicePolicy
from integrations.policy_models import AdminPolicy, Held, held_for, resolve_rows
from integrations.providers.base import SignInMethod
from integrations.verdicts import Facts, Reason
from organizations.models import User


class CannotConnect(Exception):
    """It cannot be done as asked; `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Terms:
    """What one person may ask of one service."""

    service: ServicePolicy
    objections: tuple[Reason, ...] = ()
    """Why nothing can be had today, whatever is asked for."""
    going_on: Permissions = NONE
    """Granted, not to be had today, and good until a grace period ends."""

    @property
    def obtainable(self) -> Permissions:
        return self.decide(ALL)

    def decide(self, asked: Permissions) -> Permissions:
        """What a request comes to."""
        today = NONE if self.objections else policy.decide(asked, self.service)
        return without_orphans(today | (asked & self.going_on))

    def check(self, asked: Permissions) -> Permissions:
        """The same. Raises CannotConnect where nothing is left."""
        decided = self.decide(asked)
        if not decided:
            raise CannotConnect(self._refusal(asked))
        return decided

    def _refusal(self, asked: Permissions) -> str:
        if self.objections:
            return f"{self.objections[0].sentence} Ask your administrator."
        off = dict.fromkeys(self.service.source(one).words for one in asked if self.service.mode(one) is Mode.OFF)
        refused = f"Everything you ticked is switched off by {' and '.join(off)}." if asked else "Nothing is ticked."
        return f"{refused} Choose at least one permission."

    def keep(self, granted: Permissions, asked: Permissions) -> Permissions:
        """What stays of a grant where the boxes are left as `asked`: one that cannot be unticked gives up nothing."""
        return granted & without_orphans(self.decide(asked) | (granted - self.obtainable))

    def offer(self, ticked: Permissions) -> list[Choice]:
        """The boxes, `ticked` being what the person holds or has asked for so far."""
        return [self._offer_one(choice, ticked) for choice in policy.offer_permissions(self.service, ticked)]

    def _offer_one(self, choice: Choice, ticked: Permissions) -> Choice:
        if choice.permission in self.going_on:
            return Choice(choice.permission, ticked=choice.permission in ticked, fixed=False)
        if self.objections:
            return Choice(choice.permission, ticked=False, fixed=True)
        return choice

    def allows_method(self, method: SignInMethod) -> bool:
        return bool(self.going_on) or policy.allows_method(self.service, needs_policy=method.needs_policy)


def terms_for(user: User, provider: str, connection: Connection | None, *, method: SignInMethod | None = None) -> Terms:
    """Before the person signs in: with `connection`, at the same account again.

    Which server they will name is not known yet. `method` is how they will sign in, where that is chosen already.
    """
    held = held_for(user)
    if connection is None:
        needs_policy = method is not None and method.needs_policy
        objections = verdicts.object_to_sign_in(provider, held.today, needs_policy=needs_policy)
        return Terms(held.today.service(provider), tuple(objections))
    facts = replace(connection.facts, host="", version="")
    if method is not None:
        facts = replace(facts, needs_policy=method.needs_policy)
    terms = terms_on(held, facts)
    return replace(terms, service=_with_server(terms.service, held.kept, connection))


def terms_on(held: Held, facts: Facts) -> Terms:
    """For an account that is known: the one that is connected, or just signed in to."""
    service, objections = held.today.service(facts.provider), verdicts.find_objections(facts, held.today)
    kept = verdicts.usable(facts, held.kept) - verdicts.usable(facts, held.today)
    return Terms(service, tuple(objections), kept)


def _with_server(service: ServicePolicy, kept: Policy, connection: Connection) -> ServicePolicy:
    """With the server that is connected among those allowed, where a grace period lets it be used."""
    before = kept.service(connection.provider)
    if service.ews_hosts and connection.host and policy.allows_host(before, connection.host):
        service = replace(service, ews_hosts=service.ews_hosts | {connection.host})
    if service.versions and connection.version and policy.allows_version(before, connection.version):
        service = replace(service, versions=service.versions | {connection.version})
    return service


@dataclass(frozen=True, slots=True)
class Ending:
    """Until when a permission may be used, what comes then, and who decided it."""

    at: datetime
    is_final: bool
    """Given back and erased; else held back."""
    reason: Reason


def find_endings(user: User, facts: Facts) -> dict[Permission, Ending]:
    """What stops, and when, as grace periods run out. One query while one runs, else none."""
    held, membership = held_for(user), user.find_membership()
    if held.kept is held.today or membership is None:
        return {}
    now, rows = timezone.now(), list(AdminPolicy.objects.over(membership))
    left = verdicts.usable(facts, held.kept) - verdicts.usable(facts, held.today)
    found: dict[Permission, Ending] = {}
    for at in sorted(row.kept_until for row in rows if row.kept_until and row.is_in_grace(now)):
        then = resolve_rows(rows, at)
        verdict = verdicts.judge_in_grace(facts, then.today, then.kept)
        for one in left & (verdict.ended | verdict.held_back) - found.keys():
            # What is kept by then says which of several decisions has just come into force.
            reason = verdicts.why_not_usable(facts, then.kept, one)
            if reason is not None:
                found[one] = Ending(at, one in verdict.ended, reason)
    return found
