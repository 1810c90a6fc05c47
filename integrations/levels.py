"""Organization, group, member: what each of them says, and what holds for one person. Pure.

A level says something of a setting or nothing, and may lock what it says. For each setting:

1. The topmost lock decides: the organization's before a group's, an earlier group's before a later one's.
2. Where nothing is locked, the most particular choice decides: the member's, else that of the first of their groups
   that has one, else the organization's, else Portico's default.

So a lock holds for everybody below, and nothing below it can widen (or narrow) what it says; an unlocked choice is a
default that a level below may change in either direction. The same admins decide on every level.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from integrations.permissions import Permission
from integrations.policy import CallScheme, Level, Mode, Policy, Prompt, ServicePolicy, Source, TimeChange

Value = bool | int | str | frozenset[str]
"""Of a setting. The words of an enumeration are members of it, which are text."""

LONGEST_TEXT = 500
MOST_NAMES = 200
MOST_GRACE_DAYS = 90


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be decided. `name` is dotted for a service's: "google.calendar_write"."""

    name: str
    default: Value
    parse: Callable[[Any], Value]
    """From JSON or YAML. Raises ValueError with words for whoever wrote the file."""

    @property
    def service(self) -> str:
        """The key of the service that it belongs to, or ""."""
        return self.name.rpartition(".")[0]

    @property
    def field(self) -> str:
        """Its name in `Policy` or `ServicePolicy`; a permission's mode goes by the permission's."""
        return self.name.rpartition(".")[2]


def _parse_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is true or false")
    return value


def _parse_text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise ValueError(f"is a text of at most {LONGEST_TEXT} characters")
    return value


def _parse_names(value: Any) -> frozenset[str]:
    if not isinstance(value, list | tuple | set | frozenset) or len(value) > MOST_NAMES:
        raise ValueError(f"is a list of at most {MOST_NAMES} names")
    if not all(isinstance(one, str) and 0 < len(one.strip()) <= LONGEST_TEXT for one in value):
        raise ValueError("is a list of names")
    return frozenset(one.strip() for one in value)


def _parse_hosts(value: Any) -> frozenset[str]:
    return frozenset(one.lower().rstrip(".") for one in _parse_names(value))


def _parse_domains(value: Any) -> frozenset[str]:
    return frozenset(one.lower().removeprefix("@") for one in _parse_names(value))


def _parse_days(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_GRACE_DAYS:
        raise ValueError(f"is a number of days, at most {MOST_GRACE_DAYS}")
    return value


def _parse_one_of(kind: type[Mode] | type[Prompt] | type[TimeChange] | type[CallScheme]) -> Callable[[Any], Value]:
    def parse(value: Any) -> Value:
        # YAML reads a bare on and off as true and false.
        if kind is Mode and isinstance(value, bool):
            value = "on" if value else "off"
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"is one of {', '.join(kind)}") from None

    return parse


_POLICY, _SERVICE = Policy(), ServicePolicy()
_OF_POLICY: dict[str, Callable[[Any], Value]] = {
    "enabled": _parse_flag,
    "default_service": _parse_text,
    "mailbox_domains": _parse_domains,
    "own_mailbox": _parse_flag,
    "prompt": _parse_one_of(Prompt),
    "join_services": _parse_names,
    "vanity_hosts": _parse_hosts,
    "time_change": _parse_one_of(TimeChange),
    "scheduling_privilege": _parse_flag,
    "call_scheme": _parse_one_of(CallScheme),
    "grace_days": _parse_days,
}
_OF_SERVICE: dict[str, Callable[[Any], Value]] = {
    "offered": _parse_flag,
    **{one.value: _parse_one_of(Mode) for one in Permission},
    "require_oauth": _parse_flag,
    "ews_url": _parse_text,
    "ews_hosts": _parse_hosts,
    "versions": _parse_names,
}
POLICY_SETTINGS = {name: Setting(name, getattr(_POLICY, name), parse) for name, parse in _OF_POLICY.items()}


def settings_of_service(key: str) -> dict[str, Setting]:
    """Every setting there is for one service, by name."""
    return {
        f"{key}.{field_}": Setting(f"{key}.{field_}", getattr(_SERVICE, field_, Mode.ASK), parse)
        for field_, parse in _OF_SERVICE.items()
    }


