"""Mail about connections: that one needs its person, and what policy does to it. One for each event, never a storm.

Each is claimed in its row before it is sent: two workers at once, or one killed in between, must not mail twice.
"""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import dateformat, timezone

from integrations.models import Connection, Status
from integrations.policy_models import ChangeState, EffectState, PolicyEffect
from integrations.verdicts import Outcome
from integrations.wording import say_permissions, service_name
from organizations.mailing import Mail, NotSent, send
from organizations.models import User

log = logging.getLogger(__name__)

_FOLDER = "integrations/mail"
RECONNECT = Mail("reconnect", f"{_FOLDER}/reconnect", "Your connection needs to be renewed")
ANNOUNCED = Mail("policy_announced", f"{_FOLDER}/policy_announced", "A new rule will end or narrow your connection")
REMINDER = Mail(
    "policy_reminder", f"{_FOLDER}/policy_reminder", "Reminders before a rule ends your connection", is_essential=False
)
ENDED = Mail("policy_ended", f"{_FOLDER}/policy_ended", "A rule has ended your connection")
NARROWED = Mail("policy_narrowed", f"{_FOLDER}/policy_narrowed", "A rule has narrowed your connection")
STAYS = Mail("policy_stays", f"{_FOLDER}/policy_stays", "A rule that was announced does not come after all")
TO_GRANT = Mail(
    "policy_to_grant", f"{_FOLDER}/policy_to_grant", "Your organization asks for a permission", is_essential=False
)

SWEEP_SECONDS = 50
"""How long one sweep goes on: the next comes each minute."""
MOST_FAILURES = 5
"""In one sweep: then the mail server is taken to be down."""
BATCH = 200
DAY = timedelta(days=1)


def send_due() -> int:
    """Mail everybody who has something to hear. Returns how many were sent."""
    sweep = Sweep()
    sweep.send_reconnects()
    sweep.send_effects()
    sweep.send_reminders()
    return sweep.sent


class Sweep:
    """One round of mailing: it ends by itself when time is up, or when the mail server takes nothing."""

    def __init__(self) -> None:
        self.sent = 0
        self._failed = 0
        self._until = time.monotonic() + SWEEP_SECONDS

    @property
    def is_over(self) -> bool:
        return self._failed >= MOST_FAILURES or time.monotonic() >= self._until

    def send_reconnects(self) -> None:
        waiting = Connection.objects.filter(
            status=Status.RECONNECT_NEEDED, told_at__isnull=True, user__is_active=True
        ).select_related("user__membership__organization")
        for connection in waiting.defer("credentials").iterator(chunk_size=BATCH):
            if self.is_over:
                return
            self._send_reconnect(connection)

    def send_effects(self) -> None:
        """What was announced, done, undone or spared, and not said yet."""
        while not self.is_over and (batch := list(find_untold()[:BATCH])):
            for effect in batch:
                if self.is_over:
                    return
                self._send_effect(effect)

    def send_reminders(self) -> None:
        for effect in find_to_remind(timezone.now()).iterator(chunk_size=BATCH):
            if self.is_over:
                return
            self._send_reminder(effect)

    def _send_reconnect(self, connection: Connection) -> None:
        untold = Connection.objects.filter(pk=connection.pk, told_at__isnull=True, status=Status.RECONNECT_NEEDED)
        if not untold.update(told_at=timezone.now()):
            return
        service = service_name(connection.provider)
        context = {"connection": connection, "service": service, "profile_url": _url("integrations:profile")}
        subject = f"Reconnect {service} to keep your meetings and contacts up to date"
        if not self._send(RECONNECT, connection.user, subject, context):
            Connection.objects.filter(pk=connection.pk).update(told_at=None)

    def _send_effect(self, effect: PolicyEffect) -> None:
        """Of several that say the same to one person, only one is sent: it gives the reasons of all."""
        now = timezone.now()
        same = find_same(effect)
        keys = list(same.filter(told_at=None).values_list("pk", flat=True))
        if not same.filter(pk__in=keys, told_at=None).update(told_at=now):
            return
        mail, together = choose_news(effect, PolicyEffect.objects.filter(pk__in=keys))
        if together and not self._send(mail, effect.user, _subject(mail, together[0]), _context(together[0], together)):
            same.filter(pk__in=keys, told_at=now).update(told_at=None, mail_failures=F("mail_failures") + 1)

    def _send_reminder(self, effect: PolicyEffect) -> None:
        """Of all that they are to be reminded of about one connection, what comes first is said."""
        now = timezone.now()
        due = list(find_to_remind(now).filter(user=effect.user_id, connection_id=effect.connection_id))
        if not due:
            return  # reminded with another
        # Two workers find the same, and one of them gets the first.
        rows = PolicyEffect.objects.filter(state=EffectState.WAITING)
        if not rows.filter(pk=due[0].pk, reminded_at=due[0].reminded_at).update(reminded_at=now):
            return
        rows.filter(pk__in=[one.pk for one in due]).update(reminded_at=now)
        if not self._send(REMINDER, effect.user, _subject(REMINDER, due[0]), _context(due[0], due)):
            for one in due:
                rows.filter(pk=one.pk, reminded_at=now).update(reminded_at=one.reminded_at)

    def _send(self, mail: Mail, to: User, subject: str, context: dict[str, Any]) -> bool:
        """Whether it is done with: sent, or not wanted."""
        try:
            self.sent += send(mail, to=to, subject=subject, context=context)
        except NotSent:
            self._failed += 1
            return False
        return True


