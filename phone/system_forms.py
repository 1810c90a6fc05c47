"""What an admin says about the phone system of their organization."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict

from phone.models import SystemKind
from phone.system_settings import Wish

_PLAIN = re.compile(r"[\x21-\x7e]+")
MOST_DAYS = 3650
OF_ZOOM = ("account_id", "client_id", "client_secret", "webhook_secret")
SECRETS = ("client_secret", "webhook_secret")
NEEDED = {
    "account_id": "Zoom shows it as “Account ID” among the app's credentials.",
    "client_id": "Zoom shows it as “Client ID” among the app's credentials.",
    "client_secret": "Zoom shows it as “Client secret” among the app's credentials.",
}
STORED = "One is stored. Leave this empty to keep it."


class SystemForm(forms.Form):
    """`wish`: what is stored. `stored`: names of the secrets for which an empty field may stand."""

    # What is hidden must not keep a browser from sending the form.
    use_required_attribute = False

    kind = forms.ChoiceField(label="Calls and voicemail come from", required=False, widget=forms.RadioSelect)
    account_id = forms.CharField(label="Account ID", max_length=200)
    client_id = forms.CharField(label="Client ID", max_length=200)
    client_secret = forms.CharField(
        label="Client secret", max_length=500, widget=forms.PasswordInput(render_value=False)
    )
    webhook_secret = forms.CharField(
        label="Secret token",
        max_length=500,
        required=False,
        widget=forms.PasswordInput(render_value=False),
        help_text="Zoom shows it on the app's page “Feature”. Without it calls are still read about every ten minutes.",
    )
    reads_licences = forms.BooleanField(label="Whoever has a phone at Zoom may call from Portico", required=False)
    keep_days = forms.IntegerField(
        label="Days for which calls and voicemail are kept", min_value=1, max_value=MOST_DAYS
    )

    def __init__(self, data: QueryDict | None = None, *, wish: Wish, stored: frozenset[str]) -> None:
        super().__init__(data, initial={name: getattr(wish, name) for name in self.base_fields if name not in SECRETS})
        self._wish, self._stored = wish, stored
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = [
            (one.value, one.label)
            for one in SystemKind
            if one != SystemKind.ZOOM or one.value in settings.PHONE_SYSTEMS
        ]
        is_zoom = data is None or data.get("kind", "") == SystemKind.ZOOM
        for name in OF_ZOOM:
            field = self.fields[name]
            field.required = is_zoom and name in NEEDED
            field.error_messages["required"] = NEEDED.get(name, "")
            field.widget.attrs |= {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
        for name in SECRETS:
            field = self.fields[name]
            field.widget.attrs["autocomplete"] = "new-password"
            if name in stored and wish.kind == SystemKind.ZOOM:
                field.required, field.help_text = False, STORED

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("kind") != SystemKind.ZOOM:
            return cleaned
        for name in OF_ZOOM:
            if cleaned.get(name) and not _PLAIN.fullmatch(cleaned[name]):
                self.add_error(name, "Copy it once more: it holds a space or a character that Zoom does not use.")
        self._check_secrets(cleaned)
        return cleaned

    def _check_secrets(self, cleaned: dict[str, Any]) -> None:
        """A stored secret belongs to the app it was stored for, and to no other."""
        if self._wish.kind != SystemKind.ZOOM or "client_id" not in cleaned:
            return
        is_other_app = cleaned["client_id"] != self._wish.client_id
        for name in SECRETS:
            if name in self._stored and is_other_app and not cleaned.get(name):
                self.add_error(name, "Give the one of this app as well: the one that is stored is another's.")

    @property
    def wish(self) -> Wish:
        """What was asked for. What belongs to another kind of system is left out."""
        cleaned = self.cleaned_data
        kind, keep_days = cleaned["kind"], cleaned["keep_days"]
        if kind != SystemKind.ZOOM:
            return Wish(kind, reads_licences=self._wish.reads_licences, keep_days=keep_days)
        return Wish(
            kind,
            **{name: cleaned[name] for name in OF_ZOOM},
            reads_licences=cleaned["reads_licences"],
            keep_days=keep_days,
        )
