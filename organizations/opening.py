"""Support staff open a page about somebody: it is written down, once an hour, not at each reload."""

import time
from typing import cast

from django.http import HttpRequest

from organizations.client_address import client_address
from organizations.models import User, record

AGAIN_AFTER_SECONDS = 3600
_KEY = "support_opened"
"""{the person's key: when it was written down}, in the session."""


def note_opening(request: HttpRequest, person: User) -> None:
    now = time.time()
    opened = {pk: at for pk, at in request.session.get(_KEY, {}).items() if at > now - AGAIN_AFTER_SECONDS}
    if str(person.pk) in opened:
        return
    record(
        "support.opened",
        organization=person.organization,
        actor=cast(User, request.user),
        subject=person,
        address=client_address(request),
    )
    request.session[_KEY] = {**opened, str(person.pk): now}
