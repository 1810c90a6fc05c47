"""What support staff see of one person: what holds for them and who decided it, their connection, and what happened.

Nothing here comes from a calendar or an address book, and no credential is read.
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.db.models import Q
from django.utils import timezone

from integrations import verdicts, wording
from integrations.models import Connection, PushChannel, SyncRun
from integrations.permissions import Permissions
from integrations.policy_models import (
    NO_ORGANIZATION,
    AdminPolicy,
    EffectState,
    Held,
    PolicyEffect,
    hold,
    resolve_rows,
)
from integrations.verdicts import Outcome, Verdict
from integrations.wording import Line
from organizations.audit_words import Detail, list_details, say_action
from organizations.models import AuditEvent, Group, Invitation, Membership, User

RUNS = 20
EVENTS = 50
EFFECTS = 10
NEWS = (EffectState.WAITING, EffectState.DONE)
"""What support may have mailed once more: that something was taken back is said once."""
OUTCOMES = {
    Outcome.DISCONNECTED: "Is disconnected: policy locks it out",
    Outcome.NARROWED: "Loses permissions: policy locks them off",
    Outcome.HELD_BACK: "Is held back: kept, and not used while policy stands against it",
    Outcome.TO_GRANT: "Goes on; the person is asked to grant more",
    Outcome.UNAFFECTED: "Nothing in the policy stands against it",
}


@dataclass(frozen=True, slots=True)
class Run:
    run: SyncRun
    trigger: str

    @property
    def is_failed(self) -> bool:
        return self.run.outcome in ("failed", "abandoned")


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change of policy did to the person's connection, or will do."""

    effect: PolicyEffect
    service: str
    what: str
    ended: str

    @property
    def is_waiting(self) -> bool:
        return self.effect.state == EffectState.WAITING

    @property
    def may_be_told_again(self) -> bool:
        return self.effect.state in NEWS and self.effect.told_at is not None


@dataclass(frozen=True, slots=True)
class Event:
    event: AuditEvent
    action: str
    details: list[Detail]


@dataclass
class Diagnosis:
    """All of it about one person, each part asked for when it is shown. Constant in queries, whatever there is."""

    person: User
    now: datetime = field(default_factory=timezone.now)

    @cached_property
    def membership(self) -> Membership | None:
        return self.person.find_membership()

    @cached_property
    def _rows(self) -> list[AdminPolicy]:
        return list(AdminPolicy.objects.over(self.membership)) if self.membership else []

    @cached_property
    def held(self) -> Held:
        held = resolve_rows(self._rows, self.now) if self.membership else Held(NO_ORGANIZATION, NO_ORGANIZATION)
        hold(self.person, held)
        return held

    @cached_property
    def lines(self) -> list[Line]:
        """What holds from now on, line by line. Empty for who works nowhere."""
        return wording.explain(self.held.today) if self.membership else []

    @property
    def decided(self) -> list[Line]:
        return [line for line in self.lines if line.source.level is not None]

    @property
    def defaults(self) -> list[Line]:
        return [line for line in self.lines if line.source.level is None]

    @property
    def kept_until(self) -> datetime | None:
        """Until when a connection that is there may be used as before the last change."""
        return max((row.kept_until for row in self._rows if row.kept_until and row.is_in_grace(self.now)), default=None)

    @cached_property
    def groups(self) -> list[Group]:
        """The first decides before the others."""
        return list(self.membership.groups.order_by("position", "name", "pk")) if self.membership else []

    @cached_property
    def connection(self) -> Connection | None:
        found = Connection.objects.filter(user=self.person).defer("credentials").first()
        if found is not None:
            found.user = self.person
        return found

    @cached_property
    def service(self) -> str:
        return wording.service_name(self.connection.provider) if self.connection else ""

    @property
    def sign_in(self) -> str:
        method = self.connection.sign_in_method if self.connection else None
        return method.name if method else "In a way that this server no longer knows"

    @cached_property
    def verdict(self) -> Verdict | None:
        if self.connection is None:
            return None
        return verdicts.judge(self.connection.facts, self.held.today)

    @property
    def verdict_words(self) -> str:
        return OUTCOMES[self.verdict.outcome] if self.verdict else ""

    @property
    def granted(self) -> str:
        return _list(self.connection.granted) if self.connection else ""

    @property
    def not_granted(self) -> str:
        return _list(self.connection.not_granted) if self.connection else ""

    @property
    def usable(self) -> str:
        """Now, a grace period included."""
        assert self.held  # from here on the person knows it, and the connection asks the person
        return _list(self.connection.usable) if self.connection else ""

    @cached_property
    def runs(self) -> list[Run]:
        found = self.connection.runs.all()[:RUNS] if self.connection else []
        return [Run(run, wording.say_trigger(run.trigger)) for run in found]

    @cached_property
    def channels(self) -> list[PushChannel]:
        """By which the service tells us of changes, or would if it could."""
        return list(self.connection.push_channels.order_by("feed", "created_at")) if self.connection else []

    @cached_property
    def effects(self) -> list[Effect]:
        """The newest first; what was done outlives the connection."""
        found = PolicyEffect.objects.filter(user=self.person).select_related("change").order_by("-at", "-pk")
        return [
            Effect(
                one,
                wording.service_name(one.provider),
                OUTCOMES[Outcome(one.outcome)],
                wording.say_permissions(one.ended),
            )
            for one in found[:EFFECTS]
        ]

    @cached_property
    def invitations(self) -> list[Invitation]:
        """Open ones to the person's address: they may be waiting for a mail that never came."""
        found = Invitation.objects.open().filter(email__iexact=self.person.email)
        return list(found.select_related("organization", "invited_by"))

    @cached_property
    def events(self) -> list[Event]:
        mine = Q(subject=self.person) | Q(actor=self.person)
        found = AuditEvent.objects.filter(mine).order_by("-at", "-id")[:EVENTS]
        return [Event(one, say_action(one.action), list_details(one.details)) for one in found]


def _list(permissions: Permissions) -> str:
    return ", ".join(wording.list_permissions(permissions)) or "None"
