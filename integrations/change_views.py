"""What became of a change of policy: how far it has come, whom it concerned, and taking it back while it waits."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from integrations import deciding, wording
from integrations.differences import Difference, describe
from integrations.policy import Level
from integrations.policy_models import ChangeState, EffectState, PolicyChange, PolicyEffect
from integrations.verdicts import Outcome
from organizations.access import for_admins
from organizations.client_address import client_address
from organizations.models import Membership
from organizations.requests import SignedInRequest
from safety.spreadsheets import csv_response

PER_PAGE = 50
CHANGES_PER_PAGE = 25
OUTCOMES = {
    Outcome.DISCONNECTED: "Disconnected",
    Outcome.NARROWED: "Lost permissions",
    Outcome.HELD_BACK: "Held back",
    Outcome.TO_GRANT: "Asked to grant more",
}
COMING = OUTCOMES | {
    Outcome.DISCONNECTED: "Will be disconnected",
    Outcome.NARROWED: "Will lose permissions",
}
AVERTED = {
    Outcome.DISCONNECTED: "Was to be disconnected",
    Outcome.NARROWED: "Was to lose permissions",
    Outcome.HELD_BACK: "Was to be held back",
    Outcome.TO_GRANT: "Was asked to grant more",
}
WORDS = {
    EffectState.WAITING: COMING,
    EffectState.DONE: OUTCOMES,
    EffectState.SPARED: AVERTED,
    EffectState.UNDONE: AVERTED,
}
STATES = {
    EffectState.WAITING: "Announced",
    EffectState.DONE: "Done",
    EffectState.SPARED: "Spared: it no longer applied",
    EffectState.UNDONE: "Taken back",
}
ENDINGS = {EffectState.SPARED: "spared", EffectState.UNDONE: "taken back"}


@require_safe
@for_admins
def changes(request: SignedInRequest, admin: Membership) -> HttpResponse:
    """Every change of policy, the newest first."""
    concerned = Count("effects", filter=~Q(effects__state=EffectState.SPARED))
    found = _changes_of(admin).annotate(concerned=concerned).order_by("-made_at", "pk")
    page = Paginator(found, CHANGES_PER_PAGE).get_page(request.GET.get("page"))
    rows = [{"change": one, "differences": _describe(one)} for one in page]
    return render(request, "integrations/policy_changes.html", {"page_obj": page, "rows": rows})


@never_cache
@require_safe
@for_admins
def change(request: SignedInRequest, admin: Membership, pk: uuid.UUID) -> HttpResponse:
    """For htmx, while it runs, the part that changes alone."""
    found = get_object_or_404(_changes_of(admin), pk=pk)
    context = _describe_change(request, found)
    is_part = request.htmx and request.htmx.target == "policy-change"
    return render(request, f"integrations/{'_policy_change' if is_part else 'policy_change'}.html", context)


@require_safe
@for_admins
def change_effects(request: SignedInRequest, admin: Membership, pk: uuid.UUID) -> HttpResponseBase:
    """Everybody concerned, as a file."""
    found = get_object_or_404(_changes_of(admin), pk=pk)
    header = ("Name", "E-mail address", "Service", "Mailbox", "What", "Permissions", "State", "When (UTC)", "Why")
    return csv_response("policy-change.csv", header, _list_rows(found.effects.select_related("user")))


@require_POST
@for_admins
def reversal_create(request: SignedInRequest, admin: Membership, pk: uuid.UUID) -> HttpResponse:
    """Undo, while the grace period runs."""
    found = get_object_or_404(_changes_of(admin), pk=pk)
    try:
        left = deciding.undo(found, by=request.user, address=client_address(request))
    except deciding.NotWaiting:
        messages.error(request, "This change waits no longer, so it cannot be undone. Change the policy instead.")
    except deciding.Contradicts as refusal:
        messages.error(request, f"It cannot be undone as things stand now. {' '.join(refusal.sentences)}")
    else:
        messages.success(request, "The change is undone. Everybody who was told is told that their connection stays.")
        if left:
            messages.warning(
                request, f"Changed again since, so left as it is: {', '.join(map(wording.full_label, left))}."
            )
    return redirect("administration:change", pk)


@require_POST
@for_admins
def grace_end_create(request: SignedInRequest, admin: Membership, pk: uuid.UUID) -> HttpResponse:
    """Have what waits come at once."""
    found = get_object_or_404(_changes_of(admin), pk=pk)
    try:
        deciding.end_grace(found, by=request.user, address=client_address(request))
    except deciding.NotWaiting:
        messages.error(request, "This change waits no longer.")
    else:
        messages.success(request, "The grace period is over. The change is being carried out.")
    return redirect("administration:change", pk)


def _changes_of(admin: Membership) -> QuerySet[PolicyChange]:
    return admin.organization.policy_changes.select_related("made_by", "policy__group", "policy__membership__user")


def _describe_change(request: SignedInRequest, found: PolicyChange) -> dict[str, Any]:
    effects = found.effects.select_related("user").order_by("user__email")
    kinds = _count_kinds(found)
    kind, sought = request.GET.get("kind", ""), request.GET.get("q", "").replace("\0", "").strip()[:100]
    if kind:
        chosen = next((one for one in kinds if one.key == kind), None)
        effects = effects.filter(outcome=chosen.outcome, state=chosen.state) if chosen else effects.none()
    if sought:
        effects = effects.filter(Q(user__name__icontains=sought) | Q(user__email__icontains=sought))
    page = Paginator(effects, PER_PAGE).get_page(request.GET.get("page"))
    is_waiting, is_due = found.state == ChangeState.WAITING, found.due_at <= timezone.now()
    averted = sum(one.count for one in kinds if WORDS[one.state] is AVERTED)
    listed = sum(one.count for one in kinds)
    return {
        "change": found,
        "differences": _describe(found),
        "is_looking": _is_under_way(found),
        "is_waiting": is_waiting,
        "is_due": is_due,
        # Its progress is still that of announcing it: carrying it out counts anew.
        "starts_soon": is_waiting and is_due,
        "kinds": kinds,
        "listed": listed,
        "averted": averted,
        "concerned": listed - averted,
        "pending": sum(one.count for one in kinds if one.state is EffectState.WAITING),
        "page_obj": page,
        "rows": [_describe_effect(one) for one in page],
        "kind": kind,
        "sought": sought,
    }


@dataclass(frozen=True, slots=True)
class Kind:
    """How many people a change did, will do, or was to do the same to."""

    outcome: Outcome
    state: EffectState
    count: int

    @property
    def key(self) -> str:
        """For the filter."""
        return f"{self.outcome}-{self.state}"

    @property
    def words(self) -> str:
        """ "Was to be disconnected, spared"."""
        what = WORDS[self.state].get(self.outcome, "")
        return f"{what}, {ENDINGS[self.state]}" if self.state in ENDINGS else what


def _count_kinds(found: PolicyChange) -> list[Kind]:
    """What comes or was done first, then what was averted."""
    counted = found.effects.order_by().values_list("outcome", "state").annotate(Count("pk"))
    kinds = [Kind(Outcome(outcome), EffectState(state), count) for outcome, state, count in counted]
    outcomes, states = list(Outcome), list(WORDS)
    return sorted(
        kinds, key=lambda one: (WORDS[one.state] is AVERTED, outcomes.index(one.outcome), states.index(one.state))
    )


def _describe(found: PolicyChange) -> list[Difference]:
    return describe(found.before, found.after, level=found.policy.level if found.policy else Level.ORGANIZATION)


def _is_under_way(found: PolicyChange) -> bool:
    """Being carried out, or about to be, or those concerned are being found and told."""
    waits = found.state == ChangeState.WAITING
    return found.state == ChangeState.RUNNING or (
        waits and (found.announced_at is None or found.due_at <= timezone.now())
    )


def _describe_effect(effect: PolicyEffect) -> dict[str, Any]:
    state = EffectState(effect.state)
    return {
        "effect": effect,
        "service": wording.service_name(effect.provider),
        "what": WORDS[state].get(Outcome(effect.outcome), ""),
        "permissions": wording.say_permissions(effect.ended),
        "state": STATES[state],
    }


def _list_rows(effects: QuerySet[PolicyEffect]) -> Iterator[Sequence[Any]]:
    for effect in effects.order_by("user__email").iterator(chunk_size=500):
        said = _describe_effect(effect)
        yield (
            effect.user.name,
            effect.user.email,
            said["service"],
            effect.mailbox,
            said["what"],
            said["permissions"],
            said["state"],
            f"{effect.at:%Y-%m-%d %H:%M}",
            " ".join(effect.reasons),
        )
