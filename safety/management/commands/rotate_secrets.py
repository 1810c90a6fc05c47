"""Encrypt every secret anew with the first key of SECRETS_KEYS."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django.utils.module_loading import import_string

from safety.secrets import EncryptedJSONField, Undecryptable, decrypt, encrypt, needs_rotation

TRIES = 5


class Command(BaseCommand):
    help = (
        "Encrypts every secret anew with the first key of SECRETS_KEYS. Safe while the system runs, safe to stop and "
        "start again. When it ends well, older keys may be taken out of SECRETS_KEYS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only count; change nothing")
        parser.add_argument("--batch-size", type=int, default=200, help="rows per transaction (default 200)")

    def handle(self, *args: Any, **options: Any) -> None:
        failures = 0
        for field in find_fields():
            label = f"{field.model._meta.label}.{field.name}"
            counts: Counter[str] = Counter()
            for batch in read_batches(field, size=options["batch_size"]):
                with transaction.atomic():
                    for pk, token in batch:
                        try:
                            counts[rotate(field, pk, token, is_check=options["check"])] += 1
                        except Undecryptable as error:
                            counts["undecryptable"] += 1
                            self.stderr.write(f"{label} {pk}: cannot be decrypted ({error.reason})")
            failures += self.report(label, counts, is_check=options["check"])
        for path in settings.SECRETS_ELSEWHERE:
            failures += self.report(path, import_string(path)(is_check=options["check"]), is_check=options["check"])
        if failures:
            raise CommandError(
                f"{failures} secrets cannot be decrypted. Put the key they were made with back into SECRETS_KEYS; "
                "where it is lost, the people concerned connect again."
            )

    def report(self, label: str, counts: Counter[str], *, is_check: bool) -> int:
        """Say what was done; returns how many cannot be decrypted."""
        old = f"{counts['old']} on an older key" if is_check else f"{counts['rotated']} rotated"
        self.stdout.write(
            f"{label}: {counts.total()} rows, {old}, {counts['current']} on the current key, "
            f"{counts['gone']} deleted meanwhile, {counts['undecryptable']} cannot be decrypted"
        )
        return counts["undecryptable"]


def find_fields() -> Iterator[EncryptedJSONField]:
    """Every encrypted field of every installed model, once."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            for field in model._meta.local_concrete_fields:
                if isinstance(field, EncryptedJSONField):
                    yield field


def read_batches(field: EncryptedJSONField, *, size: int) -> Iterator[list[tuple[Any, str]]]:
    """(pk, token) of every row in the order of the primary key: rows made or deleted meanwhile disturb nothing."""
    rows = field.model._base_manager.order_by("pk").values_list("pk", field.attname)
    last: Any = None
    while batch := list(rows[:size] if last is None else rows.filter(pk__gt=last)[:size]):
        yield batch
        last = batch[-1][0]


def rotate(field: EncryptedJSONField, pk: Any, token: str | None, *, is_check: bool) -> str:
    """Encrypt one row anew unless it changes under our hands, then with what it holds by then.

    Returns one of "current", "old" (when only checking), "rotated", "gone".

    Raises:
        Undecryptable: nothing was changed.
    """
    about = field.about_pk(pk)
    rows: models.QuerySet[models.Model] = field.model._base_manager.filter(pk=pk)
    for _ in range(TRIES):
        if token is None:
            return "gone"
        plain = decrypt(token, about=about)
        if not needs_rotation(token):
            return "current"
        if is_check:
            return "old"
        if rows.filter(**{field.attname: token}).update(**{field.attname: encrypt(plain, about=about)}):
            return "rotated"
        token = rows.values_list(field.attname, flat=True).first()
    raise CommandError(f"{about} changed {TRIES} times while it was being rotated. Run this again.")
