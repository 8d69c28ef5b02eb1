"""Replaces a flag file: at once, one editor at a time, newer than before, and recorded.

Servers see the old file or the new one, never half of it. The history is written first: a change in force that nobody
knows the reason of is worse than a reason whose change did not come about, which its hash shows.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from tempfile import mkstemp
from typing import NoReturn

import msgspec

from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.file import HandWritten, Json, from_flagd, validate
from orderpage.migration.flags.history import Edit, digest, encode, history_file
from orderpage.migration.flags.rules import Rules

_WAIT_S = 10.0
_POLL_S = 0.05
_MODE = 0o644
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class ReadOnly(FlagError):
    """The file or its folder cannot be written here."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A flag file as it is. ``text`` is None where there is none; ``rules`` is None where it was written by hand."""

    text: str | None
    document: Json | None
    rules: Rules | None


def read(path: Path) -> Reading:
    """The file, checked. Raises ``FlagError`` when it is broken."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Reading(text=None, document=None, rules=Rules())
    except (OSError, UnicodeDecodeError) as error:
        raise FlagError(f"the flag file {path} cannot be read: {error}") from None
    try:
        document = validate(text).document
    except FlagError as error:
        raise FlagError(f"the flag file {path} is broken, servers keep the flags before it: {error}") from None
    try:
        rules = from_flagd(document)
    except HandWritten:
        rules = None
    return Reading(text=text, document=document, rules=rules)


def replace(path: Path, edit: Edit, text: str) -> None:
    """Write a new text, unless the file is not as ``edit`` says it was before.

    Raises ``FlagError``, with the file as it was.
    """
    validate(text)
    target = Path(os.path.realpath(path))  # a symbolic link stays one
    try:
        with _locked(history_file(path), target) as history:
            if digest(_text(target)) != edit.before_sha256:
                raise FlagError(
                    f"somebody else changed {path} meanwhile; nothing was written, look at it and run this again"
                )
            _swap(target, text, history, encode(edit))
    except OSError as error:
        _refuse(path, error)


@contextmanager
def _locked(side: Path, target: Path) -> Iterator[FileIO]:
    """The history, open for appending and held by nobody else."""
    with side.open("ab", buffering=0) as history:
        _own_like(history.fileno(), target if target.exists() else target.parent)
        until = time.monotonic() + _WAIT_S
        while True:
            try:
                fcntl.flock(history, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise FlagError(f"another edit has held {side} for {_WAIT_S:g} s; end it, or wait for it") from None
                time.sleep(_POLL_S)
        yield history


def _swap(target: Path, text: str, history: FileIO, line: bytes) -> None:
    handle, name = mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            _be_like(file.fileno(), target)
            os.fsync(file.fileno())
        length = os.fstat(history.fileno()).st_size
        try:
            history.write(line)
            os.fsync(history.fileno())
            os.rename(name, target)
        except BaseException:
            history.truncate(length)
            raise
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
    _sync_folder(target.parent)


def _be_like(handle: int, target: Path) -> None:
    """The old file's mode and owner, and a time that is later than its own."""
    try:
        old = target.stat()
    except FileNotFoundError:
        os.fchmod(handle, _MODE)
        _own_like(handle, target.parent)
        return
    os.fchmod(handle, stat.S_IMODE(old.st_mode))
    _own_like(handle, target)
    mine = os.fstat(handle).st_mtime_ns
    if mine <= old.st_mtime_ns:  # its clock was ahead: servers do not apply what is older than what they have
        later = old.st_mtime_ns + 1_000_000
        os.utime(handle, ns=(later, later))


def _own_like(handle: int, path: Path) -> None:
    """An edit as root must leave the file to whom it belongs."""
    owner = path.stat()
    with suppress(PermissionError):
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse(path: Path, error: OSError) -> NoReturn:
    if error.errno in _READ_ONLY:
        raise ReadOnly(
            f"{error.filename or path} cannot be written here ({error.strerror}), so {path} is as it was. If it is "
            "mounted from a map (a ConfigMap), change it where the map is made: --print writes the new file to "
            "standard output. Else run this as the file's owner"
        ) from None
    raise FlagError(f"{path} is as it was: {error.strerror} ({error.filename or path})") from None
