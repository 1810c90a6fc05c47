"""`make run`: everything comes up, says where it is, comes back after a crash, and goes away."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.e2e.conftest import ROOT, Portico, running_demo


def test_it_says_where_it_is_and_how_to_sign_in(portico: Portico) -> None:
    said = (portico.var / "output").read_text()

    assert f"Portico    {portico.url}" in said
    assert "alice.meyer@northwind.example" in said
    assert "portico-demo-2026" in said
    with urllib.request.urlopen(f"{portico.url}/healthz", timeout=5) as response:
        assert response.status == 200


def test_a_second_one_on_the_same_data_is_refused_and_told_where_the_first_is(portico: Portico) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bin/demo.py"],
        env={**os.environ, "DEMO_VAR": str(portico.var), "PORTICO_ENV": str(portico.var / "env")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert f"already running at {portico.url}" in done.stderr
    assert "Traceback" not in done.stderr


def test_reset_is_refused_while_it_runs(portico: Portico) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "bin/demo.py", "--reset"],
        env={**os.environ, "DEMO_VAR": str(portico.var)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert (portico.var / "portico.sqlite3").exists()


def test_a_killed_worker_comes_back(portico: Portico) -> None:
    worker = next(pid for pid in portico.find_processes() if b"\0worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes())

    os.kill(worker, signal.SIGKILL)

    deadline = time.monotonic() + 30
    while portico.read_log("worker").count(" ready.") < 2:
        assert time.monotonic() < deadline, (portico.var / "output").read_text()
        time.sleep(0.2)
    assert "worker stopped (SIGKILL); starting it again." in (portico.var / "output").read_text()


def test_stopping_leaves_no_process_and_a_second_start_keeps_the_data_and_is_quick(tmp_path: Path) -> None:
    with running_demo(tmp_path / "var") as first:
        processes = first.find_processes()
        assert len(processes) == 4
    assert [pid for pid in processes if Path(f"/proc/{pid}").exists()] == []
    written = (tmp_path / "var/portico.sqlite3").stat().st_ino

    began = time.monotonic()
    with running_demo(tmp_path / "var"):
        took = time.monotonic() - began

    assert (tmp_path / "var/portico.sqlite3").stat().st_ino == written
    assert took < 25
