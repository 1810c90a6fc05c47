"""Bring database, cache table and static files in step with the code: after installing, and after every upgrade."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import BaseCommand, CommandParser, call_command


class Command(BaseCommand):
    help = "Migrate the database, create the cache table, collect static files where they changed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--static", choices=["changed", "always", "never"], default="changed")

    def handle(self, *args: Any, **options: Any) -> None:
        quiet = max(options["verbosity"] - 1, 0)
        call_command("migrate", interactive=False, verbosity=quiet)
        call_command("createcachetable", verbosity=quiet)
        if options["static"] != "never":
            self.collect_static(always=options["static"] == "always", verbosity=quiet)

    def collect_static(self, *, always: bool, verbosity: int) -> None:
        root = Path(settings.STATIC_ROOT)
        stamp = root / ".collected"
        now = fingerprint()
        if not always and stamp.exists() and stamp.read_text() == now:
            return
        call_command("collectstatic", interactive=False, verbosity=verbosity)
        stamp.write_text(now)


def fingerprint() -> str:
    """Changes when a static file, how they are stored, or the place they come from changes."""
    digest = hashlib.sha256(repr(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for path, storage in finder.list(None):
            about = Path(storage.path(path)).stat()
            digest.update(f"{storage.path(path)} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()
