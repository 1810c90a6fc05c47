from typing import Any

from django.apps import AppConfig


class PhoneConfig(AppConfig):
    name = "phone"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from organizations.signals import member_left

        member_left.connect(_let_go, dispatch_uid="phone.let_go")


def _let_go(*, user: Any, organization: Any, reason: str, by: Any, address: str | None, **_: Any) -> None:
    from phone import retention

    retention.let_go(user, organization=organization, reason=reason, by=by, address=address)
