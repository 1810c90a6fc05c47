"""The contract of `FormProvider`: what is typed is tried once, and remembered but for the password."""

import pytest

from integrations.errors import ReconnectNeeded
from integrations.permissions import Permission
from integrations.remote import Window
from tests.contracts.stages import FormStage, open_account


def test_what_is_typed_is_what_the_fields_ask_for(form_stage: FormStage) -> None:
    assert {one.name for one in form_stage.method.fields} == set(form_stage.typed())
    assert [one.name for one in form_stage.method.fields if one.kind == "password"] == ["password"]


def test_a_wrong_password_is_refused_at_the_price_of_one_try(form_stage: FormStage) -> None:
    with pytest.raises(ReconnectNeeded) as caught:
        form_stage.provider.log_in(form_stage.typed(password="wrong"), method=form_stage.method.key)
    assert "password" in caught.value.sentence
    assert "wrong" not in f"{caught.value} {caught.value.detail}"
    assert form_stage.count_refusals() == 1
    assert form_stage.provider.log_in(form_stage.typed(), method=form_stage.method.key).mailbox


def test_a_user_nobody_knows_is_refused_like_a_wrong_password(form_stage: FormStage) -> None:
    with pytest.raises(ReconnectNeeded) as unknown:
        form_stage.provider.log_in(form_stage.typed(user="nobody@northwind.example"), method=form_stage.method.key)
    with pytest.raises(ReconnectNeeded) as wrong:
        form_stage.provider.log_in(form_stage.typed(password="wrong"), method=form_stage.method.key)
    assert unknown.value.sentence == wrong.value.sentence


def test_a_form_is_filled_in_again_but_for_the_password(form_stage: FormStage) -> None:
    typed = form_stage.typed()
    recalled = form_stage.provider.recall(form_stage.sign_in().credentials)
    assert recalled["user"] == typed["user"]
    assert typed["password"] not in recalled.values()
    assert "password" not in recalled


def test_a_password_that_was_changed_costs_two_tries_at_most(form_stage: FormStage, window: Window) -> None:
    credentials = form_stage.sign_in().credentials
    form_stage.end_grant()
    with pytest.raises(ReconnectNeeded), open_account(form_stage, credentials) as account:
        list(account.calendar.changes(None, window))
    assert form_stage.count_refusals() <= 2


def test_narrowed_credentials_still_open_what_is_left(form_stage: FormStage, window: Window) -> None:
    credentials = form_stage.provider.log_in(form_stage.typed(), method=form_stage.method.key).credentials
    narrowed = form_stage.provider.narrow(credentials, frozenset({Permission.CALENDAR_READ}))
    with open_account(form_stage, narrowed) as account:
        list(account.calendar.changes(None, window))
