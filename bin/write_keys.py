"""Write keys into .env on first start; add what is missing, change nothing that is there."""

import base64
import os
import secrets
import sys
from pathlib import Path

ENV = Path(os.environ.get("PORTICO_ENV") or Path(__file__).resolve().parent.parent / ".env")
HEAD = "# Written by bin/setup. It holds keys: do not commit or share it. .env.example explains every other setting.\n"


def make_keys() -> dict[str, str]:
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SECRETS_KEYS": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "SANDBOX_CLIENT_SECRET": secrets.token_urlsafe(24),
    }


def read_names(text: str) -> set[str]:
    """Names that already have a value, or a file that holds it."""
    names = set()
    for line in text.splitlines():
        name, sep, value = line.strip().partition("=")
        if sep and value.strip() and not name.startswith("#"):
            names.add(name.strip().removesuffix("_FILE"))
    return names


def main() -> int:
    if not ENV.is_file() and ENV.exists():
        return 0
    text = ENV.read_text() if ENV.exists() else HEAD
    missing = {name: value for name, value in make_keys().items() if name not in read_names(text)}
    if not missing:
        return 0
    # An empty line of the same name would stand first, and the first one counts.
    lines = [line for line in text.splitlines() if line.partition("=")[0].strip() not in missing]
    text = "".join(f"{line}\n" for line in lines) + "".join(f'{name}="{value}"\n' for name, value in missing.items())
    draft = ENV.with_name(f"{ENV.name}.{os.getpid()}")
    # Never readable by others, not even for a moment; and never half written.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(ENV)
    print(f"Wrote {', '.join(missing)} into {ENV.name}.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
