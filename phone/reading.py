"""That a message was listened to: here at once, and at the phone system where that can be told."""

import logging
from functools import partial

from django.db import transaction

from integrations.errors import ProviderError, RateLimited, Unreachable
from phone import system_settings
from phone.models import Voicemail

log = logging.getLogger(__name__)

MOST_TRIES = 4


def mark(voicemail: Voicemail, *, is_read: bool) -> None:
    """Nothing happens where it stands so already."""
    changed = Voicemail.objects.filter(pk=voicemail.pk).exclude(is_read=is_read)
    if changed.update(is_read=is_read):
        from phone.tasks import tell_read

        transaction.on_commit(partial(tell_read.delay, voicemail.pk))


def tell(voicemail_id: int) -> bool:
    """Have the phone system show it as it stands here. False: it may help to try again in a while."""
    voicemail = Voicemail.objects.select_related("owner").filter(pk=voicemail_id).first()
    if voicemail is None:
        return True
    try:
        system = system_settings.find_system(voicemail.owner.organization)
        if system is not None:
            with system.open() as opened:
                opened.mark_read(voicemail.voicemail_id, is_read=voicemail.is_read)
    except (RateLimited, Unreachable):
        return False
    except ProviderError as error:  # the message is gone there, or the app may not: what stands here still holds
        log.info("A phone system was not told that a message was heard: %s", error.code, extra={"detail": error.detail})
    return True
