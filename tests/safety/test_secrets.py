import base64
import copy
import json
import logging
import pickle
import time
import uuid
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.utils import display_for_field
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models, transaction
from django.forms import modelform_factory
from django.forms.models import model_to_dict
from django.test.utils import isolate_apps
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker, Settings

from safety.management.commands import rotate_secrets
from safety.secrets import (
    EncryptedJSONField,
    Sealed,
    Undecryptable,
    decrypt,
    encrypt,
    generate_key,
    needs_rotation,
)

SECRET = {"refresh_token": "hunter2-hunter2", "scopes": ["a", "b"]}
OLD, NEW = "old:" + base64.b64encode(b"o" * 32).decode(), "new:" + base64.b64encode(b"n" * 32).decode()

with isolate_apps("safety") as isolated:

    class Keeper(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        label = models.CharField(max_length=20, default="")
        credentials = EncryptedJSONField()
        spare = EncryptedJSONField(default=dict)

        class Meta:
            app_label = "safety"

    class Other(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        credentials = EncryptedJSONField()

        class Meta:
            app_label = "safety"


@pytest.fixture(scope="session")
def keepers(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.create_model(Keeper)
            editor.create_model(Other)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(Other)
            editor.delete_model(Keeper)


@pytest.fixture
def row(keepers: None, db: None) -> Keeper:
    Keeper.objects.create(credentials=SECRET, label="alice")
    return Keeper.objects.get()


def stored(field: str = "credentials", **filters: Any) -> str:
    token: str = Keeper.objects.values_list(field, flat=True).get(**filters)
    return token


# Tokens


@given(plain=st.binary(max_size=300), about=st.text(max_size=80))
def test_whatever_is_encrypted_comes_back_for_the_same_row(plain: bytes, about: str) -> None:
    token = encrypt(plain, about=about)
    assert token.startswith("v1.test.")
    assert token.isascii() and not set(token) & set(" \"'&<>/+=")
    assert decrypt(token, about=about) == plain
    assert len(plain) < 8 or plain not in token.encode()


def test_the_same_secret_is_never_encrypted_the_same_way_twice() -> None:
    assert len({encrypt(b"x", about="a") for _ in range(100)}) == 100


@given(plain=st.binary(max_size=50), position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_token_changed_in_any_bit_does_not_open(plain: bytes, position: int, bit: int) -> None:
    version, key_id, sealed = encrypt(plain, about="a").split(".")
    raw = bytearray(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
    raw[position % len(raw)] ^= 1 << bit
    changed = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    with pytest.raises(Undecryptable) as caught:
        decrypt(f"{version}.{key_id}.{changed}", about="a")
    assert caught.value.reason == "wrong row"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "malformed"),
        ("v1", "malformed"),
        ("v1.test.", "malformed"),
        ("v1.test.AAAA", "malformed"),
        ("v1.test.A", "malformed"),
        ("v2.test." + "A" * 60, "malformed"),
        ("v1.test." + "A" * 60 + "\n", "malformed"),
        ("v1.te st." + "A" * 60, "malformed"),
        ("v1.gone." + "A" * 60, "unknown key"),
        ("v1.test." + "A" * 60, "wrong row"),
    ],
)
def test_a_token_that_does_not_open_says_why_and_is_logged_without_its_content(
    token: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(Undecryptable) as caught:
        decrypt(token, about="integrations.connection:7:credentials")
    assert caught.value.reason == reason
    assert "AAAA" not in str(caught.value) + caplog.text
    assert "integrations.connection:7:credentials" in caplog.text
    assert reason in caplog.text


def test_the_first_key_encrypts_and_all_decrypt(settings: Settings) -> None:
    settings.SECRETS_KEYS = [OLD]
    old = encrypt(b"x", about="a")
    settings.SECRETS_KEYS = [NEW, OLD]
    new = encrypt(b"y", about="a")
    assert (decrypt(old, about="a"), decrypt(new, about="a")) == (b"x", b"y")
    assert (needs_rotation(old), needs_rotation(new)) == (True, False)
    settings.SECRETS_KEYS = [NEW]
    assert decrypt(new, about="a") == b"y"
    with pytest.raises(Undecryptable, match="unknown key"):
        decrypt(old, about="a")


def test_a_generated_key_is_one_that_settings_accept(settings: Settings) -> None:
    entries = [generate_key(), generate_key()]
    settings.SECRETS_KEYS = entries
    assert decrypt(encrypt(b"x", about="a"), about="a") == b"x"
    assert entries[0].split(":")[0] != entries[1].split(":")[0]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([], "empty"),
        (["a:hunter2"], "Entry 1"),
        ([OLD, "b:" + base64.b64encode(b"hunter2").decode()], "Entry 2"),
        (["no-colon"], "Entry 1"),
        (["bad id:" + OLD[4:]], "Entry 1"),
        ([OLD, OLD], "twice"),
    ],
)
def test_keys_that_are_none_are_refused_without_repeating_them(
    settings: Settings, keys: list[str], message: str
) -> None:
    settings.SECRETS_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match=message) as caught:
        encrypt(b"x", about="a")
    assert "hunter2" not in str(caught.value)


