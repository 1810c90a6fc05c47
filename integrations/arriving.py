"""How changes at the service get to us, in a sentence: told within seconds, or looked for now and then."""

from django.conf import settings
from django.utils import timezone

from integrations import pushing, registry, wording
from integrations.models import Connection


def describe(connection: Connection) -> str:
    """For the connection's person."""
    service = wording.service_name(connection.provider)
    usable = connection.usable
    read = {name for name, feed in registry.feeds().items() if feed.permission in usable}
    told = find_told(connection) & read
    if not told:
        return f"Looked for {say_interval()}"
    if told == read:
        return f"Within seconds: {service} tells Portico of them"
    now, later = (wording.say_list(sorted(names)).capitalize() for names in (told, read - told))
    return f"{now}: within seconds, as {service} tells Portico. {later}: looked for {say_interval()}"


def find_told(connection: Connection) -> set[str]:
    """Feeds of which the service tells us, as far as we know."""
    if not pushing.is_on():
        return set()
    live = connection.push_channels.filter(expires_at__gt=timezone.now()).exclude(remote_id="")
    return set(live.values_list("feed", flat=True))


def say_interval() -> str:
    seconds = settings.SYNC["every_seconds"]
    if seconds < 120:
        return f"every {seconds} seconds"
    minutes = round(seconds / 60)
    return "every hour" if minutes == 60 else f"every {minutes} minutes"
