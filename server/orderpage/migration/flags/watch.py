"""Watches a flag file for the flagd provider.

The provider's own watcher lets a readable file with wrong content replace good flags, logs a stack trace at every look
while the file is gone, and is silent about a file that it does not apply because it is older.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from openfeature.evaluation_context import EvaluationContext

from orderpage.migration.flags.errors import FlagError

SECONDS = 0.2
"""Between looks. Each reads the file, some 20 µs: its content says for certain whether it changed, not its time."""


class FlagWatch:
    """Offers what a file says whenever it changes; the last flags that were accepted stay in force meanwhile.

    It is a connector of the flagd provider: ``initialize`` reads the file and begins to watch, ``shutdown`` ends.
    ``offer`` takes a text, or says in what it is wrong; ``note`` is told why the file is not in force, or nothing.
    """

    def __init__(self, path: Path, offer: Callable[[str], str], note: Callable[[str], None]) -> None:
        self._path = path
        self._offer = offer
        self._note = note
        self._looked: tuple[int, bytes] | None = None
        self._applied = (0, b"")
        self._trouble = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="flag-watch", daemon=True)

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Put the file in force. Raises ``FlagError`` when it cannot be."""
        if trouble := self._look():
            raise FlagError(trouble)
        self._thread.start()

    def shutdown(self) -> None:
        """End within a look. May be called twice."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SECONDS):
            try:
                trouble = self._look()
            except Exception as error:  # whatever it is, the next look may go well
                trouble = f"{self._path} could not be looked at: {error!r}"
            self._note(f"the last good flags stay in force: {trouble}" if trouble else "")

    def _look(self) -> str:
        """Why the file as it is now is not in force, or nothing."""
        try:
            with self._path.open("rb") as file:
                modified, content = os.fstat(file.fileno()).st_mtime_ns, file.read()
        except FileNotFoundError:
            self._looked = None
            return f"there is no flag file {self._path}; 'orderpage traffic set' makes one"
        except OSError as error:
            self._looked = None
            return f"the flag file {self._path} cannot be read ({error.strerror})"
        if self._looked != (modified, content):
            self._trouble = self._consider(modified, content)
            self._looked = (modified, content)
        return self._trouble

    def _consider(self, modified: int, content: bytes) -> str:
        applied_at, applied = self._applied
        if content == applied:
            return ""
        if modified < applied_at:
            return (
                f"the flag file {self._path} has other content but is older than what is in force, as after a restore; "
                f"if it is meant, say so by: touch {self._path}"
            )
        try:
            wrong = self._offer(content.decode())
        except UnicodeDecodeError:
            wrong = "it is no UTF-8 text"
        if wrong:
            return f"the flag file {self._path} cannot be used: {wrong}"
        self._applied = min(modified, time.time_ns()), content  # a time in the future would make every later file older
        return ""