# The field


def test_a_mapping_goes_in_and_comes_out_and_only_ciphertext_is_stored(row: Keeper) -> None:
    assert row.credentials.open() == SECRET
    token = stored()
    assert token.startswith("v1.test.")
    assert "hunter2" not in token
    assert json.loads(decrypt(token, about=f"safety.keeper:{row.pk}:credentials")) == SECRET
    assert Keeper.objects.values().get()["credentials"] == token


def test_what_open_gives_is_the_callers_own_copy(row: Keeper) -> None:
    row.credentials.open()["refresh_token"] = "changed"
    assert row.credentials.open() == SECRET
    row.credentials = mapping = {"scopes": ["a"]}
    mapping["scopes"].append("b")
    assert row.credentials.open() == {"scopes": ["a"]}


def test_a_changed_mapping_is_stored_by_save_update_fields_bulk_create_and_bulk_update(keepers: None, db: None) -> None:
    rows = Keeper.objects.bulk_create([Keeper(credentials={"n": n}) for n in range(3)])
    assert [Keeper.objects.get(pk=row.pk).credentials.open() for row in rows] == [{"n": 0}, {"n": 1}, {"n": 2}]
    for row in rows:
        row.credentials = {"again": str(row.pk)}
    Keeper.objects.bulk_update(rows, ["credentials"])
    assert all(Keeper.objects.get(pk=row.pk).credentials.open() == {"again": str(row.pk)} for row in rows)
    rows[0].credentials = {}
    rows[0].save(update_fields=["credentials"])
    assert rows[0].credentials.open() == Keeper.objects.get(pk=rows[0].pk).credentials.open() == {}
    rows[0].refresh_from_db()
    assert rows[0].credentials.open() == {}
    assert Keeper.objects.defer("credentials").get(pk=rows[1].pk).credentials.open() == {"again": str(rows[1].pk)}


def test_saving_other_fields_leaves_the_ciphertext_as_it_is(row: Keeper) -> None:
    before = stored()
    row.label = "bob"
    row.save()
    assert stored() == before


def test_ciphertext_copied_to_another_row_field_or_model_does_not_open_and_its_own_does(row: Keeper) -> None:
    other = Keeper.objects.create(credentials={"who": "bob"})
    Keeper.objects.filter(pk=other.pk).update(credentials=stored(pk=row.pk))
    Keeper.objects.filter(pk=row.pk).update(spare=stored(pk=row.pk))
    twin = Other.objects.create(pk=row.pk, credentials={})
    Other.objects.update(credentials=stored(pk=row.pk))
    other.refresh_from_db()
    row.refresh_from_db()
    twin.refresh_from_db()
    for sealed in (other.credentials, row.spare, twin.credentials):
        with pytest.raises(Undecryptable) as caught:
            sealed.open()
        assert caught.value.reason == "wrong row"
    assert row.credentials.open() == SECRET


def test_a_sealed_value_cannot_be_moved_to_another_row_but_what_it_holds_can(row: Keeper) -> None:
    other = Keeper(credentials=row.credentials)
    with pytest.raises(ValueError, match="another row"), transaction.atomic():
        other.save()
    other.credentials = row.credentials.open()
    other.save()
    assert Keeper.objects.get(pk=other.pk).credentials.open() == SECRET


def test_it_shows_in_no_repr_str_format_copy_form_dump_or_debug_page(row: Keeper) -> None:
    fresh = Keeper(credentials=SECRET)
    for keeper in (row, fresh):
        shown = [repr(keeper.credentials), str(keeper.credentials), f"{keeper.credentials}"]
        assert set(shown) == {"<sealed>"}
        assert "hunter2" not in repr(vars(keeper)) + repr(copy.deepcopy(vars(keeper))) + repr(model_to_dict(keeper))
        field = Keeper._meta.get_field("credentials")
        assert display_for_field(keeper.credentials, field, "-") == "<sealed>"
        dumped = serializers.serialize("json", [keeper])
        assert "hunter2" not in dumped and "v1.test." in dumped
        with pytest.raises(TypeError):
            vars(keeper.credentials)
        with pytest.raises(TypeError):
            json.dumps({"credentials": keeper.credentials})
    assert "credentials" not in modelform_factory(Keeper, fields="__all__").base_fields


