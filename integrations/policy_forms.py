"""The form in which an admin says what one level decides. Made from `wording.list_settings`, so that a new setting or
service needs no page of its own.

On a group's and a member's form each setting may say nothing, and what a lock above has fixed is shown, disabled, with
who fixed it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from integrations import levels, policy, registry, wording
from integrations.host_names import is_https_address, parse_domain, parse_host, parse_server
from integrations.levels import MOST_GRACE_DAYS, MOST_NAMES, Layer, Setting, Value
from integrations.permissions import Permission
from integrations.policy import Level, Mode, Policy, Source

MODE_WORDS = {Mode.ASK: "Ask", Mode.ON: "On", Mode.OFF: "Off"}
ENUMERATIONS: Mapping[str, Mapping[Any, str]] = {
    "prompt": wording.PROMPTS,
    "time_change": wording.TIME_CHANGES,
    "call_scheme": wording.CALL_SCHEMES,
}
LINES: Mapping[str, tuple[Callable[[str], str], str]] = {
    "mailbox_domains": (parse_domain, "example.com"),
    "vanity_hosts": (parse_host, "meet.example.com"),
    "ews_hosts": (parse_server, "mail.example.com"),
}
"""Lists: how a line is read, and an example."""
BOXES = {"join_services", "versions"}
SHOWN_BOXES = 8
"""Of a long list; the others stand under "More"."""
LONGEST_LIST = 20_000


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
        field = _make_field(setting, self.layer, inherits=self.inherits)
        lock = forms.BooleanField(required=False)
        added = {setting.name: field, lock_name(setting): lock}
        if self.inherits and kind_of(setting) in ("lines", "boxes", "text"):
            words = [("", "As decided above"), ("own", "Decided here")]
            added[say_name(setting)] = forms.ChoiceField(required=False, choices=words, widget=forms.RadioSelect)
        if locked_by:
            self.initial[setting.name] = _initial_of(setting, wording.value_in(self.resolved_above, setting))
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
        names = ("join_services", "vanity_hosts", "time_change", "call_scheme")
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
        if not self.errors:
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
        return stored if stored is not None and _without_given(setting, stored) == value else value

    def _is_said(self, setting: Setting, value: Value, *, is_locked: bool) -> bool:
        """An organization that leaves a setting as Portico comes says nothing of it, unless it did before."""
        if self.inherits or is_locked or value != _without_given(setting, setting.default):
            return True
        return self.layer.choices.get(setting.name) == value and not self.layer.is_locked(setting.name)


NO_SERVICE = "none"
"""For a group that wants no service suggested, where the empty choice is "as decided above"."""


def lock_name(setting: Setting) -> str:
    return f"lock-{setting.name}"


def say_name(setting: Setting) -> str:
    return f"say-{setting.name}"


def kind_of(setting: Setting) -> str:
    if setting.field in LINES:
        return "lines"
    if setting.field in BOXES:
        return "boxes"
    if setting.field == "grace_days":
        return "days"
    if setting.field == "ews_url":
        return "text"
    if setting.field in ENUMERATIONS or setting.field == "default_service":
        return "select"
    return "segments"


def help_of(setting: Setting) -> str:
    if setting.field in set(Permission):
        return Permission(setting.field).sentence
    return wording.HELP[setting.field]


def make_initial(layer: Layer) -> dict[str, Any]:
    """What the form shows of a layer."""
    initial: dict[str, Any] = {}
    for setting in wording.list_settings():
        said = setting.name in layer.choices
        initial[lock_name(setting)] = layer.is_locked(setting.name)
        initial[say_name(setting)] = "own" if said else ""
        if said or layer.level is Level.ORGANIZATION:
            value = layer.choices.get(setting.name, setting.default)
            initial[setting.name] = _initial_of(setting, value, inherits=layer.level is not Level.ORGANIZATION)
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


def _without_given(setting: Setting, value: Value) -> Value:
    """Of the join services, those that are not given to everybody."""
    if setting.field == "join_services" and isinstance(value, frozenset):
        return value - Policy().join_services
    return value


def _initial_of(setting: Setting, value: Value, *, inherits: bool = True) -> Any:
    value = _without_given(setting, value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return sorted(value) if kind_of(setting) == "boxes" else "\n".join(sorted(value))
    if setting.field == "default_service" and inherits:
        return str(value) or NO_SERVICE
    return value if isinstance(value, int) else str(value)


def _make_field(setting: Setting, layer: Layer, *, inherits: bool) -> forms.Field:
    kind = kind_of(setting)
    if kind == "lines":
        parse, example = LINES[setting.field]
        return LinesField(parse, example=example)
    if kind == "boxes":
        choices = _list_boxes(setting, layer)
        widget = forms.CheckboxSelectMultiple
        return forms.MultipleChoiceField(required=False, choices=choices, widget=widget, error_messages=NO_SUCH)
    if kind == "days":
        number = forms.NumberInput(attrs={"inputmode": "numeric"})
        sentence = f"Write a number of days from 0 to {MOST_GRACE_DAYS}; 0 is at once."
        said = dict.fromkeys(("required", "invalid", "min_value", "max_value"), sentence)
        return forms.IntegerField(
            required=not inherits, min_value=0, max_value=MOST_GRACE_DAYS, widget=number, error_messages=said
        )
    if kind == "text":
        plain = {"inputmode": "url", "autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}
        text = forms.TextInput(attrs=plain)
        return forms.CharField(required=False, max_length=levels.LONGEST_TEXT, widget=text, validators=[_check_ews_url])
    if kind == "select":
        return _make_select(setting, inherits=inherits)
    words = [("yes", "Yes"), ("no", "No")] if isinstance(setting.default, bool) else list(MODE_WORDS.items())
    nothing = [("", "As decided above")] if inherits else []
    radio = forms.RadioSelect
    missing = NO_SUCH | {"required": "Choose one."}
    return forms.ChoiceField(required=not inherits, choices=[*nothing, *words], widget=radio, error_messages=missing)


NO_SUCH = {"invalid_choice": "There is no such choice. Choose again."}


def _make_select(setting: Setting, *, inherits: bool) -> forms.ChoiceField:
    nothing = [("", "As decided above")] if inherits else []
    if setting.field == "default_service":
        services = [(key, wording.service_name(key)) for key in registry.providers()]
        nobody = (NO_SERVICE if inherits else "", "None in particular")
        return forms.ChoiceField(required=False, choices=[*nothing, nobody, *services], error_messages=NO_SUCH)
    words = list(ENUMERATIONS[setting.field].items())
    return forms.ChoiceField(required=not inherits, choices=[*nothing, *words], error_messages=NO_SUCH)


def _list_boxes(setting: Setting, layer: Layer) -> list[tuple[str, str]]:
    """What is stored but unknown to this version is listed too: a save must not lose it."""
    known = wording.list_versions(setting.service) if setting.field == "versions" else wording.list_join_services()
    stored = layer.choices.get(setting.name, frozenset())
    stored = _without_given(setting, stored)
    unknown = sorted(stored - {key for key, _ in known}) if isinstance(stored, frozenset) else []
    return [*known, *((one, one) for one in unknown)]


class LinesField(forms.CharField):
    """A list, one entry per line. Cleans to a list of strings; each line that is wrong gets its own sentence."""

    def __init__(self, parse: Callable[[str], str], *, example: str) -> None:
        plain = {"rows": 3, "autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}
        widget = forms.Textarea(attrs={**plain, "placeholder": example})
        super().__init__(required=False, widget=widget, max_length=LONGEST_LIST)
        self.parse = parse

    def clean(self, value: Any) -> Any:
        # A comma or a semicolon between entries is meant as a new line.
        written = [one.strip() for one in re.split(r"[\n,;]", super().clean(value)) if one.strip()]
        if len(written) > MOST_NAMES:
            raise forms.ValidationError(f"These are {len(written)} entries; there is room for {MOST_NAMES}.")
        found, wrong = [], []
        for one in written:
            try:
                found.append(self.parse(one))
            except ValueError as error:
                wrong.append(str(error))
        if wrong:
            raise forms.ValidationError(wrong[:20])
        return found


def _check_ews_url(url: str) -> None:
    if not is_https_address(url):
        raise forms.ValidationError("Write the whole address, such as https://mail.example.com/EWS/Exchange.asmx.")
