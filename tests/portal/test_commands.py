"""`prepare` and `seed_demo`: what bin/run and every upgrade stand on."""

import json
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from organizations.models import Membership, Organization, Role, User
from phone.models import PhoneSystem


@pytest.fixture
def static_root(settings: Settings, tmp_path: Path) -> Path:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    settings.STATICFILES_DIRS = [tmp_path / "source"]
    settings.STATICFILES_DIRS[0].mkdir()
    (settings.STATICFILES_DIRS[0] / "a.css").write_text("a {}")
    return settings.STATIC_ROOT


@pytest.mark.django_db(transaction=True)
def test_prepare_collects_static_files_only_when_they_changed(static_root: Path, settings: Settings) -> None:
    call_command("prepare", verbosity=0)
    assert (static_root / "a.css").read_text() == "a {}"
    (static_root / "a.css").unlink()

    call_command("prepare", verbosity=0)
    assert not (static_root / "a.css").exists(), "nothing changed, so nothing is copied"

    (settings.STATICFILES_DIRS[0] / "a.css").write_text("a { color: red }")
    call_command("prepare", verbosity=0)
    assert (static_root / "a.css").read_text() == "a { color: red }"


@pytest.mark.django_db(transaction=True)
def test_prepare_can_leave_static_files_alone(static_root: Path) -> None:
    call_command("prepare", static="never", verbosity=0)

    assert list(static_root.iterdir()) == []


@pytest.mark.django_db
def test_the_demonstration_has_its_people_and_they_can_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX", "1")

    call_command("seed_demo", password="portico-demo-2026")

    northwind = Organization.objects.get(name="Northwind Legal")
    assert northwind.time_zone == "Europe/Berlin"
    assert northwind.memberships.get(role=Role.OWNER).user.email == "dora.lindqvist@northwind.example"
    assert northwind.memberships.count() == 4
    assert User.objects.get(email="support@portico.example").is_staff
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == User.objects.count()
    client = Client()
    client.post("/accounts/login/", {"login": "alice.meyer@northwind.example", "password": "portico-demo-2026"})
    assert "_auth_user_id" in client.session


@pytest.mark.django_db
def test_seeding_again_keeps_what_people_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX", "1")
    call_command("seed_demo", password="portico-demo-2026")
    alice = User.objects.get(email="alice.meyer@northwind.example")
    alice.name = "Alice M."
    alice.set_password("her own new password")
    alice.save()
    Membership.objects.filter(user=alice).update(role=Role.ADMIN)

    call_command("seed_demo", password="portico-demo-2026")

    alice.refresh_from_db()
    assert alice.name == "Alice M."
    assert alice.check_password("her own new password")
    assert alice.membership.role == Role.ADMIN
    assert User.objects.count() == 6


@pytest.mark.django_db
def test_the_demonstrations_zoom_hosts_meetings_and_is_its_phone_system_once(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "5b0f3f5c-7a52-4f0e-9d6a-2f1c8e4b7a90"
    names = ("ACCOUNT_ID", "CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_SECRET")
    zoom = {f"SANDBOX_ZOOM_{name}": f"the {name}" for name in names}
    for name, value in ({"SANDBOX": "1", "SANDBOX_ZOOM_PHONE_KEY": key} | zoom).items():
        monkeypatch.setenv(name, value)

    call_command("seed_demo", password="portico-demo-2026")

    row = PhoneSystem.objects.get()
    assert (row.organization.name, row.kind, str(row.key)) == ("Northwind Legal", "zoom", key)
    assert row.credentials.open() == {name.lower(): f"the {name}" for name in names}
    PhoneSystem.objects.update(kind="")
    call_command("seed_demo", password="portico-demo-2026")
    assert PhoneSystem.objects.get().kind == ""


@pytest.mark.django_db
def test_people_with_a_published_password_are_refused_outside_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDBOX", raising=False)

    with pytest.raises(CommandError, match="SANDBOX=1"):
        call_command("seed_demo", password="portico-demo-2026")

    assert not User.objects.exists()


def test_every_template_compiles(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("compile_templates")

    assert "templates compile" in capsys.readouterr().out


def test_a_template_that_does_not_compile_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "broken.html").write_text("{% if %}")
    settings.TEMPLATES = json.loads(json.dumps([{**settings.TEMPLATES[0], "DIRS": [str(tmp_path)]}]))

    with pytest.raises(CommandError, match=r"broken\.html"):
        call_command("compile_templates")
