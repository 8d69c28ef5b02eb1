"""Mistakes in packages and extensions: all of them at once, each with file, line and what to do."""

import difflib
from collections.abc import Iterable

from orderpage.engine.plan import Origin

_LISTED = 20


class PackageError(Exception):
    """One mistake. ``line`` is 0 where there is no line, as for an installed distribution."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(file, line, message)
        self.file = file
        self.line = line
        self.message = message

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}"


class PackageErrors(Exception):
    """All mistakes of a package set, of which twenty are shown."""

    def __init__(self, errors: tuple[PackageError, ...]) -> None:
        super().__init__(errors)
        self.errors = errors

    def __str__(self) -> str:
        lines = [str(error) for error in self.errors[:_LISTED]]
        if len(self.errors) > _LISTED:
            lines.append(f"and {len(self.errors) - _LISTED} more")
        return "\n".join(lines)


class Problems:
    """Collects mistakes, each once, however many scenarios meet it."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, str], PackageError] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, file: str, line: int, message: str, example: str = "") -> None:
        """Note a mistake. ``example`` is one scenario that meets it, and does not make it another mistake."""
        key = file, line, message
        if key not in self._found:
            self._found[key] = PackageError(file, line, f"{message} (in {example})" if example else message)

    def at(self, origin: Origin, message: str, example: str = "") -> None:
        """Note a mistake where a layer wrote something."""
        self.add(origin.file, origin.line, message, example)

    def check(self) -> None:
        """Raise ``PackageErrors`` if there are any, in the order of files and lines."""
        if self._found:
            raise PackageErrors(tuple(sorted(self._found.values(), key=lambda error: (error.file, error.line))))


def one_of(name: str, known: Iterable[str]) -> str:
    """What to do about an unknown name: the closest ones, else all that there are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    more = ", …" if len(names) > _LISTED else ""
    return f"known: {', '.join(names[:_LISTED])}{more}" if names else "there are none"
