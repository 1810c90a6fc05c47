"""Asking people to connect a service after they sign in, as often as their policy says.

Signing in marks the session; the first page that is looked at afterwards gives way to the question, once. "Once" asks
no more after it was shown, unless a policy has ended the person's connection since; "until done" asks at each sign-in.
Nobody is asked who has a connection, or nothing that they could connect.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from integrations import connecting, policy
from integrations.models import ConnectPrompt
from integrations.policy import Prompt
from integrations.policy_models import EffectState, PolicyEffect, policy_for
from integrations.verdicts import Outcome
from organizations.models import User

MARK = "ask_to_connect"
PAGES = {"home", "meetings:list", "contacts:list", "phone:list", "integrations:profile"}
"""Names of the pages that give way to the question. A link to anything else leads where it leads."""


@receiver(user_logged_in, dispatch_uid="integrations.prompting")
def mark_session(*, request: HttpRequest | None, **_: Any) -> None:
    if request is not None and hasattr(request, "session"):
        request.session[MARK] = True


class ConnectPromptMiddleware:
    """Ask on the first page after sign-in. Stands behind what signs people in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        is_page = request.method == "GET" and request.headers.get("HX-Request") != "true"
        match = request.resolver_match
        if not is_page or match is None or match.view_name not in PAGES or not request.user.is_authenticated:
            return None
        if not request.session.pop(MARK, False) or not may_ask(request.user):
            return None
        note_asked(request.user)
        return redirect(f"{reverse('integrations:prompt')}?{urlencode({'next': request.get_full_path()})}")


def may_ask(user: User) -> bool:
    """Whether this person's policy wants them asked now."""
    wanted = policy_for(user).prompt
    if wanted is Prompt.NEVER or not has_choice(user) or connecting.find_connection(user):
        return False
    if wanted is Prompt.UNTIL_DONE:
        return True
    asked = ConnectPrompt.objects.filter(user=user).first()
    return asked is None or _was_cut_off_since(asked)


def has_choice(user: User) -> bool:
    """Whether there is a service that the person could connect."""
    return any(one.available for one in policy.offer_services(policy_for(user), connecting.list_services(user)))


def find_cut_off(user: User) -> PolicyEffect | None:
    """The last time a policy ended this person's connection, if that is how they came to have none.

    Connecting again settles it, whatever becomes of that connection; so does putting the banner about it away.
    """
    ended = PolicyEffect.objects.filter(
        user=user, state=EffectState.DONE, outcome=Outcome.DISCONNECTED, dismissed_at=None
    )
    return ended.order_by("-at").first()


def note_asked(user: User) -> None:
    ConnectPrompt.objects.update_or_create(user=user, defaults={"shown_at": timezone.now()})


def note_declined(user: User) -> None:
    """They said "Not now"."""
    ConnectPrompt.objects.update_or_create(user=user, defaults={"declined_at": timezone.now()})


def _was_cut_off_since(asked: ConnectPrompt) -> bool:
    effect = find_cut_off(asked.user)
    answered = max(asked.shown_at, asked.declined_at or asked.shown_at)
    return effect is not None and effect.at > answered
