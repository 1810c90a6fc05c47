"""Portico in a process of its own, on a database of the benchmark's, so that memory is comparable."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POSTGRESQL = os.environ.get("BENCH_POSTGRESQL", "postgresql://postgres@127.0.0.1/postgres")


def run(database: str, folder: Path, *arguments: str) -> str:
    """What the Python command says on this database; ends the benchmark where it fails. `folder`: for its files."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PORTICO_ENV": os.devnull,
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database,
        "VAR_DIR": str(folder / "var"),
        "SECRET_KEY": "bench",
        "SECRETS_KEYS": "bench:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=",
        "GOOGLE_CLIENT_ID": "bench", "GOOGLE_CLIENT_SECRET": "bench",
        "OFFICE365_CLIENT_ID": "bench", "OFFICE365_CLIENT_SECRET": "bench",
        "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
        "SYNC_LONGEST_RUN_SECONDS": "3600",
        "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return done.stdout
