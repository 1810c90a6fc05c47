"""How people come in: what allauth asks of us."""

from allauth.account.adapter import DefaultAccountAdapter
from django import forms


class AccountAdapter(DefaultAccountAdapter):
    pass


class SignupForm(forms.Form):
    def signup(self, request, user) -> None:
        pass
