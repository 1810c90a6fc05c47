"""The form in which an admin says what one level decides. Made from `wording.list_settings`, so that a new setting or
service needs no page of its own.

On a group's and a member's form each setting may say nothing, and what a lock above has fixed is shown, disabled, with
who fixed it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from integrations import levels, policy, registry, wording
from integrations.levels import Layer, Setting, Value
from integrations.policy import Level, Source
from integrations.policy_fields import (
    NO_SERVICE,
    help_of,
    initial_of,
    kind_of,
    lock_name,
    make_field,
    say_name,
    without_given,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting on the page."""

    setting: Setting
    label: str
    full_label: str
    help: str
    kind: str
    """ "segments", "select", "days", "text", "lines" or "boxes": how it is asked."""
    field: forms.BoundField
    lock: forms.BoundField
    say: forms.BoundField | None
    """Whether it says anything, where the control itself cannot tell (a list may be empty and mean it)."""
    inherited: str
    """What holds where nothing is said here, in words."""
    locked_by: Source | None
    """A lock above: nothing can be said here."""
    resting: str
    """What this level says all the same, in words, which has no effect under that lock."""

    @property
    def locked_by_words(self) -> str:
        """ "group Sales"."""
        if self.locked_by is None:
            return ""
        return f"group {self.locked_by.name}" if self.locked_by.level is Level.GROUP else "the organization"

    @property
    def has_errors(self) -> bool:
        return bool(self.field.errors or self.lock.errors or (self.say and self.say.errors))


@dataclass(frozen=True, slots=True)
class Section:
    key: str
    title: str
    lead: str
    rows: Sequence[Row]
    service: str = ""


