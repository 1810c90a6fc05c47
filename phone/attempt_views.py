"""Where pages tell of a click on Call. The link itself leads straight to the program that dials."""

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from integrations.flooding import Flood
from integrations.numbers import is_e164
from organizations.requests import SignedInRequest
from phone.calling import record_attempt

clicks = Flood(most=60)
"""Of one person in a minute: more is no finger's work."""


@require_POST
def attempt_new(request: SignedInRequest) -> HttpResponse:
    """`number` was clicked. Nothing comes back: the page that told is on its way elsewhere."""
    number = request.POST.get("number", "")
    if not is_e164(number):
        return HttpResponse("That is no phone number with its country code.", status=422, content_type="text/plain")
    if not clicks.count(str(request.user.pk)):
        return HttpResponse("That were too many calls in a minute.", status=429, content_type="text/plain")
    if not record_attempt(request.user, number):
        return HttpResponse("You have no phone licence.", status=403, content_type="text/plain")
    return HttpResponse(status=204)
