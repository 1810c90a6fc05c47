"""The supervisor of the demonstration, with real processes: what it starts it also ends, whatever happens to it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BIN = Path(__file__).resolve().parents[2] / "bin"
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {bin!r})
from supervisor import Service, Stop, Supervisor, stop_on_signals
stop_on_signals()
folder = Path({folder!r})
services = [Service(name, [sys.executable, "-c", code], log=folder / (name + ".log"), environment={{}})
            for name, code in {commands!r}.items()]
supervisor = Supervisor(services, say=lambda sentence: print(sentence, flush=True))
try:
    supervisor.start()
    print("pids", *[service.process.pid for service in services], flush=True)
    supervisor.watch()
except Stop as stop:
    print("asked:", stop, flush=True)
except RuntimeError as error:
    print(error, flush=True)
finally:
    supervisor.stop()
"""
SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
WITH_CHILD = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], tuple[subprocess.Popen[str], list[int]]]]:
    """supervise({name: python code}) -> (the supervisor's process, its services' process ids)."""
    started: list[subprocess.Popen[str]] = []
    pids: list[int] = []

    def supervise(commands: dict[str, str]) -> tuple[subprocess.Popen[str], list[int]]:
        code = SCRIPT.format(bin=str(BIN), folder=str(tmp_path), commands=commands)
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        found = [int(pid) for pid in process.stdout.readline().split()[1:]]
        pids.extend(found)
        return process, found

    yield supervise
    for process in started:
        process.kill()
        process.communicate()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], bool], *, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_way_of_asking_ends_every_process(supervise: Callable, number: signal.Signals) -> None:
    process, pids = supervise({"one": SLEEP, "two": SLEEP})
    assert len(pids) == 2 and all(map(is_alive, pids))

    process.send_signal(number)
    output, _ = process.communicate(timeout=20)

    assert number.name in output
    assert not any(map(is_alive, pids))


def test_when_the_supervisor_is_killed_its_processes_end_too(supervise: Callable) -> None:
    process, pids = supervise({"one": SLEEP, "two": SLEEP})

    process.kill()

    assert wait_for(lambda: not any(map(is_alive, pids)))


def test_one_that_dies_is_started_again_and_said_so(supervise: Callable) -> None:
    process, pids = supervise({"one": SLEEP, "two": SLEEP})

    os.kill(pids[0], signal.SIGKILL)

    assert process.stdout.readline() == "one stopped (SIGKILL); starting it again.\n"
    assert is_alive(pids[1]) and process.poll() is None


def test_one_that_keeps_dying_ends_everything_with_its_last_words(supervise: Callable) -> None:
    process, pids = supervise({"good": SLEEP, "bad": "import time; time.sleep(0.2); raise SystemExit('no disk left')"})

    output, _ = process.communicate(timeout=30)

    assert "bad keeps stopping" in output
    assert "no disk left" in output
    assert not is_alive(pids[0])


def test_what_a_service_started_ends_with_it(supervise: Callable, tmp_path: Path) -> None:
    process, pids = supervise({"one": WITH_CHILD})
    log = tmp_path / "one.log"
    assert wait_for(lambda: log.exists() and log.read_text().strip().isdigit())
    child = int(log.read_text())

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)

    assert not is_alive(pids[0])
    assert wait_for(lambda: not is_alive(child))


def test_one_that_does_not_listen_is_killed_in_the_end(supervise: Callable, tmp_path: Path) -> None:
    process, pids = supervise({"deaf": STUBBORN})
    assert wait_for(lambda: "deaf" in (tmp_path / "deaf.log").read_text())

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)

    assert not is_alive(pids[0])
