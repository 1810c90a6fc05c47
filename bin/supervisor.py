"""Keep a few processes running together: start in order, restart what dies, stop them all and leave no orphan.

Each process leads a process group of its own, so that Ctrl-C in the terminal reaches the supervisor alone, which then
stops them in order. Should the supervisor itself be killed, the kernel ends its children (PR_SET_PDEATHSIG).
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10.0
MOST_RESTARTS = 3
RESTART_WINDOW = 30.0


class Stop(Exception):
    """Somebody asked us to stop: Ctrl-C, SIGTERM, or the terminal was closed."""


def stop_on_signals() -> None:
    """Turn the signals that mean "stop" into Stop, once; those that follow must not cut the stopping short."""

    def stop(number: int, frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stop(signal.Signals(number).name)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)


class Service:
    """One process, with its output in a log file."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = dict(environment)
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths: list[float] = []

    def start(self) -> None:
        supervisor = os.getpid()
        # One call in the child must not look anything up: load it before the fork.
        prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None

        def die_with_supervisor() -> None:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            if prctl is not None:
                prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != supervisor:
                    os._exit(1)

        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_supervisor,
            )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal_group(self, number: int) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def last_lines(self, count: int = 15) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        except OSError:
            return ""


class Supervisor:
    """Runs services until somebody says stop, or one of them cannot be kept alive."""

    def __init__(self, services: Sequence[Service], *, say: Callable[[str], None] = print) -> None:
        self.services = list(services)
        self.say = say

    def start(self) -> None:
        for service in self.services:
            service.start()

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Wait for something to be ready.

        Raises:
            RuntimeError: a service died meanwhile, or it took too long; the message ends with the log's last lines.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            for service in self.services:
                if not service.is_running:
                    raise RuntimeError(f"{service.name} stopped while starting. {self._quote(service)}")
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"{what} was not ready after {seconds:.0f} seconds. See {self.services[0].log.parent}/."
                )
            time.sleep(0.1)

    def watch(self) -> None:
        """Return never: restart what dies.

        Raises:
            RuntimeError: one service died too often.
            Stop: somebody asked.
        """
        while True:
            time.sleep(0.5)
            for service in self.services:
                if not service.is_running:
                    self._restart(service)

    def _restart(self, service: Service) -> None:
        now = time.monotonic()
        service.deaths = [at for at in service.deaths if now - at < RESTART_WINDOW] + [now]
        if len(service.deaths) > MOST_RESTARTS:
            raise RuntimeError(f"{service.name} keeps stopping. {self._quote(service)}")
        self.say(f"{service.name} stopped ({self._describe_end(service)}); starting it again.")
        service.signal_group(signal.SIGKILL)
        service.start()

    def stop(self) -> None:
        """Stop all, last started first; what does not end in time is killed, with everything it started."""
        for service in reversed(self.services):
            service.signal_group(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and any(service.is_running for service in self.services):
            time.sleep(0.05)
        for service in self.services:
            service.signal_group(signal.SIGKILL)
            if service.process is not None:
                service.process.wait()

    @staticmethod
    def _describe_end(service: Service) -> str:
        code = service.process.returncode if service.process else 0
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"

    @staticmethod
    def _quote(service: Service) -> str:
        return f"The end of {service.log}:\n{service.last_lines()}"
