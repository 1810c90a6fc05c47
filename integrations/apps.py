from typing import Any

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from organizations.signals import member_left, policy_may_differ

        policy_may_differ.connect(_follow_move, dispatch_uid="integrations.follow_move")
        member_left.connect(_let_go, dispatch_uid="integrations.let_go")


def _follow_move(*, organization: Any, what: str, by: Any, address: str | None, groups: Any = None, **_: Any) -> None:
    from integrations import deciding

    deciding.follow_move(organization, what=what, by=by, address=address, groups=groups)


def _let_go(*, user: Any, reason: str, by: Any, address: str | None, **_: Any) -> None:
    from integrations import changing, effects

    changing.let_go(user, reason=reason, by=by, address=address)
    effects.settle(user)
