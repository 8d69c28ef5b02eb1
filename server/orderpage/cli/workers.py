"""``orderpage serve --workers N``: processes that share a port, watched by one that serves nothing itself.

The parent never imports grpc, and starts each worker afresh: grpc does not survive a fork. It holds the port from
before the first worker until after the last, so that nobody else can slip in.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import msgspec
import structlog

from orderpage.cli.failures import UserMistake
from orderpage.settings import ServerSettings

_COMMAND = [sys.executable, "-c", "from orderpage.cli import main; main()", "serve", "--worker"]
_POLL_SECONDS = 0.1
_SHORT_LIFE = 5.0
_SHORT_LIVES = 3
"""When every worker ended within five seconds, three times running, starting them again will not help."""

_LONGEST_REST = 30.0
"""Seconds that a worker rests at most before it is started again: twice as long after each short life."""

_MISTAKE = 2
"""The status of a worker that was given wrong settings, packages or a wrong database."""


def run_workers(settings: ServerSettings, count: int) -> int:
    """Keep ``count`` workers running until SIGTERM or SIGINT; SIGHUP goes on to each. Returns the exit status.

    Raises ``UserMistake`` where they cannot share the database or the port.
    """
    if not settings.database.startswith("postgresql"):
        raise UserMistake(
            f"{count} workers need PostgreSQL: SQLite serves one process, so leave --workers out or set "
            "ORDERPAGE_DATABASE=postgresql+asyncpg://user:password@host/database"
        )
    with _held_port(settings) as port:
        return _Supervisor(settings, port, count).run()


@contextmanager
def _held_port(settings: ServerSettings) -> Iterator[int]:
    """Bind the port twice: alone first, which fails where anybody serves on it, then shared with our workers."""
    host, port = settings.host, int(settings.listen.rpartition(":")[2])
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as alone:
            alone.bind((host, port))
            port = alone.getsockname()[1]
        shared = socket.socket(family)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind((host, port))
    except OSError as error:
        raise UserMistake(f"cannot listen on {settings.listen}: {error.strerror}; choose another port") from None
    with shared:
        yield port


class _Worker:
    """One process, how many it was before, and how often it ended early."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.lives = 0
        self.short_lives = 0
        self.started = 0.0
        self.due = 0.0
        self.process: subprocess.Popen[bytes] | None = None


class _Supervisor:
    """Starts, watches and stops the workers."""

    def __init__(self, settings: ServerSettings, port: int, count: int) -> None:
        self._settings = settings
        self._workers = [_Worker(index) for index in range(count)]
        self._stopping = False
        self._log = structlog.get_logger("orderpage")
        # One key for all, and for those started later: a quote outlives the worker that made it.
        keys = settings.quote_keys or f"ephemeral:{secrets.token_hex(32)}"
        listen = f"{settings.listen.rpartition(':')[0]}:{port}"
        self._own = msgspec.structs.replace(settings, quote_keys=keys, listen=listen, workers=1)

    def run(self) -> int:
        """Until told to stop, or until workers cannot be kept alive."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload)
        try:
            return self._watch()
        finally:
            self._end()

    def _watch(self) -> int:
        while not self._stopping:
            for worker in self._workers:
                if worker.process is not None and worker.process.poll() is not None and (status := self._ended(worker)):
                    return status
                if worker.process is None and time.monotonic() >= worker.due:
                    self._start(worker)
            time.sleep(_POLL_SECONDS)
        return 0

    def _ended(self, worker: _Worker) -> int:
        """See to a worker that ended: the status to end with, because none can be kept alive, or 0 to go on."""
        if worker.process is None:
            return 0
        status, now = worker.process.returncode, time.monotonic()
        lived = now - worker.started
        worker.short_lives = worker.short_lives + 1 if lived < _SHORT_LIFE else 0
        # What ends one early (a database that is away, too many clients) may pass, and the others go on serving.
        rest = min(_LONGEST_REST, 2.0 ** (worker.short_lives - 2)) if worker.short_lives > 1 else 0.0
        worker.process, worker.due = None, now + rest
        self._log.error("worker.ended", worker=worker.index, status=status, lived_s=round(lived, 1), rests_s=rest)
        if status == _MISTAKE and worker.lives == 1:
            return _MISTAKE  # it has said what to do, and all the others would say the same
        return int(all(each.short_lives >= _SHORT_LIVES for each in self._workers))

    def _start(self, worker: _Worker) -> None:
        worker.started = time.monotonic()
        worker.lives += 1
        # The pipe is never written to: it ends with us, and a worker that sees it end stops.
        worker.process = subprocess.Popen(_COMMAND, env=self._environment(worker), stdin=subprocess.PIPE)  # noqa: S603
        self._log.info("worker.started", worker=worker.index, pid=worker.process.pid)

    def _environment(self, worker: _Worker) -> dict[str, str]:
        """Settings by variables, not by flags: a database's URL holds a password, and flags are there for all to read.

        Each worker shows its metrics on a port of its own, counted up from the one that is set.
        """
        own = self._own
        if own.metrics:
            host, _, port = own.metrics.rpartition(":")
            shown = int(port) + worker.index if int(port) else 0
            own = msgspec.structs.replace(own, metrics=f"{host}:{shown}")
        return os.environ | own.environment()

    def _end(self) -> None:
        """SIGTERM to all; those that outstay their grace are killed: the sweeper finishes what they left."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + self._settings.grace_s + self._settings.payment_hold_s + 1
        for worker in self._workers:
            if worker.process is not None:
                try:
                    worker.process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    worker.process.kill()
                    worker.process.wait()
        self._log.info("stopped", workers=len(self._workers))

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _reload(self, _number: int, _frame: FrameType | None) -> None:
        self._signal(signal.SIGHUP)

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is None:
                worker.process.send_signal(number)