def find_setting(name: str) -> Setting | None:
    service, _, field_ = name.rpartition(".")
    if not service:
        return POLICY_SETTINGS.get(name)
    return settings_of_service(service).get(name) if field_ in _OF_SERVICE else None


@dataclass(frozen=True, slots=True)
class Layer:
    """What one level says: `choices` by the name of the setting, and which of them it locks."""

    level: Level
    name: str = ""
    """Of the group."""
    choices: Mapping[str, Value] = field(default_factory=dict)
    locks: frozenset[str] = frozenset()

    def is_locked(self, name: str) -> bool:
        return name in self.locks and name in self.choices


def parse_layer(level: Level, choices: Any, locks: Any, *, name: str = "") -> Layer:
    """A layer of what was stored or written in a file. A lock on what is not chosen locks the default.

    Raises:
        ValueError: the sentence says which setting is wrong, and what it has to be.
    """
    if not isinstance(choices, Mapping) or not isinstance(locks, list | tuple | set | frozenset):
        raise ValueError("Choices are names with values, and locks are a list of names.")
    parsed: dict[str, Value] = {}
    for key, value in choices.items():
        setting = find_setting(key) if isinstance(key, str) else None
        if setting is None:
            raise ValueError(f"There is no setting called {key!r}.")
        try:
            parsed[key] = setting.parse(value)
        except ValueError as error:
            raise ValueError(f"{key} {error}.") from None
    for key in locks:
        setting = find_setting(key) if isinstance(key, str) else None
        if setting is None:
            raise ValueError(f"There is no setting called {key!r} to lock.")
        parsed.setdefault(key, setting.default)
    return Layer(level, name, parsed, frozenset(locks))


def dump_value(value: Value) -> bool | int | str | list[str]:
    """For JSON and YAML."""
    if isinstance(value, frozenset):
        return sorted(value)
    return value if isinstance(value, bool | int) else str(value)


def dump_choices(layer: Layer) -> dict[str, bool | int | str | list[str]]:
    return {name: dump_value(layer.choices[name]) for name in sorted(layer.choices)}


def resolve(layers: Sequence[Layer]) -> Policy:
    """What holds for one person. `layers`: the organization's, their groups' in the order that decides, the member's.

    A level that says nothing may be left out.
    """
    names = dict.fromkeys(name for layer in layers for name in layer.choices)
    decided = {name: _decide_setting(name, layers) for name in names}
    services = dict.fromkeys(name.rpartition(".")[0] for name in names if "." in name)
    whole = {name: found for name, found in decided.items() if "." not in name}
    values: dict[str, Any] = {name: value for name, (value, _) in whole.items()}
    if "join_services" in values:
        values["join_services"] = _POLICY.join_services | values["join_services"]
    return replace(
        _POLICY,
        **values,
        services={key: _resolve_service(key, decided) for key in services},
        sources={name: source for name, (_, source) in whole.items()},
    )


def find_lock_above(name: str, layers: Iterable[Layer]) -> Source | None:
    """The topmost lock on a setting among these layers, or None."""
    for layer in layers:
        if layer.is_locked(name):
            return Source(layer.level, layer.name, is_locked=True)
    return None


def _decide_setting(name: str, layers: Sequence[Layer]) -> tuple[Value, Source]:
    """Of a setting that some layer says something of."""
    saying = [layer for layer in layers if name in layer.choices]
    locked = next((layer for layer in saying if layer.is_locked(name)), None)
    chosen = locked or min(saying, key=_how_general)
    return chosen.choices[name], Source(chosen.level, chosen.name, is_locked=locked is not None)


_ORDER = (Level.MEMBER, Level.GROUP, Level.ORGANIZATION)


def _how_general(layer: Layer) -> int:
    """Least for the most particular level. Among groups `min` takes the first, so that their order decides."""
    return _ORDER.index(layer.level)


def _resolve_service(key: str, decided: Mapping[str, tuple[Value, Source]]) -> ServicePolicy:
    mine = {name.rpartition(".")[2]: found for name, found in decided.items() if name.rpartition(".")[0] == key}
    modes = {one: Mode(str(mine[one.value][0])) for one in Permission if one.value in mine}
    values: dict[str, Any] = {name: value for name, (value, _) in mine.items() if name not in set(Permission)}
    return replace(_SERVICE, **values, modes=modes, sources={name: source for name, (_, source) in mine.items()})
