"""What people choose and type: a way to sign in, boxes, and what a server of their own wants to know."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from django import forms

from integrations.permissions import Permission, Permissions, parse_permissions, with_reads
from integrations.policy import Choice, ServicePolicy, allows_host, allows_version
from integrations.providers.base import LoginField, SignInMethod
from integrations.terms import Terms
from safety import outbound

LONGEST_URL = 500
LONGEST_TEXT = 320
LONGEST_PASSWORD = 500


@dataclass(frozen=True, slots=True)
class MethodChoice:
    """One way to sign in, as the page shows it. One that policy refuses is shown, with the reason."""

    method: SignInMethod
    ticked: bool
    reason: str = ""


class PermissionsForm(forms.Form):
    """The boxes of one service under one person's terms, and the way to sign in.

    What policy has fixed is shown, disabled, with the reason.
    A browser does not post disabled boxes, and may post anything else: `asked` is what the person wants, and policy
    is applied to it by `Terms.decide`, here as everywhere.
    """

    permissions = forms.MultipleChoiceField(
        choices=[(one.value, one.label) for one in Permission],
        required=False,
        error_messages={"invalid_choice": "There is no permission called %(value)s."},
    )
    method = forms.CharField(required=False)

    def __init__(
        self,
        *args: Any,
        terms: Terms,
        held: Permissions,
        methods: Sequence[SignInMethod],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.terms = terms
        self.held = held
        self.methods = methods

    @property
    def allowed_methods(self) -> list[SignInMethod]:
        return [one for one in self.methods if self.terms.allows_method(one)]

    def clean_method(self) -> SignInMethod:
        """The one chosen; with nothing chosen the recommended one."""
        chosen = self.cleaned_data["method"]
        for one in self.allowed_methods:
            if chosen in ("", one.key):
                return one
        who = self.terms.service.source("require_oauth").words
        raise forms.ValidationError(f"This way to sign in is not allowed, by decision of {who}. Choose another one.")

    def clean_permissions(self) -> Permissions:
        # Ticking a write ticks its read, also without the script that shows it.
        asked = with_reads(parse_permissions(self.cleaned_data["permissions"]))
        if not self.terms.decide(asked):
            raise forms.ValidationError("Tick at least one permission, or go back and connect nothing.")
        return asked

    def choices(self) -> Iterable[Choice]:
        """The boxes, ticked as posted where something was posted."""
        ticked = self.held
        if self.is_bound:
            given = self.fields["permissions"].widget.value_from_datadict(self.data, self.files, "permissions")
            posted = {value for value in given if value in set(Permission)}
            ticked = with_reads(parse_permissions(posted))
        return self.terms.offer(ticked)

    def method_choices(self) -> list[MethodChoice]:
        """The ways to sign in; the one posted, else the recommended one, is ticked."""
        allowed = self.allowed_methods
        posted = self.data.get("method", "") if self.is_bound else ""
        ticked = next((one.key for one in allowed if one.key == posted), allowed[0].key if allowed else "")
        who = self.terms.service.source("require_oauth").words
        refused = f"{self.methods[0].name} is required, by decision of {who}." if self.methods else ""
        return [MethodChoice(one, one.key == ticked, "" if one in allowed else refused) for one in self.methods]


class LoginForm(forms.Form):
    """What a provider's `LoginField`s ask for. A password is never written back into the page."""

    def __init__(
        self,
        *args: Any,
        fields: Sequence[LoginField],
        service: ServicePolicy,
        policy: outbound.Policy,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.service = service
        self.policy = policy
        self._urls = [one.name for one in fields if one.kind == "url"]
        for one in fields:
            self.fields[one.name] = _make_field(_hold_to(service, one))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in self._urls:
            if name in cleaned:
                try:
                    cleaned[name] = self._clean_url(cleaned[name])
                except forms.ValidationError as error:
                    self.add_error(name, error)
        return cleaned

    def _clean_url(self, typed: str) -> str:
        """A whole address that we may talk to: the password is sent nowhere else.

        Raises:
            ValidationError: with what to change.
        """
        url = typed if "://" in typed else f"https://{typed}"
        try:
            host = urlsplit(url).hostname or ""
            outbound.check_url(url, self.policy)
        except ValueError:
            raise forms.ValidationError("This is not a web address.") from None
        except outbound.Blocked as error:
            raise forms.ValidationError(error.sentence) from None
        if not allows_host(self.service, host):
            allowed = ", ".join(sorted(self.service.ews_hosts))
            who = self.service.source("ews_hosts").words
            raise forms.ValidationError(
                f"Only {allowed} is allowed, by decision of {who}. Type that address, or ask your administrator."
            )
        return url


def _hold_to(service: ServicePolicy, one: LoginField) -> LoginField:
    """The field with what policy leaves to choose from, and who decided that."""
    if one.name == "version" and service.versions:
        choices = tuple(choice for choice in one.choices if allows_version(service, choice[0]))
        hint = f"{one.hint} Others are not allowed, by decision of {service.source('versions').words}.".strip()
        return replace(one, choices=choices, hint=hint)
    if one.name == "ews_url" and service.ews_hosts:
        allowed = ", ".join(sorted(service.ews_hosts))
        hint = f"{one.hint} Only {allowed} is allowed, by decision of {service.source('ews_hosts').words}.".strip()
        return replace(one, hint=hint)
    return one


def _make_field(one: LoginField) -> forms.Field:
    # A choice may hold "not sure", which is the empty one.
    is_required = one.is_required and "" not in {value for value, _ in one.choices}
    common: dict[str, Any] = {"label": one.label, "help_text": one.hint, "required": is_required}
    attributes = {"autocomplete": one.autocomplete} if one.autocomplete else {}
    plain = {**attributes, "autocapitalize": "none", "spellcheck": "false"}
    if one.kind == "choice":
        return forms.ChoiceField(choices=one.choices, widget=forms.Select(attrs=attributes), **common)
    if one.kind == "password":
        widget = forms.PasswordInput(attrs=attributes, render_value=False)
        return forms.CharField(max_length=LONGEST_PASSWORD, strip=False, widget=widget, **common)
    if one.kind == "email":
        return forms.EmailField(max_length=254, widget=forms.EmailInput(attrs=attributes), **common)
    if one.kind == "url":
        # No URLInput: browsers refuse a bare host name in it, and we add the scheme.
        widget_ = forms.TextInput(attrs={**plain, "inputmode": "url"})
        return forms.CharField(max_length=LONGEST_URL, widget=widget_, **common)
    return forms.CharField(max_length=LONGEST_TEXT, widget=forms.TextInput(attrs=plain), **common)


def make_initial(
    fields: Sequence[LoginField], *, service: ServicePolicy, settings: Mapping[str, str], recalled: Mapping[str, str]
) -> dict[str, str]:
    """What the form holds at first: what was typed last time, else the policy's, the operator's, the field's own."""
    own = {"ews_url": service.ews_url}
    return {
        one.name: recalled.get(one.name) or own.get(one.name) or settings.get(one.name) or one.default
        for one in fields
        if one.kind != "password"
    }
