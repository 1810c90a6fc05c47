from typing import Any

from django.apps import AppConfig


class MeetingsConfig(AppConfig):
    name = "meetings"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from organizations.signals import member_left

        member_left.connect(_forget_hosted, dispatch_uid="meetings.forget_hosted")


def _forget_hosted(*, user: Any, **_: Any) -> None:
    from meetings import hosted

    hosted.forget(user.pk)
