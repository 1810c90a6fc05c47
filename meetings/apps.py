from typing import Any

from django.apps import AppConfig


class MeetingsConfig(AppConfig):
    name = "meetings"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from organizations.signals import member_left

        member_left.connect(_forget_hosted, dispatch_uid="meetings.forget_hosted")
        member_left.connect(_let_go, dispatch_uid="meetings.let_go")


def _forget_hosted(*, user: Any, **_: Any) -> None:
    from meetings import hosted

    hosted.forget(user.pk)


def _let_go(*, user: Any, organization: Any, reason: str, by: Any, address: str | None, **_: Any) -> None:
    from meetings import naming, subscribing

    naming.let_go(user, organization=organization, by=by, reason=reason, address=address)
    subscribing.let_go(user, organization=organization, by=by, reason=reason, address=address)
