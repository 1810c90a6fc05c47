"""What other pages show of a person's connection."""

from typing import Any

from django import template

from integrations import connecting, registry
from integrations.models import Status

register = template.Library()


@register.inclusion_tag("integrations/_needs_person.html", takes_context=True)
def reconnect_banner(context: template.Context) -> dict[str, Any]:
    """The banner for who has to act on their connection; nothing for everyone else."""
    user = getattr(context.get("request"), "user", None)
    connection = connecting.find_connection(user) if user is not None and user.is_authenticated else None
    if connection is None or connection.status == Status.CONNECTED:
        return {}
    return {"connection": connection, "info": registry.find_info(connection.provider), "request": context["request"]}