def test_a_dump_loads_again_into_the_same_row(row: Keeper) -> None:
    dumped = serializers.serialize("json", [row])
    Keeper.objects.all().delete()
    with isolate_lookup():
        for loaded in serializers.deserialize("json", dumped):
            loaded.save()
    assert Keeper.objects.get(pk=row.pk).credentials.open() == SECRET


def isolate_lookup() -> Any:
    """Lets the deserializer find the test's own model."""
    patch = pytest.MonkeyPatch.context()

    class Found:
        def __enter__(self) -> None:
            patch.__enter__().setattr("django.core.serializers.python.Deserializer._get_model_from_node", find)

        def __exit__(self, *error: Any) -> None:
            patch.__exit__(*error)

    def find(_: Any, name: str) -> type[models.Model]:
        return isolated.get_model(name)

    return Found()


def test_a_pickled_row_is_ciphertext_and_one_not_saved_yet_refuses(row: Keeper) -> None:
    assert b"hunter2" not in pickle.dumps(vars(row))
    again = pickle.loads(pickle.dumps(row.credentials))
    assert isinstance(again, Sealed) and again.open() == SECRET
    row.credentials = SECRET
    with pytest.raises(TypeError, match="Save the row"):
        pickle.dumps(vars(row))
    row.save()
    assert b"hunter2" not in pickle.dumps(vars(row))


@pytest.mark.parametrize("value", ["hunter2", b"hunter2", 5, ["hunter2"], {"hunter2"}, "v1.x"])
def test_only_a_mapping_may_be_assigned_and_the_refusal_does_not_repeat_it(value: object) -> None:
    keeper = Keeper(credentials={})
    with pytest.raises(TypeError, match="takes a mapping") as caught:
        keeper.credentials = value  # type: ignore[assignment]
    assert "hunter2" not in str(caught.value)


def test_a_mapping_that_is_not_json_is_refused_when_it_is_assigned() -> None:
    with pytest.raises(TypeError, match="JSON values only") as caught:
        Keeper(credentials={"hunter2": object()})
    assert caught.value.__suppress_context__


def test_a_mapping_cannot_be_written_past_the_row(row: Keeper) -> None:
    with pytest.raises(TypeError, match="sealed for one row"):
        Keeper.objects.update(credentials=SECRET)
    with pytest.raises(TypeError, match="sealed for one row"):
        Keeper.objects.update(credentials="hunter2")


def test_a_row_without_its_secret_is_not_stored(keepers: None, db: None) -> None:
    with pytest.raises(IntegrityError):
        Keeper.objects.create()


def test_a_model_whose_key_is_known_too_late_fails_the_system_check() -> None:
    with isolate_apps("safety"):

        class Late(models.Model):
            credentials = EncryptedJSONField()

            class Meta:
                app_label = "safety"

        assert [message.id for message in Late._meta.get_field("credentials").check()] == ["safety.E001"]
        with pytest.raises(ValueError, match="primary key"):
            _ = Late(credentials={}).credentials
    assert Keeper._meta.get_field("credentials").check() == []


@pytest.mark.parametrize("option", ["null", "unique", "db_index"])
def test_an_encrypted_field_is_neither_null_unique_nor_indexed(option: str) -> None:
    with pytest.raises(TypeError):
        EncryptedJSONField(**{option: True})


def test_a_migration_writes_the_field_as_it_was_declared() -> None:
    _, path, args, kwargs = EncryptedJSONField(default=dict).deconstruct()
    assert (path, args, kwargs) == ("safety.secrets.EncryptedJSONField", [], {"default": dict})


# Rotation


@pytest.fixture
def rotating(monkeypatch: pytest.MonkeyPatch, settings: Settings, keepers: None, db: None) -> list[Keeper]:
    """23 rows under the old key; the new key is first, the command sees the test's own models."""
    settings.SECRETS_KEYS = [OLD]
    rows = Keeper.objects.bulk_create([Keeper(credentials={"n": n}) for n in range(23)])
    settings.SECRETS_KEYS = [NEW, OLD]
    monkeypatch.setattr(rotate_secrets, "apps", isolated)
    return rows


def rotate(**options: Any) -> str:
    out = StringIO()
    call_command("rotate_secrets", stdout=out, stderr=out, **options)
    return out.getvalue()


