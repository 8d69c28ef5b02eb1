"""Who edited a flag file, when, why, and from what to what: a line of JSON an edit, beside the file."""

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.rules import Rules


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One edit. ``before`` and ``after`` are rules in words, null where the flag was written by hand.

    The hashes are of the whole file, empty where there was none: where one edit's ``before`` is not the hash that the
    last one left, the file was changed by other means in between.
    """

    at: datetime
    actor: str
    reason: str
    command: str
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None
    before_sha256: str
    after_sha256: str


def history_file(path: Path) -> Path:
    """Of a flag file."""
    return path.with_name(f"{path.name}.history.jsonl")


def digest(text: str | None) -> str:
    """SHA-256 of a file's text, in hexadecimal; empty where there is no file."""
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()


def in_words(rules: Rules | None) -> tuple[str, ...] | None:
    """Each rule as it says itself, in order."""
    return None if rules is None else tuple(str(rule) for rule in rules.rules)


def read_history(path: Path) -> list[Edit]:
    """Every edit of a flag file, the first one first. Raises ``FlagError`` for a line that is none."""
    file = history_file(path)
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FlagError(f"the history {file} cannot be read ({error.strerror})") from None
    edits = []
    for number, line in enumerate(lines, 1):
        try:
            edits.append(msgspec.json.decode(line, type=Edit))
        except msgspec.DecodeError as error:
            message = f"{file}, line {number}, is no edit ({error}); mend the line, or move the history away"
            raise FlagError(message) from None
    return edits


def encode(edit: Edit) -> bytes:
    """As a line."""
    return msgspec.json.encode(edit) + b"\n"
