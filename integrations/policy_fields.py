"""The fields of the policy form: how each kind of setting is asked, and what is read from an answer."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django import forms

from integrations import levels, registry, wording
from integrations.host_names import is_https_address, parse_domain, parse_host, parse_server
from integrations.levels import MOST_GRACE_DAYS, MOST_NAMES, Layer, Setting, Value
from integrations.permissions import Permission
from integrations.policy import Mode, Policy

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
NO_SUCH = {"invalid_choice": "There is no such choice. Choose again."}


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


def without_given(setting: Setting, value: Value) -> Value:
    """Of the join services, those that are not given to everybody."""
    if setting.field == "join_services" and isinstance(value, frozenset):
        return value - Policy().join_services
    return value


def initial_of(setting: Setting, value: Value, *, inherits: bool = True) -> Any:
    value = without_given(setting, value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return sorted(value) if kind_of(setting) == "boxes" else "\n".join(sorted(value))
    if setting.field == "default_service" and inherits:
        return str(value) or NO_SERVICE
    return value if isinstance(value, int) else str(value)


def make_field(setting: Setting, layer: Layer, *, inherits: bool) -> forms.Field:
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
        return _make_select(setting, layer, inherits=inherits)
    words = [("yes", "Yes"), ("no", "No")] if isinstance(setting.default, bool) else list(MODE_WORDS.items())
    nothing = [("", "As decided above")] if inherits else []
    radio = forms.RadioSelect
    missing = NO_SUCH | {"required": "Choose one."}
    return forms.ChoiceField(required=not inherits, choices=[*nothing, *words], widget=radio, error_messages=missing)


def _make_select(setting: Setting, layer: Layer, *, inherits: bool) -> forms.ChoiceField:
    nothing = [("", "As decided above")] if inherits else []
    if setting.field == "default_service":
        keys = dict.fromkeys([*registry.providers(), str(layer.choices.get(setting.name, ""))])
        services = [(key, wording.service_name(key)) for key in keys if key]
        nobody = (NO_SERVICE if inherits else "", "None in particular")
        return forms.ChoiceField(required=False, choices=[*nothing, nobody, *services], error_messages=NO_SUCH)
    words = list(ENUMERATIONS[setting.field].items())
    return forms.ChoiceField(required=not inherits, choices=[*nothing, *words], error_messages=NO_SUCH)


def _list_boxes(setting: Setting, layer: Layer) -> list[tuple[str, str]]:
    """What is stored but unknown to this version is listed too: a save must not lose it."""
    known = wording.list_versions(setting.service) if setting.field == "versions" else wording.list_join_services()
    stored = layer.choices.get(setting.name, frozenset())
    stored = without_given(setting, stored)
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
