"""The web process starts without what only reading needs."""

import subprocess
import sys

HEAVY = {"exchangelib", "lxml", "spnego", "requests_ntlm"}


def test_the_provider_is_imported_without_exchangelib_and_lxml() -> None:
    code = (
        "import sys; from integrations.providers.exchange import Exchange; "
        "Exchange({}, session_factory=lambda: None); print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
