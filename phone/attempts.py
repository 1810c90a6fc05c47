"""A click on Call, and the call that the phone system tells of a little later, are one row."""

from collections.abc import Sequence
from datetime import timedelta

from phone.models import Call, Direction, Result, Source

APART = timedelta(minutes=5)
"""How far apart a click and its call may be: people look for their headset, and clocks differ."""
TAKEN = ("call_id", "log_id", "direction", "result", "number", "e164", "name", "line", "started_at", "seconds",
         "source", "reported_at")  # fmt: skip


def take_over(calls: Sequence[Call]) -> tuple[list[Call], list[Call]]:
    """`calls`: not saved yet. Which clicks have become calls, written but not saved; and the calls nobody clicked.

    Each takes the click next to it in time that no other has taken; one query.
    """
    outgoing = sorted(
        (one for one in calls if one.direction == Direction.OUTGOING and one.number),
        key=lambda one: (one.started_at, one.call_id),
    )
    if not outgoing:
        return [], list(calls)
    clicks = Call.objects.filter(
        owner__in={one.owner_id for one in outgoing},
        call_id="",
        source=Source.CLICK,
        result=Result.ATTEMPT,
        started_at__range=(outgoing[0].started_at - APART, outgoing[-1].started_at + APART),
    )
    free = list(clicks.order_by("started_at", "pk"))
    taken, clicked = [], set()
    for call in outgoing:
        near = [one for one in free if _is_of(one, call)]
        if near:
            click = min(near, key=lambda one: abs(one.started_at - call.started_at))
            free.remove(click)
            for name in TAKEN:
                setattr(click, name, getattr(call, name))
            taken.append(click)
            clicked.add(id(call))
    return taken, [one for one in calls if id(one) not in clicked]


def _is_of(click: Call, call: Call) -> bool:
    is_same_number = click.e164 == call.e164 if click.e164 and call.e164 else click.number == call.number
    return click.owner_id == call.owner_id and is_same_number and abs(click.started_at - call.started_at) <= APART
