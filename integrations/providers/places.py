"""Address books that keep so many phone numbers of each type and no more. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from integrations.errors import Rejected
from integrations.providers.base import NumberType

_MOST_SUGGESTED = 3


def check_places(
    wanted: Iterable[NumberType],
    taken: Iterable[str] = (),
    *,
    types: tuple[NumberType, ...],
    places: Mapping[str, int],
    service: str,
) -> None:
    """Whether there is a place for each of the wanted ones.

    `taken`: the keys of the numbers that are there; `places`: how many there can be of a type, where not one.

    Raises:
        Rejected: there is none; the sentence names types that have one.
    """
    counts = Counter(taken)
    wanted = list(wanted)
    counts.update(one.key for one in wanted)
    for one in wanted:
        most = places.get(one.key, 1)
        if counts[one.key] > most:
            free = [other for other in types if counts[other.key] < places.get(other.key, 1)]
            free.sort(key=lambda other: other.kind != one.kind)
            raise Rejected(_say(one, most, free, service), detail=f"no place for {one.key}")


def _say(full: NumberType, most: int, free: list[NumberType], service: str) -> str:
    how_many = "one number" if most == 1 else f"{most} numbers"
    there = f"{service} keeps {how_many} of the type {full.label} for a contact, and there is no room for another."
    names = [one.label for one in free[:_MOST_SUGGESTED]]
    if not names:
        return f"{there} All other types are taken too: remove a number there first."
    choice = " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
    return f"{there} Choose {choice} instead."
