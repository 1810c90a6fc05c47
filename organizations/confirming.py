"""Asking once more, where moving people between groups ends somebody's connection."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from organizations.placement import Consequence
from organizations.requests import SignedInRequest

CONFIRMED = "confirmed"
"""Name of the field with the mark of the consequence that was shown."""


def ask_first(
    request: SignedInRequest, consequence: Consequence, *, title: str, act: str, back: tuple[str, int] | tuple[str]
) -> HttpResponse | None:
    """The page that says whom it costs what, with all that was posted; None where nobody loses anything, or where
    who asks has seen just this. Nothing is stored: several may be open at once."""
    if not consequence or request.POST.get(CONFIRMED) == consequence.mark:
        return None
    posted = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in (CONFIRMED, "csrfmiddlewaretoken")
        for value in values
    ]
    words = {
        "consequence": consequence,
        "title": title,
        "act": act,
        "back_url": reverse(back[0], args=back[1:]),
        "posted": posted,
        "is_asked_again": CONFIRMED in request.POST,
    }
    return render(request, "organizations/placement.html", words)
