"""Replacing a flag file: at once, by one editor at a time, newer than before, recorded, and readable by the server."""

import fcntl
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from orderpage.migration.flags import edit as flag_edit
from orderpage.migration.flags.edit import ReadOnly, read, replace
from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.file import dump, to_flagd
from orderpage.migration.flags.history import Edit, digest, history_file, in_words, read_history
from orderpage.migration.flags.rules import Route, Rule, Rules, Split
from orderpage.migration.scope import Scope


def rules(route: Route, site: str = "*") -> Rules:
    return Rules.of([Rule(Scope(site), "", Split.whole(route))])


def text_of(rules: Rules) -> str:
    return dump(to_flagd(rules))


def edit(path: Path, after: Rules, actor: str = "mei") -> None:
    now = read(path)
    text = text_of(after)
    replace(path, _edit(now.text, text, now.rules, after, actor), text)


def _edit(before: str | None, after: str, old: Rules | None, new: Rules, actor: str = "mei") -> Edit:
    return Edit(
        at=datetime(2026, 11, 28, tzinfo=UTC),
        actor=actor,
        reason="a test",
        command="set",
        before=in_words(old),
        after=in_words(new),
        before_sha256=digest(before),
        after_sha256=digest(after),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    edit(path, rules(Route.SHADOW))
    return path


def test_a_missing_file_is_made_and_everybody_may_read_it(path: Path) -> None:
    assert read(path).rules == rules(Route.SHADOW)
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_mode_stays_and_the_time_is_later_whatever_the_clock_was(path: Path) -> None:
    path.chmod(0o640)
    ahead = time.time_ns() + 3600 * 10**9
    os.utime(path, ns=(ahead, ahead))
    edit(path, rules(Route.NEW))
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_mtime_ns > ahead


def test_a_symbolic_link_stays_one(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "linked" / "flags.json"
    link.parent.mkdir()
    link.symlink_to(path)
    edit(link, rules(Route.NEW))
    assert link.is_symlink()
    assert read(path).rules == rules(Route.NEW)


def test_nothing_but_file_and_history_is_left(path: Path) -> None:
    edit(path, rules(Route.NEW))
    assert sorted(each.name for each in path.parent.iterdir()) == ["flags.json", "flags.json.history.jsonl"]


def test_every_edit_is_recorded(path: Path) -> None:
    edit(path, rules(Route.NEW), actor="wing")
    first, second = read_history(path)
    assert (first.before, first.after, first.before_sha256) == ((), ("everything: shadow",), "")
    assert (second.actor, second.before, second.after) == ("wing", ("everything: shadow",), ("everything: new",))
    assert second.before_sha256 == first.after_sha256
    assert second.after_sha256 == digest(path.read_text())


def test_a_file_that_changed_meanwhile_is_not_overwritten(path: Path) -> None:
    now, text = read(path), text_of(rules(Route.LEGACY))
    edit(path, rules(Route.NEW))
    with pytest.raises(FlagError, match="somebody else changed"):
        replace(path, _edit(now.text, text, now.rules, rules(Route.LEGACY)), text)
    assert read(path).rules == rules(Route.NEW)
    assert len(read_history(path)) == 2


def test_of_editors_at_once_each_is_done_or_refused(path: Path) -> None:
    def one(number: int) -> bool:
        try:
            edit(path, rules(Route.NEW, f"S{number}"))
        except FlagError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = sum(pool.map(one, range(24)))
    edits = read_history(path)
    assert 1 <= done == len(edits) - 1
    assert all(later.before_sha256 == earlier.after_sha256 for earlier, later in pairwise(edits))
    assert edits[-1].after_sha256 == digest(path.read_text())


def test_an_editor_that_hangs_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flag_edit, "_WAIT_S", 0.1)
    with history_file(path).open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(FlagError, match="another edit has held"):
            edit(path, rules(Route.NEW))
    assert read(path).rules == rules(Route.SHADOW)


def test_what_could_not_be_in_force_is_not_written(path: Path) -> None:
    now = read(path)
    with pytest.raises(FlagError, match="no flag"):
        replace(path, _edit(now.text, "{}", now.rules, Rules()), "{}")
    assert read(path).rules == rules(Route.SHADOW)


def _full_disk(failing: str) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28), failing)

    return fail


@pytest.mark.parametrize("step", ["rename", "fsync"])
def test_a_failing_disk_leaves_file_and_history_as_they_were(
    path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(os, step, _full_disk("flags.json"))
        with pytest.raises(FlagError, match=r"is as it was: No space left"):
            edit(path, rules(Route.NEW))
    assert read(path).rules == rules(Route.SHADOW)
    assert len(read_history(path)) == 1
    assert len(list(path.parent.iterdir())) == 2


def test_a_folder_that_cannot_be_written_says_where_the_change_belongs() -> None:
    sealed = Path("/sys/kernel/flags.json")  # not even root can make a file there
    text = text_of(Rules())
    with pytest.raises(ReadOnly, match=r"so /sys/kernel/flags.json is as it was.*\(a ConfigMap\).*--print"):
        replace(sealed, _edit(None, text, Rules(), Rules()), text)


def test_a_broken_file_is_not_edited(path: Path) -> None:
    path.write_text("{")
    with pytest.raises(FlagError, match="broken, servers keep the flags before it"):
        read(path)


def test_a_broken_line_of_the_history_is_named(path: Path) -> None:
    with history_file(path).open("a") as file:
        file.write("{}\n")
    with pytest.raises(FlagError, match="line 2, is no edit"):
        read_history(path)