class PolicyForm(forms.Form):
    """`layer`: what is stored. `above`: the levels above, in the order of `levels.resolve`.

    Valid, it has `new_layer`. What this server has no use for (a service without keys) is kept as it is stored.
    """

    def __init__(self, data: Any = None, *, layer: Layer, above: Sequence[Layer] = ()) -> None:
        super().__init__(data, initial=make_initial(layer), auto_id="policy-%s")
        self.layer = layer
        self.above = above
        self.inherits = layer.level is not Level.ORGANIZATION
        self.resolved_above = levels.resolve(above)
        self.settings = wording.list_settings()
        self.new_layer = layer
        for setting in self.settings:
            self._add_fields(setting)

    def _add_fields(self, setting: Setting) -> None:
        locked_by = levels.find_lock_above(setting.name, self.above)
        field = make_field(setting, self.layer, inherits=self.inherits)
        lock = forms.BooleanField(required=False)
        added = {setting.name: field, lock_name(setting): lock}
        if self.inherits and kind_of(setting) in ("lines", "boxes", "text"):
            words = [("", "As decided above"), ("own", "Decided here")]
            added[say_name(setting)] = forms.ChoiceField(required=False, choices=words, widget=forms.RadioSelect)
        if locked_by:
            self.initial[setting.name] = initial_of(setting, wording.value_in(self.resolved_above, setting))
            self.initial.update({lock_name(setting): True, say_name(setting): "own"})
        for name, one in added.items():
            one.disabled = locked_by is not None
            self.fields[name] = one

    def sections(self) -> Iterator[Section]:
        yield Section("general", "General", "", self._rows("enabled", "default_service", "prompt"))
        yield Section("mailboxes", "Mailboxes", "", self._rows("mailbox_domains", "own_mailbox"))
        for key in registry.providers():
            info = registry.find_info(key)
            rows = [self._row(one) for one in wording.list_service_settings(key)]
            yield Section(key, wording.service_name(key), info.summary if info else "", rows, service=key)
        names = ("join_services", "vanity_hosts", "time_change", "scheduling_privilege", "call_scheme")
        yield Section("meetings", "Meetings and calls", "", self._rows(*names))
        yield Section("grace", "Grace period", "", self._rows("grace_days"))

    def _rows(self, *names: str) -> list[Row]:
        return [self._row(levels.POLICY_SETTINGS[name]) for name in names]

    def _row(self, setting: Setting) -> Row:
        locked_by = levels.find_lock_above(setting.name, self.above)
        rests = locked_by is not None and setting.name in self.layer.choices
        return Row(
            setting,
            label=wording.label_of(setting),
            full_label=wording.full_label_of(setting),
            help=help_of(setting),
            kind=kind_of(setting),
            field=self[setting.name],
            lock=self[lock_name(setting)],
            say=self[say_name(setting)] if say_name(setting) in self.fields else None,
            inherited=self._say_inherited(setting) if self.inherits else "",
            locked_by=locked_by,
            resting=wording.say_value(setting, self.layer.choices[setting.name]) if rests else "",
        )

    def _say_inherited(self, setting: Setting) -> str:
        words = wording.say_value(setting, wording.value_in(self.resolved_above, setting))
        return f"{words} ({wording.source_in(self.resolved_above, setting).label})"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and self.inherits and "clear" in self.data:
            # Also what rests under a lock above, and what this server has no use for.
            self.new_layer = Layer(self.layer.level, self.layer.name)
        elif not self.errors:
            self.new_layer = self._read(cleaned)
        if not self.errors:
            whole = levels.resolve([*self.above, self.new_layer])
            for sentence in policy.problems(whole, {key: wording.service_name(key) for key in registry.providers()}):
                self.add_error(None, sentence)
        return cleaned

    def _read(self, cleaned: Mapping[str, Any]) -> Layer:
        known = {setting.name for setting in self.settings}
        choices: dict[str, Value] = {n: value for n, value in self.layer.choices.items() if n not in known}
        locks = {name for name in self.layer.locks if name not in known}
        for setting in self.settings:
            if levels.find_lock_above(setting.name, self.above):
                self._keep(setting.name, choices, locks)
                continue
            is_locked, value = bool(cleaned[lock_name(setting)]), self._value_of(setting, cleaned)
            if value is None and is_locked:
                self.add_error(lock_name(setting), "Say what to lock, or take the lock off.")
            elif value is not None and self._is_said(setting, value, is_locked=is_locked):
                choices[setting.name] = value
                locks |= {setting.name} if is_locked else set()
        return Layer(self.layer.level, self.layer.name, choices, frozenset(locks))

    def _keep(self, name: str, choices: dict[str, Value], locks: set[str]) -> None:
        """What was said before the lock above came rests under it, and counts again when that goes."""
        if name in self.layer.choices:
            choices[name] = self.layer.choices[name]
            locks |= {name} & self.layer.locks

    def _value_of(self, setting: Setting, cleaned: Mapping[str, Any]) -> Value | None:
        """None where nothing is said."""
        value = cleaned[setting.name]
        if say_name(setting) in self.fields and not cleaned[say_name(setting)]:
            return None
        if kind_of(setting) in ("lines", "boxes", "text"):
            return self._as_stored(setting, setting.parse(value))
        if value in ("", None) and (self.inherits or setting.field == "grace_days"):
            return None
        if isinstance(setting.default, bool):
            return bool(value == "yes")
        return setting.parse("" if value == NO_SERVICE else value)

    def _as_stored(self, setting: Setting, value: Value) -> Value:
        """Services that always have a Join button need not be named, but may have been."""
        stored = self.layer.choices.get(setting.name)
        return stored if stored is not None and without_given(setting, stored) == value else value

    def _is_said(self, setting: Setting, value: Value, *, is_locked: bool) -> bool:
        """An organization that leaves a setting as Portico comes says nothing of it, unless it did before."""
        if self.inherits or is_locked or value != without_given(setting, setting.default):
            return True
        return self.layer.choices.get(setting.name) == value and not self.layer.is_locked(setting.name)


def make_initial(layer: Layer) -> dict[str, Any]:
    """What the form shows of a layer."""
    initial: dict[str, Any] = {}
    for setting in wording.list_settings():
        said = setting.name in layer.choices
        initial[lock_name(setting)] = layer.is_locked(setting.name)
        initial[say_name(setting)] = "own" if said else ""
        if said or layer.level is Level.ORGANIZATION:
            value = layer.choices.get(setting.name, setting.default)
            initial[setting.name] = initial_of(setting, value, inherits=layer.level is not Level.ORGANIZATION)
    return initial


def dump_form(layer: Layer) -> dict[str, Any]:
    """A layer as a browser would post it."""
    posted: dict[str, Any] = {}
    for name, value in make_initial(layer).items():
        if isinstance(value, bool):
            posted |= {name: "on"} if value else {}
        else:
            posted[name] = value
    return posted


def dump_base(layer: Layer) -> str:
    """For a hidden field: from what an admin began, so that it can be told later what they changed."""
    return json.dumps({"choices": levels.dump_choices(layer), "locks": sorted(layer.locks)})


def parse_base(text: str, layer: Layer) -> Layer:
    """Back again; `layer`, where it cannot be read."""
    try:
        found = json.loads(text)
        return levels.parse_layer(layer.level, found["choices"], found["locks"], name=layer.name)
    except (ValueError, TypeError, KeyError, RecursionError):
        return layer
