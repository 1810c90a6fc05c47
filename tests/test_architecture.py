"""The shape of the house: import order, module names, and no door beside the doors."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("portal", "organizations", "integrations", "meetings", "contacts", "phone", "safety")
PROVIDER_FOLDERS = tuple(f"integrations.providers.{name}" for name in ("google", "office365", "exchange"))
SHAPELESS = {"utils", "helpers", "common", "services", "manager", "misc", "core", "lib"}


def find_modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts)


def find_imports(path: Path) -> set[str]:
    """Full names of everything a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_imports_keep_to_their_order() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_is_named_for_what_happens_in_it() -> None:
    shapeless = [str(path.relative_to(ROOT)) for path in find_modules(*PRODUCT, "sandbox") if path.stem in SHAPELESS]

    assert shapeless == []


@pytest.mark.parametrize("library", ["urllib.request", "http.client", "httpx", "httplib2", "aiohttp", "socket"])
def test_nothing_but_the_guard_speaks_to_the_network(library: str) -> None:
    beside = [
        str(path.relative_to(ROOT))
        for path in find_modules(*PRODUCT)
        if path.parts[len(ROOT.parts)] != "safety" and library in find_imports(path)
    ]

    assert beside == []


def test_no_session_is_made_but_by_the_guard() -> None:
    """`requests` may be imported for its types and exceptions; requests.get() and Session() would pass the guard by."""
    makers = {"Session", "session", "get", "post", "put", "patch", "delete", "head", "request"}
    beside = []
    for path in find_modules(*PRODUCT):
        if path.parts[len(ROOT.parts)] == "safety":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func.value) == "requests"
                and node.func.attr in makers
            ):
                beside.append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert beside == []


def test_no_process_starts_with_libraries_that_only_some_tasks_need() -> None:
    """exchangelib takes a second and sixty megabytes: it comes with the first mailbox that is read by it."""
    program = (
        "import sys, django; django.setup(); import portal.celery, portal.urls; from integrations import registry; "
        "registry.providers(); loaded = {name.split('.')[0] for name in sys.modules}; "
        "print(sorted({'exchangelib', 'msal', 'lxml'} & loaded))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings", "PORTICO_ENV": os.devnull}
    environment |= {"SECRET_KEY": "x" * 50, "SECRETS_KEYS": "k1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="}
    environment |= {"OFFICE365_CLIENT_ID": "id", "OFFICE365_CLIENT_SECRET": "secret", "DATABASE_URL": "sqlite:/nowhere"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_only_the_gateway_opens_an_account() -> None:
    """`credentials.open()` hands out secrets in clear: for a provider, a revocation, a host, a phone system."""
    allowed = {"integrations/gateway.py", "integrations/connecting.py", "safety/secrets.py"}
    allowed |= {"meetings/host_settings.py", "phone/system_settings.py"}
    beside = {
        str(path.relative_to(ROOT))
        for path in find_modules(*PRODUCT)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "open"
        and ast.unparse(node.func.value).endswith("credentials")
    }

    assert beside - allowed == set()


def test_a_provider_is_named_only_in_its_folder_and_in_the_settings() -> None:
    allowed = {"portal/settings.py"}
    naming = {
        str(path.relative_to(ROOT))
        for path in find_modules(*PRODUCT)
        if "providers" not in path.parts and any(name.startswith(PROVIDER_FOLDERS) for name in find_imports(path))
    }

    assert naming - allowed == set()


def test_no_page_holds_a_script_or_a_style_of_its_own() -> None:
    """The policy of the pages forbids both: they would be dead in every browser."""
    found = []
    for path in (ROOT / "templates").rglob("*.html"):
        if path.parent.name == "mail":
            continue
        text = path.read_text().lower()
        if "<style" in text or " style=" in text or " onclick=" in text or " onload=" in text or "javascript:" in text:
            found.append(str(path.relative_to(ROOT)))
        tags = [part.split(">")[0] for part in text.split("<script")[1:]]
        # Data that a script of ours reads is no script.
        found += [
            str(path.relative_to(ROOT)) for tag in tags if " src=" not in tag and 'type="application/json"' not in tag
        ]

    assert found == []


def test_no_file_asks_for_work_to_be_done_later() -> None:
    later = [
        f"{path.relative_to(ROOT)}"
        for path in find_modules(*PRODUCT, "sandbox", "bin", "bench")
        if any(word in path.read_text() for word in ("TODO", "FIXME", "XXX", "NotImplementedError"))
    ]

    assert later == []