def find_untold() -> QuerySet[PolicyEffect]:
    """Who failed often comes last, so that one address that nobody takes mail for holds nobody else up."""
    waiting = PolicyEffect.objects.filter(told_at=None, user__is_active=True)
    return waiting.select_related("user__membership__organization", "change").order_by("mail_failures", "pk")


def find_to_remind(now: datetime) -> QuerySet[PolicyEffect]:
    """A day before the end, and a week before where the grace period is longer than ten days.

    Who was told only since then needs no reminder.
    """
    due = F("change__due_at")
    last_day = Q(change__due_at__lte=now + DAY, told_at__lt=due - DAY)
    last_day &= Q(reminded_at=None) | Q(reminded_at__lt=due - DAY)
    last_week = Q(change__due_at__lte=now + 7 * DAY, change__due_at__gt=now + DAY, told_at__lt=due - 7 * DAY)
    last_week &= Q(reminded_at=None, change__made_at__lt=due - 10 * DAY)
    waiting = PolicyEffect.objects.filter(
        Exists(Connection.objects.filter(pk=OuterRef("connection_id"))),
        state=EffectState.WAITING,
        change__state=ChangeState.WAITING,
        change__due_at__gt=now,
        user__is_active=True,
    )
    found = waiting.filter(last_day | last_week).select_related("user__membership__organization", "change")
    return found.order_by("change__due_at", "pk")


TAKEN_BACK = (EffectState.SPARED, EffectState.UNDONE)


def find_same(effect: PolicyEffect) -> QuerySet[PolicyEffect]:
    """What one mail says: the same end, or what was done, or that whatever was announced does not come."""
    mine = PolicyEffect.objects.filter(user=effect.user_id, connection_id=effect.connection_id)
    if effect.state in TAKEN_BACK:
        return mine.filter(state__in=TAKEN_BACK)
    same = mine.filter(state=effect.state, outcome=effect.outcome)
    return same.filter(ended=effect.ended) if effect.state == EffectState.WAITING else same


def choose_news(effect: PolicyEffect, untold: QuerySet[PolicyEffect]) -> tuple[Mail, list[PolicyEffect]]:
    """Which mail, and what it speaks of, the earliest first; nothing where it is no news any more.

    Of a connection that is gone only its end is. And none stays that ends by another change: of that one is spoken,
    unless it is about to be anyway.
    """
    mail = choose_mail(effect)
    if mail is not ENDED and not Connection.objects.filter(pk=effect.connection_id).exists():
        return mail, []
    if mail is STAYS:
        mine = PolicyEffect.objects.filter(user=effect.user_id, connection_id=effect.connection_id)
        left = _by_date(mine.filter(state=EffectState.WAITING))
        if left:
            return ANNOUNCED, [one for one in left if one.ended == left[0].ended and left[0].told_at]
    return mail, _by_date(untold)


def _by_date(effects: QuerySet[PolicyEffect]) -> list[PolicyEffect]:
    return list(effects.select_related("user__membership__organization", "change").order_by("change__due_at", "pk"))


_DONE = {Outcome.DISCONNECTED: ENDED, Outcome.NARROWED: NARROWED, Outcome.TO_GRANT: TO_GRANT}


def choose_mail(effect: PolicyEffect) -> Mail:
    if effect.state == EffectState.DONE:
        return _DONE[Outcome(effect.outcome)]
    return ANNOUNCED if effect.state == EffectState.WAITING else STAYS


def _subject(mail: Mail, effect: PolicyEffect) -> str:
    service = service_name(effect.provider)
    ends = "ends" if effect.outcome == Outcome.DISCONNECTED else f"loses {say_permissions(effect.ended)}"
    date = dateformat.format(effect.change.due_at.astimezone(effect.user.zone), "j F Y")
    return {
        ANNOUNCED: f"Your connection to {service} {ends} on {date}",
        REMINDER: f"Reminder: your connection to {service} {ends} on {date}",
        ENDED: f"Your connection to {service} has ended",
        NARROWED: f"Your connection to {service} may do less from now on",
        STAYS: f"Your connection to {service} stays as it is",
        TO_GRANT: f"{service}: your organization asks for {say_permissions(effect.lacking)}",
    }[mail]


def _context(effect: PolicyEffect, together: list[PolicyEffect]) -> dict[str, Any]:
    is_disconnected = effect.outcome == Outcome.DISCONNECTED
    return {
        "effect": effect,
        "service": service_name(effect.provider),
        "is_disconnected": is_disconnected,
        "reasons": list(dict.fromkeys(_list_reasons(together))),
        "ended": say_permissions(effect.ended),
        "lacking": say_permissions(effect.lacking),
        "due_at": effect.change.due_at,
        "profile_url": _url("integrations:profile"),
        "connect_url": _url("integrations:connection_new"),
        "permissions_url": _url("integrations:connection_edit"),
    }


def _list_reasons(effects: list[PolicyEffect]) -> Iterator[str]:
    for one in effects:
        yield from one.reasons


def _url(name: str) -> str:
    return settings.PUBLIC_URL + reverse(name)
