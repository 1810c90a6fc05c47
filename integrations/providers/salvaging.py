"""What can be read of an item in which something is of another type than its provider documents."""

from typing import Any


def salvage(value: Any, like: Any) -> Any:
    """`value` with everything left out that is not of the type documented (`like`: a type, [..] or {..} of them)."""
    if isinstance(like, dict):
        if not isinstance(value, dict):
            return {}
        kept = {name: salvage(value[name], kind) for name, kind in like.items() if name in value}
        return {name: one for name, one in kept.items() if one is not None}
    if isinstance(like, list):
        found = [salvage(one, like[0]) for one in value] if isinstance(value, list) else []
        return [one for one in found if one]
    return value if isinstance(value, like) else None
