"""What differs between two versions of one level's policy, in words, and how two admins' changes go together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from integrations import levels, wording
from integrations.levels import Layer, Value
from integrations.policy import Level, Policy

Stored = Mapping[str, Any]
"""As in PolicyChange: {setting: [value, is locked]}; None instead of the pair where nothing is said."""

NOTHING = "As decided above"
"""What a group or a member says of a setting where it says nothing."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting, before and after, for a table."""

    name: str
    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Merged:
    """Two admins' changes to the same level, put together. Where both changed a setting, `layer` says what is mine."""

    layer: Layer
    theirs: list[Difference]
    """What the other admin changed meanwhile."""
    disputed: list[Difference]
    """Where both did, differently: `before` is theirs, `after` mine."""


def compare(before: Layer, after: Layer) -> list[Difference]:
    return [_difference(name, before, after) for name in _in_order(find_changed(before, after))]


def describe(before: Stored, after: Stored, *, level: Level) -> list[Difference]:
    """The same of what a PolicyChange of this level holds."""
    names = _in_order({*before, *after})
    return [
        Difference(one, wording.full_label(one), _say_stored(one, before, level), _say_stored(one, after, level))
        for one in names
    ]


def find_changed(before: Layer, after: Layer) -> set[str]:
    """Names of the settings of which the two say something else, or which only one of them locks."""
    return {name for name in {*before.choices, *after.choices} if _pair(before, name) != _pair(after, name)}


def merge(base: Layer, *, theirs: Layer, mine: Layer) -> Merged:
    """Both started from `base`: what only one changed is taken from them, what both changed is mine."""
    by_them, by_me = find_changed(base, theirs), find_changed(base, mine)
    disputed = {name for name in by_them & by_me if _pair(theirs, name) != _pair(mine, name)}
    choices, locks = dict(mine.choices), set(mine.locks)
    for name in by_them - by_me:
        choices.pop(name, None)
        locks.discard(name)
        if name in theirs.choices:
            choices[name] = theirs.choices[name]
        if theirs.is_locked(name):
            locks.add(name)
    return Merged(
        replace(mine, choices=choices, locks=frozenset(locks)),
        [_difference(name, base, theirs) for name in _in_order(by_them)],
        [_difference(name, theirs, mine) for name in _in_order(disputed)],
    )


def say_choice(layer: Layer, name: str) -> str:
    """ "Off, locked"."""
    pair = _pair(layer, name)
    return _say(name, *pair) if pair else _say_nothing(name, layer.level)


def _pair(layer: Layer, name: str) -> tuple[Value, bool] | None:
    return (layer.choices[name], layer.is_locked(name)) if name in layer.choices else None


def _difference(name: str, before: Layer, after: Layer) -> Difference:
    return Difference(name, wording.full_label(name), say_choice(before, name), say_choice(after, name))


def _say_nothing(name: str, level: Level) -> str:
    setting = levels.find_setting(name)
    if setting is None or level is not Level.ORGANIZATION:
        return NOTHING
    given = Policy().join_services if setting.field == "join_services" else frozenset()
    default = setting.default - given if isinstance(setting.default, frozenset) else setting.default
    return f"{wording.say_value(setting, default)} (Portico's default)"


def _say_stored(name: str, stored: Stored, level: Level) -> str:
    setting, pair = levels.find_setting(name), stored.get(name)
    if pair is None:
        return _say_nothing(name, level)
    try:
        return _say(name, setting.parse(pair[0]) if setting else str(pair[0]), bool(pair[1]))
    except (ValueError, TypeError, LookupError):
        return "Something this version of Portico does not know"


def _say(name: str, value: Value, is_locked: bool) -> str:
    setting = levels.find_setting(name)
    words = wording.say_value(setting, value) if setting else str(value)
    return f"{words}, locked" if is_locked else words


def _in_order(names: Iterable[str]) -> list[str]:
    """As pages show settings; what this server has no use for comes last."""
    order = {setting.name: place for place, setting in enumerate(wording.list_settings())}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))
