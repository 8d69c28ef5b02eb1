"""What the sandbox provider remembers: one attempt a key, in memory and optionally in an append-only file."""

from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from orderpage.domain.order import PaymentState


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A hold as the provider knows it.

    ``currency`` is empty for a key that was released before it was ever held. ``settles_at`` is when a pending hold
    turns HELD; None when nothing is awaited. ``deaf`` counts the look-ups that are yet to time out.
    """

    key: str
    state: PaymentState
    amount: int = 0
    currency: str = ""
    method: str = ""
    decline: str = ""
    settles_at: datetime | None = None
    deaf: int = 0


class Journal:
    """Attempts by key. With a ``path``, each change is a JSON line there and the last line of a key stands."""

    def __init__(self, path: Path | None = None) -> None:
        self._attempts: dict[str, Attempt] = {}
        self._file: BinaryIO | None = None
        if path is None:
            return
        whole = self._replay(path)
        # Unbuffered: a line written before a kill is in the file.
        self._file = path.open("ab", buffering=0)
        self._file.truncate(whole)

    def get(self, key: str) -> Attempt | None:
        """Return the attempt, or None."""
        return self._attempts.get(key)

    def __getitem__(self, key: str) -> Attempt:
        return self._attempts[key]

    def put(self, attempt: Attempt) -> None:
        """Write the attempt down, then remember it."""
        if self._file is not None:
            self._file.write(msgspec.json.encode(attempt) + b"\n")
        self._attempts[attempt.key] = attempt

    def close(self) -> None:
        """Close the file; the attempts stay readable."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _replay(self, path: Path) -> int:
        """Read every whole line; return their length in bytes. A kill can cut off the last one, which is dropped."""
        content = path.read_bytes() if path.exists() else b""
        lines = content.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        for number, line in enumerate(lines, start=1):
            try:
                attempt = msgspec.json.decode(line, type=Attempt)
            except msgspec.DecodeError as error:
                raise ValueError(
                    f"{path}:{number}: not a line of a payment journal ({error}); move the file away"
                ) from error
            self._attempts[attempt.key] = attempt
        return sum(map(len, lines))
