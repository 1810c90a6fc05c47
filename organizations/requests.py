"""What the middleware makes of a request before it comes to a view of ours."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from organizations.models import User


class SignedInRequest(HttpRequest):
    """For annotations: `LoginRequiredMiddleware` lets nobody else through to a view that does not opt out."""

    user: User
    htmx: HtmxDetails