def count_old() -> int:
    return sum(needs_rotation(token) for token in Keeper.objects.values_list("credentials", flat=True))


def test_rotation_leaves_every_secret_readable_under_the_new_key_alone(
    rotating: list[Keeper], settings: Settings
) -> None:
    assert "safety.Keeper.credentials: 23 rows, 23 on an older key" in rotate(check=True)
    assert count_old() == 23
    assert "safety.Keeper.credentials: 23 rows, 23 rotated" in rotate(batch_size=5)
    assert "safety.Keeper.credentials: 23 rows, 0 rotated, 23 on the current key" in rotate(batch_size=5)
    settings.SECRETS_KEYS = [NEW]
    assert sorted(row.credentials.open()["n"] for row in Keeper.objects.all()) == list(range(23))


def test_rotation_killed_half_way_goes_on_where_it_stopped(
    rotating: list[Keeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    left = iter(range(7))

    def die_later(plain: bytes, *, about: str) -> str:
        if next(left, None) is None:
            raise Killed
        return encrypt(plain, about=about)

    monkeypatch.setattr(rotate_secrets, "encrypt", die_later)
    with pytest.raises(Killed):
        rotate(batch_size=5)
    assert count_old() == 18  # one whole batch is done, the broken one is not half done
    assert all(row.credentials.open()["n"] in range(23) for row in Keeper.objects.all())
    monkeypatch.setattr(rotate_secrets, "encrypt", encrypt)
    assert "18 rotated, 5 on the current key" in rotate(batch_size=5)
    assert count_old() == 0


def test_a_row_that_changes_while_it_is_rotated_keeps_its_newest_content(
    rotating: list[Keeper], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    busy = Keeper.objects.order_by("pk")[3]
    done: list[bool] = []

    def change_meanwhile(plain: bytes, *, about: str) -> str:
        if str(busy.pk) in about and not done:
            done.append(True)
            settings.SECRETS_KEYS = [OLD, NEW]  # a worker that was started before the new key came first
            busy.credentials = {"refreshed": "newest"}
            busy.save()
            settings.SECRETS_KEYS = [NEW, OLD]
        return encrypt(plain, about=about)

    monkeypatch.setattr(rotate_secrets, "encrypt", change_meanwhile)
    assert "23 rotated" in rotate(batch_size=5)
    settings.SECRETS_KEYS = [NEW]
    assert Keeper.objects.get(pk=busy.pk).credentials.open() == {"refreshed": "newest"}
    assert count_old() == 0


def test_a_row_deleted_meanwhile_is_passed_over(rotating: list[Keeper], monkeypatch: pytest.MonkeyPatch) -> None:
    victim = Keeper.objects.order_by("pk")[3]

    def delete_meanwhile(plain: bytes, *, about: str) -> str:
        if str(victim.pk) in about:
            Keeper.objects.filter(pk=victim.pk).delete()
        return encrypt(plain, about=about)

    monkeypatch.setattr(rotate_secrets, "encrypt", delete_meanwhile)
    assert "22 rotated, 0 on the current key, 1 deleted meanwhile" in rotate(batch_size=5)


@pytest.mark.parametrize("is_check", [False, True])
def test_a_row_that_cannot_be_decrypted_is_named_and_fails_the_command_but_not_the_others(
    rotating: list[Keeper], is_check: bool
) -> None:
    broken = rotating[0]
    Keeper.objects.filter(pk=broken.pk).update(credentials="v1.lost." + "A" * 60)
    out = StringIO()
    with pytest.raises(CommandError, match="1 secrets cannot be decrypted"):
        call_command("rotate_secrets", stdout=out, stderr=out, check=is_check)
    assert f"safety.Keeper.credentials {broken.pk}: cannot be decrypted (unknown key)" in out.getvalue()
    assert ("22 on an older key" if is_check else "22 rotated") in out.getvalue()
    assert "AAAA" not in out.getvalue()
    assert stored(pk=broken.pk) == "v1.lost." + "A" * 60


def test_the_command_finds_every_encrypted_field_of_the_project() -> None:
    from django.apps import apps

    expected = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, EncryptedJSONField)
    }
    assert {f"{field.model._meta.label}.{field.name}" for field in rotate_secrets.find_fields()} == expected


def test_ten_thousand_tokens_are_opened_quickly() -> None:
    tokens = [encrypt(b"x" * 500, about=str(n)) for n in range(10_000)]
    started = time.process_time()
    for n, token in enumerate(tokens):
        decrypt(token, about=str(n))
    assert time.process_time() - started < 2
