"""What a change of policy was, as it is stored and in words."""

from collections.abc import Mapping
from typing import Any

from integrations import levels, wording
from integrations.levels import Layer

Said = list[Any] | None
"""What a level says of one setting: [value, is locked], or None."""


def differences(before: Layer, after: Layer) -> dict[str, tuple[Said, Said]]:
    """What each setting was and will be, for those that change."""
    names = sorted({*before.choices, *after.choices})
    pairs = {name: (said_of(before, name), said_of(after, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def describe(said: Mapping[str, Said]) -> dict[str, str]:
    """The `before` or `after` of a change in words: {"Google: Calendar write": "Off, locked"}."""
    return {wording.full_label(name): _say(name, one) for name, one in said.items()}


def said_of(layer: Layer, name: str) -> Said:
    """What a layer says of one setting."""
    if name not in layer.choices:
        return None
    return [levels.dump_value(layer.choices[name]), layer.is_locked(name)]


def _say(name: str, said: Said) -> str:
    setting = levels.find_setting(name)
    if said is None or setting is None:
        return "Nothing" if said is None else str(said[0])
    words = wording.say_value(setting, setting.parse(said[0]))
    return f"{words}, locked" if said[1] else words
