"""What brings Portico onto a machine: keys, requirements, scripts."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ("requirements", "requirements-sandbox", "requirements-dev")
SCRIPTS = [path for path in [*(ROOT / "bin").iterdir(), ROOT / ".ci/run"] if path.is_file() and path.suffix != ".py"]


def write_keys(env: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "bin/write_keys.py"],
        env={**os.environ, "PORTICO_ENV": str(env)},
        capture_output=True,
        text=True,
        check=True,
    )


def read_values(env: Path) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in env.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return {name: value.strip('"') for name, value in pairs}


def test_the_first_start_writes_keys_that_nobody_else_can_read(tmp_path: Path) -> None:
    write_keys(tmp_path / ".env")

    values = read_values(tmp_path / ".env")
    assert set(values) == {"SECRET_KEY", "SECRETS_KEYS", "SANDBOX_CLIENT_SECRET"}
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / ".env"]


def test_the_keys_it_writes_encrypt(tmp_path: Path, settings: Settings) -> None:
    from safety.secrets import decrypt, encrypt

    write_keys(tmp_path / ".env")
    settings.SECRETS_KEYS = [read_values(tmp_path / ".env")["SECRETS_KEYS"]]

    assert decrypt(encrypt(b"secret", about="row:1"), about="row:1") == b"secret"


def test_the_second_start_changes_no_key(tmp_path: Path) -> None:
    write_keys(tmp_path / ".env")
    before = (tmp_path / ".env").read_bytes()

    done = write_keys(tmp_path / ".env")

    assert (tmp_path / ".env").read_bytes() == before
    assert done.stderr == ""


def test_two_machines_get_different_keys(tmp_path: Path) -> None:
    write_keys(tmp_path / "one")
    write_keys(tmp_path / "two")

    one, two = read_values(tmp_path / "one"), read_values(tmp_path / "two")
    assert all(one[name] != two[name] for name in one)


def test_what_somebody_set_is_kept_and_only_what_is_missing_is_added(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("# mine\nSECRET_KEY=chosen\nSECRETS_KEYS=\nSMTP_HOST=mail.example.com")

    write_keys(env)

    values = read_values(env)
    assert values["SECRET_KEY"] == "chosen"
    assert values["SMTP_HOST"] == "mail.example.com"
    assert values["SECRETS_KEYS"].startswith("k1:")
    assert env.read_text().startswith("# mine\n")


def test_a_key_kept_in_a_file_of_its_own_is_not_written_again(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY_FILE=/run/secrets/key\n")

    write_keys(tmp_path / ".env")

    assert "SECRET_KEY" not in read_values(tmp_path / ".env")


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_is_pinned_with_its_hashes(name: str) -> None:
    entries = read_pins(name)

    assert entries
    assert [package for package, (version, hashes) in entries.items() if not version or not hashes] == []


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_everything_that_is_asked_for_is_pinned(name: str) -> None:
    asked = {
        normalize(match[0])
        for line in (ROOT / f"{name}.in").read_text().splitlines()
        if (match := re.match(r"[A-Za-z0-9][\w.-]*", line))
    }

    assert asked - set(read_pins(name)) == set(), "type: make lock"


def test_the_three_sets_agree_on_versions() -> None:
    versions: dict[str, set[str]] = {}
    for name in REQUIREMENTS:
        for package, (version, _) in read_pins(name).items():
            versions.setdefault(package, set()).add(version)

    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def read_pins(name: str) -> dict[str, tuple[str, int]]:
    """{package: (version, how many hashes)}; a package may stand there once per platform."""
    pins: dict[str, tuple[str, int]] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", (ROOT / f"{name}.txt").read_text()):
        if match := re.match(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", entry):
            pins[normalize(match[1])] = match[2], entry.count("--hash=sha256:")
        elif not entry.startswith("#"):
            pins[entry[:40]] = "", 0
    return pins


def normalize(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["run", "reset", "test", "test-services", "check", "bench", "lock"])
def test_make_says_what_it_can_do(target: str) -> None:
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert re.search(rf"^{target} +\S", done.stdout, re.MULTILINE)


def test_what_must_stay_here_is_ignored_by_git() -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    names = [".env", "var/portico.sqlite3", ".venv/bin/python"]

    done = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout.split() == names
