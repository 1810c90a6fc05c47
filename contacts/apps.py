from typing import Any

from django.apps import AppConfig


class ContactsConfig(AppConfig):
    name = "contacts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from organizations.signals import region_changed

        region_changed.connect(_read_again, dispatch_uid="contacts.read_again")


def _read_again(*, organization: Any, **_: Any) -> None:
    """Numbers without a country code mean others now: at its next sync each address book is listed as a whole."""
    from integrations.models import SyncCursor

    mine = SyncCursor.objects.filter(feed="contacts", connection__user__membership__organization=organization)
    mine.update(listed_at=None)
