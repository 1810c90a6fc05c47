"""`.env.example` and the code name the same settings."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = {"text", "flag", "number", "items", "required"}
APPS = ("portal", "organizations", "integrations", "meetings", "contacts", "safety", "sandbox")
SCRIPTS_OWN = {"SANDBOX_CLIENT_SECRET"}
"""Written and read by bin/, which hands its value on under another name."""


def find_names_read() -> set[str]:
    """Names in `env.text("NAME")` and its siblings, and in os.environ, anywhere in the code."""
    names = set()
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names |= _find_name(node)
    return names


def _find_name(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
        first = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        owner = ast.unparse(node.func.value)
        if not (owner == "env" and node.func.attr in READERS) and not (
            owner == "os.environ" and node.func.attr == "get"
        ):
            return set()
        first = node.args[0]
    else:
        return set()
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.isupper():
        return {first.value}
    return set()


def find_names_explained() -> list[str]:
    return re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_every_setting_that_is_read_is_explained() -> None:
    read = find_names_read()

    assert "DATABASE_URL" in read, "the search itself finds nothing"
    assert read - set(find_names_explained()) == set()


def test_every_setting_that_is_explained_is_read() -> None:
    assert set(find_names_explained()) - find_names_read() - SCRIPTS_OWN == set()


def test_no_setting_is_explained_twice() -> None:
    explained = find_names_explained()

    assert len(explained) == len(set(explained))


def test_copied_as_it_is_the_example_sets_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == []
