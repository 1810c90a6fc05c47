"""What an admin says about the meeting host of their organization."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict

from meetings.host_settings import Wish
from meetings.hosts.link import check_template
from meetings.scheduling_models import HostKind

_PLAIN = re.compile(r"[\x21-\x7e]+")
KIND_OF = {
    "account_id": HostKind.ZOOM,
    "client_id": HostKind.ZOOM,
    "client_secret": HostKind.ZOOM,
    "link_template": HostKind.LINK,
}
NEEDED = {
    "account_id": "Zoom shows it as “Account ID” among the app's credentials.",
    "client_id": "Zoom shows it as “Client ID” among the app's credentials.",
    "client_secret": "Zoom shows it as “Client secret” among the app's credentials.",
    "link_template": "Give an address such as https://meet.example.org/{room}.",
}


class HostForm(forms.Form):
    """`wish`: what is stored. `has_secret`: whether an empty secret may stand for the stored one."""

    # What is hidden must not keep a browser from sending the form.
    use_required_attribute = False

    kind = forms.ChoiceField(label="Join links come from", required=False, widget=forms.RadioSelect)
    account_id = forms.CharField(label="Account ID", max_length=200)
    client_id = forms.CharField(label="Client ID", max_length=200)
    client_secret = forms.CharField(
        label="Client secret", max_length=500, widget=forms.PasswordInput(render_value=False)
    )
    reads_upcoming = forms.BooleanField(label="Also list meetings that people make in Zoom itself", required=False)
    link_template = forms.CharField(label="Link template", max_length=500)

    def __init__(self, data: QueryDict | None = None, *, wish: Wish, has_secret: bool) -> None:
        super().__init__(
            data, initial={name: getattr(wish, name) for name in self.base_fields if name != "client_secret"}
        )
        self._stored_client, self._has_secret = wish.client_id, has_secret
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = [(one.value, one.label) for one in HostKind if not one.value or one.value in settings.HOSTS]
        chosen = data.get("kind", "") if data is not None else None
        for name, sentence in NEEDED.items():
            field = self.fields[name]
            field.error_messages["required"] = sentence
            field.required = chosen in (None, KIND_OF[name])
            field.widget.attrs |= {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
        secret = self.fields["client_secret"]
        secret.widget.attrs["autocomplete"] = "new-password"
        if has_secret:
            secret.required = False
            secret.help_text = "One is stored. Leave this empty to keep it."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("kind") == HostKind.ZOOM:
            self._clean_zoom(cleaned)
        elif cleaned.get("kind") == HostKind.LINK and cleaned.get("link_template"):
            try:
                check_template(cleaned["link_template"])
            except ValueError as error:
                self.add_error("link_template", str(error))
        return cleaned

    def _clean_zoom(self, cleaned: dict[str, Any]) -> None:
        for name in ("account_id", "client_id", "client_secret"):
            if cleaned.get(name) and not _PLAIN.fullmatch(cleaned[name]):
                self.add_error(name, "Copy it once more: it holds a space or a character that Zoom does not use.")
        # A stored secret belongs to the app it was stored for, and to no other.
        is_other_app = cleaned.get("client_id") != self._stored_client
        if self._has_secret and is_other_app and "client_id" in cleaned and not cleaned.get("client_secret"):
            self.add_error("client_secret", "Give the secret of this app as well: the one that is stored is another's.")

    @property
    def wish(self) -> Wish:
        """What was asked for. Fields of another kind of host are left out."""
        cleaned = self.cleaned_data
        kind = cleaned["kind"]
        if kind == HostKind.ZOOM:
            names = ("account_id", "client_id", "client_secret", "reads_upcoming")
            return Wish(kind, **{name: cleaned[name] for name in names})
        return Wish(kind, link_template=cleaned["link_template"] if kind == HostKind.LINK else "")
