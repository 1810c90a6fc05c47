"""What production serves: every file found, every name hashed, nothing from elsewhere."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

STATIC = settings.BASE_DIR / "static"


@pytest.fixture(scope="module")
def collected(tmp_path_factory) -> Path:
    """All static files as bin/setup collects them for production."""
    root = tmp_path_factory.mktemp("static")
    storages = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    }
    with override_settings(STATIC_ROOT=root, STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
    return root


def test_every_file_that_a_stylesheet_names_is_there(collected):
    """collectstatic itself fails where one is missing; here: that our sheets came through it, hashed."""
    (sheet,) = (collected / "css").glob("portico.*.css")
    imports = re.findall(r'@import url\("([^"]+)"\)', sheet.read_text())
    assert len(imports) > 25
    for one in imports:
        assert (sheet.parent / one).resolve().is_file(), one
        assert re.search(r"\.[0-9a-f]{12}\.css$", one), one


def test_nothing_is_fetched_from_another_host():
    for sheet in [*STATIC.rglob("*.css"), *STATIC.rglob("*.js")]:
        text = sheet.read_text()
        assert not re.findall(r"(?:url\(|import |src=|fetch\()[\"']?(?:https?:)?//", text), sheet


def test_vendored_files_keep_their_licenses_and_their_version():
    for folder in (STATIC / "vendor").iterdir():
        assert (folder / "LICENSE").is_file(), folder
        assert re.search(r"-\d+\.\d+\.\d+$", folder.name), folder


def test_bootstrap_stands_below_everything_of_ours():
    sheet = (STATIC / "css" / "portico.css").read_text()
    assert "@layer vendor, reset, base, layout, components, utilities;" in sheet
    assert re.search(r'@import url\("\.\./vendor/bootstrap-[^"]+"\) layer\(vendor\);', sheet)
